//! What the lobby knows of one of its clients (`docs/specifications/vcmi-lobby.md`, section 7).

use std::net::SocketAddr;

use metaserve::bounds::Id;

use crate::vcmi::{
    encoding::Encoding,
    handshake::{Prefix, Version},
    room::RoomId,
};

/// Where a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Channel {
    #[default]
    Global,
    Room,
}

impl Channel {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "global" => Some(Self::Global),
            "room" => Some(Self::Room),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Room => "room",
        }
    }
}

/// Where a client is. "Joined" are all but `Free`; only `Host` and `Guest` are players.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Free,
    Host(RoomId),
    /// Has named a room but not its password yet. The room may be gone meanwhile, or another
    /// one may have its name, hence both.
    Pending(RoomId, String),
    Guest(RoomId),
}

/// A lobby connection, from its first frame on.
#[derive(Debug)]
pub(super) struct Client {
    /// The address of ours that it came in on.
    pub(super) local: SocketAddr,
    /// Its place in the lobby; one that is refused has none.
    pub(super) seat: Option<Id>,
    /// Known from the first frame that has a usable one.
    pub(super) prefix: Option<Prefix>,
    /// Its user name, once it is authorised.
    pub(super) name: Option<String>,
    pub(super) vcmi_version: String,
    pub(super) channel: Channel,
    pub(super) ready: bool,
    pub(super) place: Place,
    /// Whether a HEALTH was sent after its last sign of life.
    pub(super) asked: bool,
}

impl Client {
    pub(super) fn new(local: SocketAddr, seat: Option<Id>) -> Self {
        Self {
            local,
            seat,
            prefix: None,
            name: None,
            vcmi_version: String::new(),
            channel: Channel::default(),
            ready: false,
            place: Place::default(),
            asked: false,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.prefix
            .map_or(Encoding::UTF_8, |prefix| prefix.encoding)
    }

    pub(super) fn version_is(&self, rule: impl Fn(Version) -> bool) -> bool {
        self.prefix.is_some_and(|prefix| rule(prefix.version))
    }

    /// Its user name; empty before it is authorised.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The room it plays in, as host or guest.
    pub(super) fn plays_in(&self) -> Option<RoomId> {
        match self.place {
            Place::Host(room) | Place::Guest(room) => Some(room),
            Place::Free | Place::Pending(..) => None,
        }
    }
}
