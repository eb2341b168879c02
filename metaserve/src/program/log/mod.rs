//! The log: written to standard error as text, as JSON, or in the journal's format.
//!
//! Logging never blocks and never fails, whatever happens to standard error: lines go through a
//! bounded queue to a thread that writes them. If the reader is stuck or a disk is full, lines are
//! lost and counted, and the log reports that when it continues. Lines of one kind that come too
//! often are suppressed and counted as well.

mod filter;
mod journal;
mod lines;
mod quiet;

pub use filter::{InvalidFilter, TARGETS, filter};

pub(crate) use lines::Lines;

use journal::Journal;
use quiet::Quiet;
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal},
    panic,
    sync::OnceLock,
    time::Duration,
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For the journal if standard error is connected to it, as set up by systemd; else for
    /// people.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object on each line, for programs.
    Json,
}

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not valid.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// The writer's thread cannot be started.
    #[error("cannot start the thread that writes the log: {0}")]
    Thread(#[source] io::Error),
}

/// The log of a program. Keep it until the program ends: dropping it waits until everything logged
/// is written, for at most 5 s.
#[derive(Debug)]
#[must_use = "dropping it waits until all lines are written"]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    quiet: Quiet,
}

/// Long enough for a disk or terminal, and short enough for people who wait for the program to
/// end.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A process has one standard error.
static LINES: OnceLock<Lines> = OnceLock::new();

/// The queue to standard error, once the log has been started.
pub(super) fn lines() -> Option<&'static Lines> {
    LINES.get()
}

/// Starts logging what `filter` lets through (see [`filter()`]), and panics, which are defects of
/// the program. Call it once per process, before anything is logged.
///
/// # Errors
/// When `filter` is not a filter, or the thread cannot be started.
///
/// # Panics
/// When a log has been started before, this one or another.
pub fn init(filter: &str, format: LogFormat) -> Result<Log, LogError> {
    let (enabled, handle) = reload::Layer::new(filter::parse(filter)?);
    let quiet = Quiet::default();
    let mut teller = quiet.teller();
    let turn = move |lost: Option<lines::Lost>| {
        if let Some(lines::Lost { lines, error }) = lost {
            let unread = || "it was not read fast enough".to_owned();
            let why =
                error.map_or_else(unread, |error| format!("it could not be written: {error}"));
            tracing::warn!("{lines} lines of the log were lost: {why}");
        }
        teller.tell();
    };
    let lines = Lines::to(standard_error(), "log", turn).map_err(LogError::Thread)?;
    let lines = LINES.get_or_init(|| lines);
    let layer = fmt::layer()
        .with_writer(move || Line(lines))
        .with_target(false)
        // The library would print what it cannot format, and block.
        .log_internal_errors(false);
    let layer = match format {
        LogFormat::Auto if journal::is_journal() => layer.event_format(Journal::default()).boxed(),
        LogFormat::Auto | LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(enabled)
        .with(layer.with_filter(quiet.clone()))
        .init();
    // The hook of the standard library would block where the log does not.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        // Empty unless RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        let captured = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = captured.then(|| backtrace.to_string());
        tracing::error!(backtrace, "panicked at {place}: {message}");
    }));
    warn_of_unknown_targets(filter);
    Ok(Log {
        filter: handle,
        quiet,
    })
}

impl Log {
    /// Changes the filter.
    ///
    /// # Errors
    /// When the text is not a filter; the old filter stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), InvalidFilter> {
        let parsed = filter::parse(filter)?;
        // `reload` fails only when the subscriber is gone, and the log with it.
        let _ = self.filter.reload(parsed);
        warn_of_unknown_targets(filter);
        Ok(())
    }
}

/// Logs which targets of the filter select no lines.
fn warn_of_unknown_targets(filter: &str) {
    for (target, suggestion) in filter::unknown_targets(filter) {
        tracing::warn!("the log filter names the unknown target {target}: {suggestion}");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.quiet.tell();
        if let Some(lines) = lines() {
            lines.flush(FLUSH_TIMEOUT);
        }
    }
}

/// One line, which the subscriber writes in one piece.
struct Line(&'static Lines);

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error without the lock of the standard library: a thread that is stuck in a write must
/// not keep others from ending the process with a last message.
fn standard_error() -> Box<dyn io::Write + Send> {
    #[cfg(unix)]
    {
        use std::{fs::File, os::fd::AsFd};
        if let Ok(own) = io::stderr().as_fd().try_clone_to_owned() {
            return Box::new(File::from(own));
        }
    }
    Box::new(io::stderr())
}
