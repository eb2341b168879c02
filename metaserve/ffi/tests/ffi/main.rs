//! libmetaserve as programs use it: through the functions of its header, with a daemon in this process.
#![expect(unsafe_code, reason = "the functions under test take pointers")]
#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

mod arguments;
mod c;
mod daemon;
mod header;
mod lints;
mod lists;
mod names;
mod names_ends;
mod support;
