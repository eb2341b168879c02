//! Where the log goes: standard error, as text, as JSON, or as the journal has it.

use anyhow::Context;
use metaserve::service;
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

/// Changes what is logged while the daemon runs.
pub(crate) struct Filter(reload::Handle<EnvFilter, Registry>);

impl Filter {
    /// Logs what `filter` lets through from now on.
    pub(crate) fn set(&self, filter: &str) -> anyhow::Result<()> {
        Ok(self.0.reload(self::filter(filter)?)?)
    }
}

/// Begins to log what `filter` lets through.
pub(crate) fn init(filter: &str, format: LogFormat) -> anyhow::Result<Filter> {
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
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok(Filter(handle))
}

/// What lets lines through.
pub(crate) fn filter(filter: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(filter).with_context(|| {
        format!(
            "--log {filter:?} is neither a level (error, warn, info, debug, trace) nor a filter"
        )
    })
}
