//! Connections to a daemon: from `HOST:PORT`, or from whatever makes them.

mod connector;
mod error;
mod name;
mod race;
mod settings;

pub use connector::{Connector, client_endpoint};
pub use error::ConnectError;
pub use settings::{ConnectorFor, HasIdentity, HasRole, role};

use crate::address::Family;
use std::fmt;

/// Makes connections to a daemon in the role `R`, one after the other. Implemented by the
/// [`ConnectorFor`] that role, and by any closure that returns a future of a connection.
pub trait Connect<R> {
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

    fn connect(&mut self, _: Option<Family>) -> F {
        self()
    }
}
