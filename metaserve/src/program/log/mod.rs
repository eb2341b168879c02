//! The log: standard error, as text, as JSON, or as the journal has it.
//!
//! Logging never blocks and never fails, whatever becomes of standard error: lines go through a
//! bounded queue to a thread that writes them. When its reader stands still, or a disk is full,
//! lines are lost and counted, and the log says so when it goes on. Lines of one kind that come
//! too often are counted as well, and left out.

mod filter;
mod journal;
mod lines;
mod quiet;

pub use filter::{InvalidFilter, filter};

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

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For the journal where standard error leads there, as systemd sets it up; else for people.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object on each line, for programs.
    Json,
}

/// Why a log cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// What is to be logged cannot be understood.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// Nothing can write it.
    #[error("the thread that writes the log cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// The log of a program. Keep it until the program ends: dropped, it waits until what was logged
/// is written, for 5 s at most.
#[derive(Debug)]
#[must_use = "dropped, it waits until all is written"]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    quiet: Quiet,
}

/// Long for a disk or terminal, and short for somebody who waits for the program's end.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A process has one standard error.
static LINES: OnceLock<Lines> = OnceLock::new();

/// The queue to standard error, once the log has begun.
pub(super) fn lines() -> Option<&'static Lines> {
    LINES.get()
}

/// Begins to log what `filter` lets through (see [`filter()`]), and panics, which are mistakes of
/// the program. To be called once in a process, before anything is logged.
///
/// # Errors
/// When `filter` is not a filter, or no thread can be started.
///
/// # Panics
/// When a log has begun already, this one or another.
pub fn init(filter: &str, format: LogFormat) -> Result<Log, LogError> {
    let (filter, handle) = reload::Layer::new(filter::parse(filter)?);
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
        // It would print what it cannot format, and block.
        .log_internal_errors(false);
    let layer = match format {
        LogFormat::Auto if journal::is_journal() => layer.event_format(Journal::default()).boxed(),
        LogFormat::Auto | LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(layer.with_filter(quiet.clone()))
        .init();
    // The standard library's would block where the log does not.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        // As RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        let captured = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = captured.then(|| backtrace.to_string());
        tracing::error!(backtrace, "panicked at {place}: {message}");
    }));
    Ok(Log {
        filter: handle,
        quiet,
    })
}

impl Log {
    /// Logs what `filter` lets through from now on.
    ///
    /// # Errors
    /// When it is not a filter; then the one before stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), InvalidFilter> {
        let filter = filter::parse(filter)?;
        // It fails when the subscriber is gone, with its log.
        let _ = self.filter.reload(filter);
        Ok(())
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

/// A line, which the subscriber writes in one piece.
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

/// Standard error, without the lock of the standard library: a thread that is stuck in writing
/// must not keep others from ending the process with a last word.
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
