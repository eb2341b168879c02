//! The state of one lobby client (`docs/specifications/vcmi-lobby.md`, section 7).

use std::net::SocketAddr;

use metaserve::bounds::Id;

use crate::vcmi::{
    encoding::Encoding,
    handshake::{Prefix, Version},
    room::RoomId,
};

/// Which channel a client writes to.
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

/// Where a client is. All but `Free` count as "joined"; only `Host` and `Guest` are players.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Free,
    Host(RoomId),
    /// It has named a room, but has not sent the password yet. The room may end in the meantime,
    /// and another one may take its name, so both are kept.
    Pending(RoomId, String),
    Guest(RoomId),
}

/// A lobby connection, from its first frame on.
#[derive(Debug)]
pub(super) struct Client {
    /// Our own address that it connected to.
    pub(super) local: SocketAddr,
    /// Its place in the lobby. A client that is refused has none.
    pub(super) seat: Option<Id>,
    /// Set by the first frame with a usable prefix.
    pub(super) prefix: Option<Prefix>,
    /// Its user name, once it is authorised.
    pub(super) name: Option<String>,
    pub(super) vcmi_version: String,
    pub(super) channel: Channel,
    pub(super) ready: bool,
    pub(super) place: Place,
    /// Whether a HEALTH was sent since the client last sent anything.
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

    /// Its user name, or an empty text before it is authorised.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Returns the room in which it is the host or a guest.
    pub(super) fn plays_in(&self) -> Option<RoomId> {
        match self.place {
            Place::Host(room) | Place::Guest(room) => Some(room),
            Place::Free | Place::Pending(..) => None,
        }
    }
}
