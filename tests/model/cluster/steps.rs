//! What may happen in a cluster.

use proptest::prelude::*;

/// The number of members.
pub(super) const MEMBERS: usize = 3;

/// Where a server is: few places, so that servers meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) six: bool,
    pub(super) host: u8,
    pub(super) port: u16,
}

/// How a message fares.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Arrives,
    ArrivesAndStays,
    IsLost,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Register {
        member: usize,
        game: u8,
        identity: Option<u8>,
        place: Place,
        /// Whether it has a heartbeat at once.
        speaks: bool,
    },
    Heartbeat {
        speaker: usize,
        text: u8,
    },
    Move {
        speaker: usize,
        place: Place,
    },
    Leave {
        speaker: usize,
    },
    /// A member's feeds are flushed, and its own feed is published.
    Tick {
        member: usize,
    },
    /// Only what clients are shown is flushed, or only the own feed.
    Flush {
        member: usize,
        own: bool,
    },
    /// A member says how far it is, and before that what it has not said yet.
    Beat {
        member: usize,
    },
    /// The message `nth` that is on its way between two members.
    Message {
        from: usize,
        to: usize,
        nth: usize,
        fate: Fate,
    },
    /// One member asks another one for all that it states, or for what it misses.
    Sync {
        from: usize,
        to: usize,
        all: bool,
    },
    /// One member drops what the last runs of another one have stated.
    Forget {
        from: usize,
        to: usize,
    },
    /// A member is killed, and another run of it begins.
    Restart {
        member: usize,
    },
    /// A member hides what is at this host.
    Hide {
        member: usize,
        host: Option<u8>,
    },
    /// A member ends what has lost, if the others are heard.
    Settle {
        member: usize,
        heard: bool,
    },
    /// All that is on its way arrives, in order.
    Calm,
    /// A while in which nothing fails: all flush, say what they have to say, and hear it.
    Round,
    /// A client follows the list of a member, or that of one game.
    Follow {
        member: usize,
        game: Option<u8>,
    },
    /// A client reads what there is.
    Read {
        client: usize,
    },
    /// A client goes on at another member.
    Resume {
        client: usize,
        member: usize,
    },
}

fn place() -> impl Strategy<Value = Place> {
    let port = prop_oneof![3 => Just(1), 1 => Just(2)];
    (prop::bool::weighted(0.3), 0..2_u8, port).prop_map(|(six, host, port)| Place {
        six,
        host,
        port,
    })
}

/// What happens when nothing fails.
fn usual() -> impl Strategy<Value = Step> {
    let member = || 0..MEMBERS;
    let speaker = || 0..40_usize;
    let client = || 0..4_usize;
    let identity = prop_oneof![2 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    let game = prop::option::of(0..2_u8);
    prop_oneof![
        6 => (member(), 0..2_u8, identity, place(), prop::bool::weighted(0.8)).prop_map(
            |(member, game, identity, place, speaks)| Step::Register {
                member,
                game,
                identity,
                place,
                speaks,
            },
        ),
        4 => (speaker(), 0..4_u8).prop_map(|(speaker, text)| Step::Heartbeat { speaker, text }),
        2 => (speaker(), place()).prop_map(|(speaker, place)| Step::Move { speaker, place }),
        3 => speaker().prop_map(|speaker| Step::Leave { speaker }),
        6 => member().prop_map(|member| Step::Tick { member }),
        3 => (member(), any::<bool>()).prop_map(|(member, own)| Step::Flush { member, own }),
        4 => member().prop_map(|member| Step::Beat { member }),
        2 => (member(), any::<bool>()).prop_map(|(member, heard)| Step::Settle { member, heard }),
        8 => (member(), member(), 0..4_usize).prop_map(|(from, to, nth)| Step::Message {
            from,
            to,
            nth,
            fate: Fate::Arrives,
        }),
        2 => Just(Step::Calm),
        4 => Just(Step::Round),
        1 => (member(), game).prop_map(|(member, game)| Step::Follow { member, game }),
        8 => client().prop_map(|client| Step::Read { client }),
        4 => (client(), member()).prop_map(|(client, member)| Step::Resume { client, member }),
    ]
}

/// What happens when something fails.
fn failure() -> impl Strategy<Value = Step> {
    let member = || 0..MEMBERS;
    let fate = prop_oneof![Just(Fate::ArrivesAndStays), Just(Fate::IsLost)];
    prop_oneof![
        6 => (member(), member(), 0..4_usize, fate).prop_map(|(from, to, nth, fate)| {
            Step::Message {
                from,
                to,
                nth,
                fate,
            }
        }),
        4 => (member(), member(), any::<bool>())
            .prop_map(|(from, to, all)| Step::Sync { from, to, all }),
        1 => (member(), member()).prop_map(|(from, to)| Step::Forget { from, to }),
        1 => member().prop_map(|member| Step::Restart { member }),
        1 => (member(), prop::option::of(0..2_u8))
            .prop_map(|(member, host)| Step::Hide { member, host }),
    ]
}

/// A script in which more or less fails.
pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    (0..3_u32).prop_flat_map(|fails| {
        let step = prop_oneof![30 => usual(), fails.pow(2) * 2 + 1 => failure()];
        prop::collection::vec(step, 0..200)
    })
}
