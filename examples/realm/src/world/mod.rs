//! A zone, pure: commands in, a commit out. It has no socket and no clock.

pub mod hooks;
