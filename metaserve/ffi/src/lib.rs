//! `libmetaserve`: metaserve's libraries for game servers and clients as a C library.
//!
//! ```text
//!  C ──▶ ffi (names, what is NULL, panics) ──▶ core (servers, lists, names: polled)
//!         └─▶ raw (follows the caller's pointers)      └─▶ one thread, `metaserve`
//! ```
//!
//! * [`ffi`] has the functions of `include/metaserve.h`, under their names there. Programs in Rust use
//!   `metaserve_heartbeat` and `metaserve_client` instead.
//! * `raw` has the only functions that follow pointers of the caller.
//! * `core` is safe. Its servers, lists and names are behind handles that are never followed as
//!   pointers: they are looked up in tables.
//!
//! It is the only crate here without `#![forbid(unsafe_code)]`: its two modules with unsafe code say
//! so with a reason, and a test of this crate looks through all others.

mod core;
pub mod ffi;
mod raw;
