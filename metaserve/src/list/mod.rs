//! What a list consists of: what the registry and its feed both speak of.

#[cfg(feature = "registry")]
mod change;
mod cursor;
#[cfg(feature = "registry")]
mod revision;
#[cfg(feature = "registry")]
mod server;

#[cfg(feature = "registry")]
pub use change::{Change, Sink, Sinks};
pub use cursor::Cursor;
#[cfg(feature = "registry")]
pub use revision::Revision;
#[cfg(feature = "registry")]
pub(crate) use revision::Revisions;
#[cfg(feature = "registry")]
pub use server::{Placement, Server};
