//! The program: parses, calls the library, prints what went wrong.

#![forbid(unsafe_code)]

use std::{io::IsTerminal, process::ExitCode};

use anyhow::Context;
use metaserve::service::{self, State};
use metaserve_lobby_bridge::{
    cli::{self, Config, ConfigError},
    commands::Commands,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match Commands::parse_if_any(&arguments) {
        Ok(None) => {}
        Ok(Some(commands)) => {
            return match manage(commands) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error, 1),
            };
        }
        Err(error) => error.exit(),
    }
    let config = match cli::parse(arguments) {
        Ok(config) => config,
        Err(ConfigError::CommandLine(error)) => error.exit(),
        Err(error) => return failed(&error.into(), 2),
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

/// Does what an operator asks for beside the service. Only errors are logged.
fn manage(commands: Commands) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(commands.run())
}

fn run(config: Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("`log` is not a filter: {:?}", config.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match service::is_journal() {
        true => log.event_format(service::Journal::default()).init(),
        false => log.init(),
    }
    for remark in &config.remarks {
        println!("{}", printable(remark));
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        tokio::spawn(signalled(shutdown.clone()));
        metaserve_lobby_bridge::run(config, shutdown).await
    })?;
    Ok(())
}

/// Asks for the end at the first SIGTERM or SIGINT.
async fn signalled(shutdown: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
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
    eprintln!("metaserve-lobby-bridge: {error}");
    for cause in error.chain().skip(1) {
        eprintln!(
            "  because: {}",
            cause.to_string().trim_end().replace('\n', "\n    ")
        );
    }
    ExitCode::from(code)
}
