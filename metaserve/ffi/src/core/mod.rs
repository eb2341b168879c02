//! Servers, lists and names that are polled, behind handles; all of it safe.

mod error;
mod list;
mod names;
mod options;
mod server;
mod signals;
mod standing;
mod table;
mod text;
mod thread;
mod walk;

#[cfg(test)]
pub(crate) use error::Code;
pub(crate) use error::Error;
pub(crate) use list::{List, Row};
pub(crate) use names::{Asks, Claim, Holder, Names, Offer, Ordered, Resolve, Watch};
pub(crate) use options::Options;
pub(crate) use server::Server;
pub(crate) use standing::State;
pub(crate) use table::{Handle, Table};
pub(crate) use thread::is_forked;
pub(crate) use walk::Change;
