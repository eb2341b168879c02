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
    /// The message `nth` that is on its way between two members.
    Message {
        from: usize,
        to: usize,
        nth: usize,
        fate: Fate,
    },
    /// One member asks another one for all that it states.
    Sync {
        from: usize,
        to: usize,
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
}

fn place() -> impl Strategy<Value = Place> {
    (any::<bool>(), 0..3_u8, 1..3_u16).prop_map(|(six, host, port)| Place { six, host, port })
}

fn step() -> impl Strategy<Value = Step> {
    let member = || 0..MEMBERS;
    let speaker = || 0..40_usize;
    let fate = prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::ArrivesAndStays),
        1 => Just(Fate::IsLost),
    ];
    let identity = prop_oneof![2 => (0..3_u8).prop_map(Some), 1 => Just(None)];
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
        12 => member().prop_map(|member| Step::Tick { member }),
        12 => (member(), member(), 0..4_usize, fate).prop_map(|(from, to, nth, fate)| {
            Step::Message {
                from,
                to,
                nth,
                fate,
            }
        }),
        4 => (member(), member()).prop_map(|(from, to)| Step::Sync { from, to }),
        1 => (member(), member()).prop_map(|(from, to)| Step::Forget { from, to }),
        1 => member().prop_map(|member| Step::Restart { member }),
        1 => (member(), prop::option::of(0..3_u8))
            .prop_map(|(member, host)| Step::Hide { member, host }),
        2 => (member(), any::<bool>()).prop_map(|(member, heard)| Step::Settle { member, heard }),
        2 => Just(Step::Calm),
    ]
}

/// A script.
pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..150)
}
