//! What can happen, and how often it does.

use proptest::{collection::vec, option, prelude::*, strategy::Union};

/// One thing that happens. Who it happens to is a number, taken modulo how many there are, so
/// that every script means something, however it is shortened.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Somebody begins to speak for a server, not listed yet.
    Register(Newcomer),
    /// A heartbeat: with few texts, so that it often says the same as before, or as one before that.
    Heartbeat { speaker: usize, text: u8 },
    /// A speaker is reached elsewhere from now on.
    Move {
        speaker: usize,
        six: bool,
        port: u16,
    },
    /// A speaker's connection is gone.
    Leave { speaker: usize },
    /// A relay's connection is gone, and with it all that it listed.
    LoseRelay { relay: u8 },
    /// Time passes, in quarters of a tick.
    Pass { quarters: u32 },
    /// A client comes.
    Follow {
        game: Option<u8>,
        compressed: bool,
        eager: bool,
    },
    /// So many clients come who follow from then on.
    Crowd { clients: usize },
    /// So many clients come, one tick after the other, and stop reading where they are.
    Stagger { clients: usize },
    /// A client stops reading: at once, or in the middle of the next frame.
    Lag { client: usize, begun: bool },
    /// A client reads again.
    CatchUp { client: usize },
    /// All clients read again, in the same tick: those who came last do so first.
    CatchUpAll,
    /// The daemon gives a client's stream up; the next one begins with a snapshot.
    Reset { client: usize },
    /// A game looks at its list.
    Look { client: usize },
    /// A client's connection is gone, with what was on its way.
    Disconnect { client: usize },
    /// A client connects again, or anew.
    Reconnect { client: usize, claim: Claim },
    /// A client follows another game from now on, on another connection.
    Switch { client: usize, game: Option<u8> },
    /// A client stops reading, and reads again after so many events, the first of which concerns a
    /// server that is gone then, or has changed.
    Oversleep {
        client: usize,
        events: u16,
        gone: bool,
    },
    /// Half of the servers change in each of so many ticks.
    Storm { ticks: u8 },
    /// Servers come and go, one in each tick.
    Churn { ticks: u16 },
    /// The daemon ends without a word and begins anew; of the servers, these come back, beginning
    /// with any of them.
    Restart { back: u64, first: usize },
    /// Nothing happens for long enough that every list has to be the truth.
    Settle,
}

/// Who registers.
#[derive(Clone, Debug)]
pub(super) struct Newcomer {
    pub(super) game: u8,
    pub(super) identity: Option<u8>,
    pub(super) six: bool,
    pub(super) port: u16,
    pub(super) relay: Option<u8>,
}

/// What a client says that it knows.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// What it knows.
    Own,
    /// Nothing: the game was started anew.
    Nothing,
    /// Its revision, of another daemon.
    OtherEpoch,
    /// A revision that has not been yet.
    Future(u64),
    /// Any revision that has been.
    Past(u64),
}

/// Games that servers belong to: one more than the registry takes at a time.
pub(super) const GAMES: u8 = 4;

/// Texts of heartbeats; the last one is long.
pub(super) const TEXTS: u8 = 5;

fn game() -> impl Strategy<Value = Option<u8>> {
    option::of(0..GAMES)
}

fn newcomer() -> impl Strategy<Value = Newcomer> {
    let place = (any::<bool>(), 1..5_u16);
    let anonymous = (0..GAMES, option::of(0..2_u8)).prop_map(|(game, relay)| (game, None, relay));
    // An identity mostly stays with its game. A relay's servers have none: it is the relay that
    // has shown a certificate.
    let named = (0..6_u8, option::weighted(0.1, 0..GAMES))
        .prop_map(|(it, elsewhere)| (elsewhere.unwrap_or(it % GAMES), Some(it), None));
    (prop_oneof![anonymous, named], place).prop_map(|((game, identity, relay), (six, port))| {
        Newcomer {
            game,
            identity,
            six,
            port,
            relay,
        }
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        8 => Just(Claim::Own),
        2 => Just(Claim::Nothing),
        1 => Just(Claim::OtherEpoch),
        1 => (1..u64::MAX).prop_map(Claim::Future),
        1 => any::<u64>().prop_map(Claim::Past),
    ]
}

/// Scripts of some hundred steps.
pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..64_usize;
    let often = [
        (60, newcomer().prop_map(Step::Register).boxed()),
        (
            200,
            (who.clone(), 0..TEXTS)
                .prop_map(|(speaker, text)| Step::Heartbeat { speaker, text })
                .boxed(),
        ),
        (
            30,
            (who.clone(), any::<bool>(), 1..5_u16)
                .prop_map(|(speaker, six, port)| Step::Move { speaker, six, port })
                .boxed(),
        ),
        (
            40,
            who.clone()
                .prop_map(|speaker| Step::Leave { speaker })
                .boxed(),
        ),
        (
            250,
            (0..6_u32)
                .prop_map(|quarters| Step::Pass { quarters })
                .boxed(),
        ),
        (
            50,
            (game(), any::<bool>(), any::<bool>())
                .prop_map(|(game, compressed, eager)| Step::Follow {
                    game,
                    compressed,
                    eager,
                })
                .boxed(),
        ),
        (
            40,
            who.clone().prop_map(|client| Step::Look { client }).boxed(),
        ),
        (
            50,
            (who.clone(), any::<bool>())
                .prop_map(|(client, begun)| Step::Lag { client, begun })
                .boxed(),
        ),
        (
            50,
            who.clone()
                .prop_map(|client| Step::CatchUp { client })
                .boxed(),
        ),
        (
            40,
            who.clone()
                .prop_map(|client| Step::Disconnect { client })
                .boxed(),
        ),
        (
            80,
            (who.clone(), claim())
                .prop_map(|(client, claim)| Step::Reconnect { client, claim })
                .boxed(),
        ),
    ];
    let seldom = [
        (
            10,
            (0..2_u8)
                .prop_map(|relay| Step::LoseRelay { relay })
                .boxed(),
        ),
        (
            20,
            who.clone()
                .prop_map(|client| Step::Reset { client })
                .boxed(),
        ),
        (
            10,
            (who.clone(), game())
                .prop_map(|(client, game)| Step::Switch { client, game })
                .boxed(),
        ),
        (
            4,
            (10..28_usize)
                .prop_map(|clients| Step::Stagger { clients })
                .boxed(),
        ),
        (30, Just(Step::CatchUpAll).boxed()),
        (
            1,
            (60..90_usize)
                .prop_map(|clients| Step::Crowd { clients })
                .boxed(),
        ),
        (
            1,
            // About as many as a feed remembers.
            (who.clone(), 1020..1028_u16, any::<bool>())
                .prop_map(|(client, events, gone)| Step::Oversleep {
                    client,
                    events,
                    gone,
                })
                .boxed(),
        ),
        (
            1,
            (1..100_u8).prop_map(|ticks| Step::Storm { ticks }).boxed(),
        ),
        (
            1,
            (1..50_u16).prop_map(|ticks| Step::Churn { ticks }).boxed(),
        ),
        (
            8,
            (any::<u64>(), who)
                .prop_map(|(back, first)| Step::Restart { back, first })
                .boxed(),
        ),
        (15, Just(Step::Settle).boxed()),
    ];
    vec(
        Union::new_weighted(often.into_iter().chain(seldom).collect()),
        1..300,
    )
}
