//! Game connections, which are joined in pairs (`docs/specifications/vcmi-lobby.md`, section 12):
//! what is VCMI's alone.
//!
//! `pipe.rs` is one of them until it has a partner, `couple.rs` is two. The lobby says who belongs
//! together; [`Pairing`] (`pairing.rs`) brings them together.

mod couple;
mod pairing;
mod pipe;

pub(super) use self::{
    pairing::{Connection, Pairing, Shared},
    pipe::{Pipes, serve},
};
