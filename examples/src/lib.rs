//! What the example programs share: how one names the daemon and trusts it, when to stop, and
//! how text of strangers is shown.
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

/// The game server's own certificate, kept in `directory`; none without a directory.
///
/// # Errors
/// When it cannot be read or made.
pub fn identity(directory: Option<&Path>) -> anyhow::Result<Option<Identity>> {
    let load = |directory: &Path| {
        Identity::load_or_create(directory, &[])
            .with_context(|| format!("--identity {} cannot be used", directory.display()))
    };
    directory.map(load).transpose()
}

/// Prints what the libraries log, such as lost connections and the daemon's notices, until it is
/// dropped. A program that serves never waits for that.
///
/// # Errors
/// When no thread can be started for it.
pub fn log() -> Result<Log, LogError> {
    program::log::init("info", LogFormat::Text)
}

/// Ends when the program is asked to: Ctrl-C, or SIGTERM.
pub async fn stopped() {
    match Signals::new() {
        Ok(signals) => signals.stopped().await,
        // The system ends the program then.
        Err(_) => std::future::pending().await,
    }
}
