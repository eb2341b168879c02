//! The common parts of the example programs: naming and trusting the daemon, stopping, and showing
//! text from strangers.
#![forbid(unsafe_code)]

pub use metaserve::{DaemonArgs, printable, printable_name};

use anyhow::Context;
use metaserve::{
    Identity,
    program::{
        self, Signals,
        log::{Log, LogError, LogFormat},
    },
};
use std::path::Path;

/// The game server's own certificate, kept in `directory`; `None` without a directory.
///
/// # Errors
/// When it cannot be read or created.
pub fn identity(directory: Option<&Path>) -> anyhow::Result<Option<Identity>> {
    let load = |directory: &Path| {
        Identity::load_or_create(directory, &[])
            .with_context(|| format!("cannot use --identity {}", directory.display()))
    };
    directory.map(load).transpose()
}

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
