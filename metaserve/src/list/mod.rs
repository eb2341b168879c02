//! What a list consists of: what the registry and its feed both speak of.

#[cfg(feature = "registry")]
mod change;
#[cfg(feature = "registry")]
mod claim;
mod cursor;
#[cfg(feature = "registry")]
mod origin;
#[cfg(feature = "registry")]
mod revision;
#[cfg(feature = "registry")]
mod server;
#[cfg(feature = "registry")]
mod stated;

#[cfg(feature = "registry")]
pub use change::{Basis, Change, Sink, Sinks};
#[cfg(feature = "registry")]
pub use claim::{Claim, Claims, Clock, FarAhead, Stamp};
pub use cursor::Cursor;
#[cfg(feature = "registry")]
pub use origin::{MemberRun, Origin};
#[cfg(feature = "registry")]
pub use revision::Revision;
#[cfg(feature = "registry")]
pub(crate) use revision::Revisions;
#[cfg(feature = "registry")]
pub(crate) use server::Readers;
#[cfg(feature = "registry")]
pub use server::{By, Placement, Server};
#[cfg(feature = "registry")]
pub use stated::Stated;
