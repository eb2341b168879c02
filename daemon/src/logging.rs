//! Where the log goes: standard error, as text, as JSON, or as the journal has it.

use anyhow::Context;
use metaserve::service;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

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

/// What lets lines through.
pub(crate) fn filter(filter: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder().parse(filter).with_context(|| {
        format!(
            "--log {filter:?} is neither a level (error, warn, info, debug, trace) nor a filter"
        )
    })
}

/// Begins to log what `filter` lets through.
pub(crate) fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = self::filter(filter)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Auto if service::is_journal() => {
            log.event_format(service::Journal::default()).init();
        }
        LogFormat::Auto | LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).init();
        }
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
