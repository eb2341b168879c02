//! Game connections, which are joined in pairs (`docs/specifications/vcmi-lobby.md`, section 12).
//! Only VCMI has them.
//!
//! `pipe.rs` is one connection until it has a partner, `couple.rs` is two joined ones. The lobby
//! decides which belong together; [`Pairing`] (`pairing.rs`) brings them together.

mod couple;
mod pairing;
mod pipe;

pub(super) use self::{
    pairing::{Connection, Pairing, Shared},
    pipe::{Pipes, serve},
};
