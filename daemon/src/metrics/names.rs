//! The values of labels: each is one of few.

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
    /// What became of a first packet.
    Handshake {
        Accepted "accepted",
        Failed "failed",
        Retried "retried",
        Refused "refused",
        Ignored "ignored",
    }
}

names! {
    /// By which way a frame goes out.
    Way {
        Quic "quic",
        Http "http",
    }
}

names! {
    /// Which places are shared out by address.
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
    /// Where somebody has come up against a ban.
    BannedAt {
        /// Refused at the first packet.
        FirstPacket "first_packet",
        /// Told why and closed, whether new or in already.
        Connection "connection",
        Http "http",
        /// A server that a relay lists or would list.
        Relay "relay",
    }
}

names! {
    /// Why a heartbeat was not taken, or a server not listed.
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
    /// The limit that was reached, if one was.
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
