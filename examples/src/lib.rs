//! The common parts of the example programs: naming and trusting the daemon, stopping, and showing
//! text from strangers.
#![forbid(unsafe_code)]

pub use metaserve::{DaemonArgs, PublishArgs, printable, printable_name};

use metaserve::program::{
    self, Signals,
    log::{Log, LogError, LogFormat},
};

/// Prints what the libraries log, such as lost connections and the daemon's notices, until it is
/// dropped. The program never waits for the output.
///
/// # Errors
/// When its thread cannot be started.
pub fn log() -> Result<Log, LogError> {
    program::log::init("info", LogFormat::Text)
}

/// Completes when the program is asked to end: by Ctrl-C or SIGTERM.
pub async fn stopped() {
    match Signals::new() {
        Ok(signals) => signals.stopped().await,
        // The system ends the program in that case.
        Err(_) => std::future::pending().await,
    }
}
