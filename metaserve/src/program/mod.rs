//! What every program needs: [settings] and a [check] of them, a [log], [printing](mod@print) and
//! [tables](table), [threads], [sockets](listen) and [connections whose peers must read](impatient),
//! notifications to the [service] manager, [signals](Signals), a [manual], and [a service](serve) made
//! of these.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
mod http;
pub mod impatient;
pub mod listen;
pub mod log;
pub mod manual;
#[cfg(feature = "metrics")]
pub mod metrics;
mod nearest;
pub mod print;
mod run;
pub mod service;
pub mod settings;
mod signals;
pub mod table;
pub mod threads;
mod vital;

pub use http::Http;
pub use print::{announce, complain, end, end_mistakes, end_usage};
pub use run::{Service, StartError, Threads, serve};
pub use signals::Signals;
pub use vital::{Outcome, Stopped, Vital};
