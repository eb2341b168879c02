//! The possible steps, and their frequencies.

use proptest::{collection::vec, option, prelude::*, strategy::Union};

/// One step. Its subject is a number, taken modulo the number of subjects, so that every script is
/// valid, however it is shortened.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A publisher registers a server, which is not listed yet.
    Register(Newcomer),
    /// A heartbeat. There are few texts, so that it often repeats the last one, or an older one.
    Heartbeat { speaker: usize, text: u8 },
    /// A server's address changes.
    Move { speaker: usize, place: Place },
    /// The number of rows of each address changes; `None` for any number.
    Rows { each: Option<usize> },
    /// A publisher's connection is lost.
    Leave { speaker: usize },
    /// A relay's connection is lost, and with it everything that it listed.
    LoseRelay { relay: u8 },
    /// Time passes, in quarters of a tick.
    Pass { quarters: u32 },
    /// A client connects.
    Follow {
        game: Option<u8>,
        compressed: bool,
        eager: bool,
    },
    /// This many clients connect and follow from then on.
    Crowd { clients: usize },
    /// This many clients connect, one in each tick, and stop reading there.
    Stagger { clients: usize },
    /// A client stops reading: at once, or in the middle of the next frame.
    Lag { client: usize, begun: bool },
    /// A client reads again.
    CatchUp { client: usize },
    /// All clients read again in the same tick, the newest first.
    CatchUpAll,
    /// The daemon resets a client's stream; the next one begins with a snapshot.
    Reset { client: usize },
    /// A game looks at its list.
    Look { client: usize },
    /// A client's connection is lost, with the data in flight.
    Disconnect { client: usize },
    /// A client connects again, or starts over.
    Reconnect { client: usize, claim: Claim },
    /// A client switches to another game, on a new connection.
    Switch { client: usize, game: Option<u8> },
    /// A client stops reading, and reads again after this many events. The first of them concerns
    /// a server that is gone by then, or has changed.
    Oversleep {
        client: usize,
        events: u16,
        gone: bool,
    },
    /// Half of the servers change in each of this many ticks.
    Storm { ticks: u8 },
    /// Servers come and go, one per tick.
    Churn { ticks: u16 },
    /// The daemon stops without a goodbye and starts again. These servers return, beginning with
    /// any of them.
    Restart { back: u64, first: usize },
    /// Nothing happens for so long that every list must be the truth.
    Settle,
}

/// A new registration.
#[derive(Clone, Debug)]
pub(super) struct Newcomer {
    pub(super) game: u8,
    pub(super) identity: Option<u8>,
    pub(super) place: Place,
    pub(super) relay: Option<u8>,
}

/// The address of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) six: bool,
    pub(super) host: u8,
    pub(super) port: u16,
}

/// The addresses of servers, and how many of them get a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum House {
    /// All are on one host, which has any number of rows.
    Roomy,
    /// They are on hosts of two networks, with a few rows each.
    Crowded,
}

/// The revision that a client claims to know.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// Its own.
    Own,
    /// None: the game was restarted.
    Nothing,
    /// Its own, of another list of the same daemon.
    OtherEpoch,
    /// A future revision.
    Future(u64),
    /// Any past revision.
    Past(u64),
}

/// The number of games of servers: one more than the registry accepts at a time.
pub(super) const GAMES: u8 = 4;

/// The number of hosts in a crowded house.
const HOSTS: u8 = 8;

/// The number of texts of heartbeats; the last one is long.
pub(super) const TEXTS: u8 = 5;

fn game() -> impl Strategy<Value = Option<u8>> {
    option::of(0..GAMES)
}

fn place(house: House) -> impl Strategy<Value = Place> {
    let host = match house {
        House::Roomy => Just(0).boxed(),
        House::Crowded => (0..HOSTS).boxed(),
    };
    (any::<bool>(), 1..5_u16, host).prop_map(|(six, port, host)| Place { six, host, port })
}

fn newcomer(house: House) -> impl Strategy<Value = Newcomer> {
    let anonymous = (0..GAMES, option::of(0..2_u8)).prop_map(|(game, relay)| (game, None, relay));
    // An identity usually keeps its game. The servers of a relay have none: the certificate is the
    // relay's.
    let named = (0..6_u8, option::weighted(0.1, 0..GAMES))
        .prop_map(|(it, elsewhere)| (elsewhere.unwrap_or(it % GAMES), Some(it), None));
    let who = prop_oneof![anonymous, named];
    (who, place(house)).prop_map(|((game, identity, relay), place)| Newcomer {
        game,
        identity,
        place,
        relay,
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

/// A step with its frequency.
fn step<T: std::fmt::Debug + 'static>(
    weight: u32,
    draw: impl Strategy<Value = T> + 'static,
    step: impl Fn(T) -> Step + 'static,
) -> (u32, BoxedStrategy<Step>) {
    (weight, draw.prop_map(step).boxed())
}

/// Scripts of some hundred steps.
pub(super) fn script(house: House) -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..64_usize;
    let mut steps = vec![
        step(60, newcomer(house), Step::Register),
        step(200, (who(), 0..TEXTS), |(speaker, text)| Step::Heartbeat {
            speaker,
            text,
        }),
        step(30, (who(), place(house)), |(speaker, place)| Step::Move {
            speaker,
            place,
        }),
        step(40, who(), |speaker| Step::Leave { speaker }),
        step(250, 0..6_u32, |quarters| Step::Pass { quarters }),
        step(
            50,
            (game(), any::<bool>(), any::<bool>()),
            |(game, compressed, eager)| Step::Follow {
                game,
                compressed,
                eager,
            },
        ),
        step(40, who(), |client| Step::Look { client }),
        step(50, (who(), any::<bool>()), |(client, begun)| Step::Lag {
            client,
            begun,
        }),
        step(50, who(), |client| Step::CatchUp { client }),
        step(40, who(), |client| Step::Disconnect { client }),
        step(80, (who(), claim()), |(client, claim)| Step::Reconnect {
            client,
            claim,
        }),
        step(10, 0..2_u8, |relay| Step::LoseRelay { relay }),
        step(20, who(), |client| Step::Reset { client }),
        step(10, (who(), game()), |(client, game)| Step::Switch {
            client,
            game,
        }),
        step(4, 10..28_usize, |clients| Step::Stagger { clients }),
        step(30, Just(()), |()| Step::CatchUpAll),
        step(1, 60..90_usize, |clients| Step::Crowd { clients }),
        step(
            1,
            // About as many as a feed remembers.
            (who(), 1020..1028_u16, any::<bool>()),
            |(client, events, gone)| Step::Oversleep {
                client,
                events,
                gone,
            },
        ),
        step(1, 1..100_u8, |ticks| Step::Storm { ticks }),
        step(1, 1..50_u16, |ticks| Step::Churn { ticks }),
        step(8, (any::<u64>(), who()), |(back, first)| Step::Restart {
            back,
            first,
        }),
        step(15, Just(()), |()| Step::Settle),
    ];
    if house == House::Crowded {
        let each = prop_oneof![
            2 => Just(Some(0)),
            9 => Just(Some(1)),
            4 => Just(Some(2)),
            1 => Just(None),
        ];
        steps.push(step(20, each, |each| Step::Rows { each }));
        steps.push(step(200, newcomer(house), Step::Register));
        steps.push(step(200, who(), |speaker| Step::Heartbeat {
            speaker,
            text: 1,
        }));
    }
    vec(Union::new_weighted(steps), 1..300)
}
