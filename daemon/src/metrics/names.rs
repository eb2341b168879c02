//! The label values: each label has a small, fixed set.

use crate::rules::Limit;
use metaserve::{Role, feed::Form, protocol::roles::Side};

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$value_doc:meta])* $value:ident $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $type {
            $($(#[$value_doc])* $value,)*
        }

        impl $type {
            pub(crate) const ALL: &[Self] = &[$(Self::$value,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }
        }
    };
}

names! {
    /// The outcome of a first packet.
    Handshake {
        Accepted "accepted",
        Failed "failed",
        Retried "retried",
        Refused "refused",
        Ignored "ignored",
    }
}

names! {
    /// How a frame is sent.
    Way {
        Quic "quic",
        Http "http",
    }
}

names! {
    /// The pools of places that are shared fairly by address.
    Pool {
        Servers "servers",
        Clients "clients",
        Http "http",
        Listeners "listeners",
    }
}

impl From<Role> for Pool {
    fn from(role: Role) -> Self {
        match role.side() {
            Side::Publishes => Self::Servers,
            Side::Follows => Self::Clients,
        }
    }
}

names! {
    /// The step at which a peer was stopped by a ban.
    BannedAt {
        /// Refused at the first packet.
        FirstPacket "first_packet",
        /// Closed with the reason, during or after the handshake.
        Connection "connection",
        Http "http",
        /// A server that a relay lists, or tried to list.
        Relay "relay",
        /// A server that was announced over HTTP before the ban.
        Announced "announced",
    }
}

names! {
    /// Why a heartbeat was rejected, or a server not listed.
    Rejected {
        Oversize "oversize",
        TooOften "too_often",
        Malformed "malformed",
        Game "game",
        Address "address",
        Banned "banned",
        MaxGames "max_games",
        MaxServersPerRelay "max_servers_per_relay",
    }
}

impl Rejected {
    /// The limit that was reached, if the reason is a limit.
    pub(crate) const fn limit(self) -> Option<Limit> {
        match self {
            Self::Oversize => Some(Limit::MaxHeartbeat),
            Self::TooOften => Some(Limit::HeartbeatsPerInterval),
            Self::MaxGames => Some(Limit::MaxGames),
            Self::MaxServersPerRelay => Some(Limit::MaxServersPerRelay),
            Self::Malformed | Self::Game | Self::Address | Self::Banned => None,
        }
    }
}

impl Way {
    pub(crate) const fn form(self) -> Form {
        match self {
            Self::Quic => Form::Wire,
            Self::Http => Form::Event,
        }
    }
}
