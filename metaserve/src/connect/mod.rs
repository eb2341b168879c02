//! Connections to a daemon: from `HOST:PORT`, or from whatever makes them.

mod connector;
mod error;
mod race;

pub use connector::{Connector, client_endpoint};
pub use error::ConnectError;

use crate::address::Family;
use std::fmt;

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
