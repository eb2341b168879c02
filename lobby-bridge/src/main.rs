//! The program: parses, calls the library, prints what went wrong.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use anyhow::Context;
use metaserve::program::{
    self, Signals,
    log::{self, LogFormat},
    service::{self, State},
};
use metaserve_lobby_bridge::{
    cli::{self, Asked, Config, ConfigError},
    commands::Commands,
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let done = match cli::ask(std::env::args_os()) {
        Ok(Asked::Service(config)) => run(*config),
        Ok(Asked::Command(commands)) => manage(*commands),
        Err(ConfigError::CommandLine(usage)) => return program::end_usage(&usage),
        Err(error) => return failed(&error.into(), 2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

/// Does what an operator asks for beside the service. Only errors are logged.
fn manage(commands: Commands) -> anyhow::Result<()> {
    let _log = log::init("error", LogFormat::Auto)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(commands.run())
}

fn run(config: Config) -> anyhow::Result<()> {
    let _log = log::init(&config.log, config.log_format)?;
    for remark in &config.remarks {
        program::announce(format!("{}\n", printable(remark)));
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        // Before anything serves: whoever sees it serve may ask it to end.
        let signals = Signals::new().context("cannot handle signals")?;
        let shutdown = CancellationToken::new();
        tokio::spawn(end_at(signals, shutdown.clone()));
        Ok(metaserve_lobby_bridge::run(config, shutdown).await?)
    })
}

/// Asks for the end at the first SIGTERM or SIGINT.
async fn end_at(signals: Signals, shutdown: CancellationToken) {
    let hang_up = async || {
        tracing::info!("SIGHUP: the bridge reads its settings at the start only; restart it");
    };
    signals.serve_until_stopped(hang_up).await;
    tracing::info!("closing");
    service::tell(State::Stopping);
    shutdown.cancel();
}

/// The operator's own words again, without what would move his cursor.
fn printable(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// One line per cause.
fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    let mut text = format!("metaserve-lobby-bridge: {error}\n");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string().trim_end().replace('\n', "\n    ");
        text.push_str(&format!("  because: {cause}\n"));
    }
    program::complain(text);
    ExitCode::from(code)
}
