//! Connections to a daemon: from `HOST:PORT`, or from whatever makes them.

mod connector;
mod error;
mod name;
mod race;
pub mod role;
mod settings;
mod way;

pub use connector::{Connector, client_endpoint};
pub use error::ConnectError;
pub use role::{HasIdentity, HasRole};
pub use settings::ConnectorFor;
pub use way::Way;

use std::fmt;

/// Makes connections to a daemon in the role `R`, one after the other. Implemented by the
/// [`ConnectorFor`] that role, and by any closure that returns a future of a connection.
pub trait Connect<R> {
    /// A connection in the making.
    type Connecting: Future<Output = Result<quinn::Connection, Self::Error>>;
    /// Why there is none.
    type Error: fmt::Display;

    /// The connections that a game server should keep at the same time, at least one. Default:
    /// one, to any daemon over either family.
    fn ways(&self) -> Vec<Way> {
        vec![Way::default()]
    }

    /// How many addresses there are to connect to, as far as is known: a peer that one of several
    /// refuses tries another one soon. Default: 1.
    fn choices(&self) -> usize {
        1
    }

    /// Makes the connection that `way` says: one of [`ways`](Self::ways), or the default.
    fn connect(&mut self, way: &Way) -> Self::Connecting;

    /// The error as a [`ConnectError`], which says whether connecting again can help. Default:
    /// none, so that each attempt is followed by another one.
    fn known(_: &Self::Error) -> Option<&ConnectError> {
        None
    }
}

impl<R, C, F, E> Connect<R> for C
where
    C: FnMut() -> F,
    F: Future<Output = Result<quinn::Connection, E>>,
    E: fmt::Display,
{
    type Connecting = F;
    type Error = E;

    fn connect(&mut self, _: &Way) -> F {
        self()
    }
}
