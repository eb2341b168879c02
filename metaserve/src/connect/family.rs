//! The two families of addresses, and what connects over them.

use super::{ConnectError, Connector};
use std::{fmt, net::IpAddr, pin::Pin};

/// A family of addresses. A server that is reached over both has two addresses in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4, also where it is written as IPv6 (`::ffff:192.0.2.1`).
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// What makes connections to a daemon, one after the other: a [`Connector`], or any closure that
/// returns a future of a connection.
pub trait Connect {
    /// A connection in the making.
    type Connecting: Future<Output = Result<quinn::Connection, Self::Error>>;
    /// Why there is none.
    type Error: fmt::Display;

    /// The families over each of which a game server should keep a connection. Default: none, so
    /// that it keeps one connection over whichever family.
    fn families(&self) -> &'static [Family] {
        &[]
    }

    /// Makes a connection over this family, or over whichever.
    fn connect(&mut self, over: Option<Family>) -> Self::Connecting;

    /// Whether there is no such family here or at the daemon, which is no fault. Default: no.
    fn is_absent(_: &Self::Error) -> bool {
        false
    }
}

impl<C, F, E> Connect for C
where
    C: FnMut() -> F,
    F: Future<Output = Result<quinn::Connection, E>>,
    E: fmt::Display,
{
    type Connecting = F;
    type Error = E;

    fn connect(&mut self, _: Option<Family>) -> F {
        self()
    }
}

/// With an identity it connects over both families: both connections are one server with two
/// addresses.
impl Connect for &Connector {
    type Connecting = Pin<Box<dyn Future<Output = Result<quinn::Connection, ConnectError>> + Send>>;
    type Error = ConnectError;

    fn families(&self) -> &'static [Family] {
        if self.has_identity {
            &Family::BOTH
        } else {
            &[]
        }
    }

    fn connect(&mut self, over: Option<Family>) -> Self::Connecting {
        let connector = Connector::clone(self);
        Box::pin(async move { connector.race(over).await })
    }

    fn is_absent(error: &ConnectError) -> bool {
        matches!(
            error,
            ConnectError::Family(..) | ConnectError::NoRoute { .. }
        )
    }
}
