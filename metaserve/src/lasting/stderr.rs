//! Reports problems for programs that do not listen for them: to the log, or, where nothing is
//! logged, to standard error, so that no mistake is silent.

use std::io::Write;

/// Whether the program has installed a `tracing` subscriber, which decides what is shown.
#[must_use]
pub fn is_logged() -> bool {
    tracing::dispatcher::has_been_set()
}

/// A warning for the log, or for standard error where nothing is logged.
pub fn warn(text: &str) {
    match is_logged() {
        true => tracing::warn!("{text}"),
        false => print(text),
    }
}

/// Prints a line with the library's name. A failure to write is ignored.
pub(super) fn print(text: &str) {
    let line = format!("metaserve: {text}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
