//! What every program needs, whatever it serves: a [log], [printing](mod@print), [sockets](listen), what the [service]
//! manager is told, [signals](Signals).

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod listen;
pub mod log;
pub mod print;
pub mod service;
mod signals;
mod vital;

pub use print::{announce, complain, end, end_usage};
pub use signals::Signals;
pub use vital::{Outcome, Stopped, Vital};
