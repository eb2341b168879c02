//! The daemon: accept, admit, register, serve, drain.
//!
//! ```text
//!               accept/             connection/            metaserve::registry   metaserve::feed
//!  UDP ──▶ handshake, limits ──▶ heartbeat.rs, relay.rs ──▶ Registration ──▶ Feed
//!                           └──▶ client.rs ◀───────────────── Subscription ◀──┘
//! ```
//!
//! Beside it, `http/` shows the list of the registry to browsers and scripts.
//!
//! The binary is [`main`]: it adds the command line, the log and the signals. A program that runs
//! a daemon within itself starts it and runs it for as long as it likes:
//!
//! ```no_run
//! use metaserve_daemon::{Config, Daemon};
//!
//! # fn serve() -> anyhow::Result<()> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(async {
//!     let daemon = Daemon::start(Config::new("state".into()))?;
//!     println!("listening on {}", daemon.local_address()?);
//!     daemon.run(tokio::time::sleep(std::time::Duration::from_secs(3_600))).await?;
//!     Ok(())
//! })
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accept;
pub mod cli;
mod commands;
mod connection;
mod daemon;
mod http;
mod metrics;
mod rules;
mod shared;
mod whereabouts;

use anyhow::Context;
use clap::Parser;
use metaserve::program::{
    self, Signals, log,
    service::{self, State},
};
use std::process::ExitCode;

pub use cli::Config;
pub use daemon::Daemon;
pub use metaserve::program::Stopped;

/// Runs the binary: parses the command line, serves until a signal or does what else it is told,
/// and says what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => program::end(run(cli)),
        Err(usage) => program::end_usage(&usage),
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(command) => command.run(),
        None => serve(&cli.serve),
    }
}

/// Serves until a signal.
fn serve(settings: &cli::ServeArgs) -> anyhow::Result<()> {
    let config = settings.config()?;
    let log = log::init(&config.log, config.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(async {
        let signals = Signals::new().context("signals cannot be handled")?;
        let daemon = Daemon::start(config)?;
        announce(&daemon);
        let shared = daemon.shared.clone();
        service::tell(State::Ready(&shared.status()));
        let reload = async || {
            service::tell(State::Reloading);
            shared.reload(settings.config(), &log).await;
            service::tell(State::Ready(&shared.status()));
        };
        // In the task that makes the frames: when they are not made any longer, there is no sign
        // of life.
        let alive = async {
            service::watchdog(|| shared.clone().pass_through_worker()).await;
            std::future::pending().await
        };
        let until = async {
            tokio::select! {
                () = signals.serve_until_stopped(reload) => service::tell(State::Stopping),
                () = alive => {}
            }
        };
        Ok(daemon.run(until).await?)
    })
}

/// Prints how to connect, for the operator.
fn announce(daemon: &Daemon) {
    let fingerprint = daemon.fingerprint();
    let address = daemon.shared.address();
    tracing::info!(%address, %fingerprint, "listening");
    let version = env!("CARGO_PKG_VERSION");
    let port = address.port();
    let mut text = format!(
        "metaserve-daemon {version} listens on {address} (UDP)\n\
         certificate fingerprint (SHA-256): {fingerprint}\n\
         games connect with: --daemon HOST:{port} --fingerprint {fingerprint}\n"
    );
    if let Some(http) = daemon.http_address() {
        text.push_str(&format!("the list over HTTP: http://{http}/\n"));
    }
    program::announce(text);
}
