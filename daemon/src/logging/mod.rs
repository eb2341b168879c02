//! Where the log goes: standard error, as text, as JSON, or as the journal has it.

mod quiet;

use anyhow::Context;
use metaserve::service;
use quiet::Quiet;
use std::io::IsTerminal;
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

/// The log while the daemon runs.
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    quiet: Quiet,
}

impl Log {
    /// Logs what `filter` lets through from now on.
    pub(crate) fn set_filter(&self, filter: &str) -> anyhow::Result<()> {
        Ok(self.filter.reload(self::filter(filter)?)?)
    }

    /// Tells from time to time how many lines of a kind were too many, until it is dropped.
    pub(crate) async fn tell_what_was_left_out(&self) {
        self.quiet.tell().await;
    }
}

/// Begins to log what `filter` lets through.
pub(crate) fn init(filter: &str, format: LogFormat) -> anyhow::Result<Log> {
    let (filter, handle) = reload::Layer::new(self::filter(filter)?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match format {
        LogFormat::Auto if service::is_journal() => {
            lines.event_format(service::Journal::default()).boxed()
        }
        LogFormat::Auto | LogFormat::Text => {
            lines.with_ansi(std::io::stderr().is_terminal()).boxed()
        }
        LogFormat::Json => lines.json().boxed(),
    };
    let quiet = Quiet::default();
    tracing_subscriber::registry()
        .with(filter)
        .with(lines.with_filter(quiet.clone()))
        .init();
    Ok(Log {
        filter: handle,
        quiet,
    })
}

/// What lets lines through.
pub(crate) fn filter(filter: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(filter).with_context(|| {
        format!(
            "--log {filter:?} is neither a level (error, warn, info, debug, trace) nor a filter"
        )
    })
}
