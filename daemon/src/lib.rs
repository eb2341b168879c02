//! The daemon: accept, admit, register, serve, drain.
//!
//! ```text
//!               accept/             connection/            metaserve::registry   metaserve::feed
//!  UDP ──▶ handshake, limits ──▶ heartbeat.rs, relay.rs ──▶ Registration ──▶ Feed
//!                           └──▶ client.rs ◀───────────────── Subscription ◀──┘
//! ```
//!
//! Beside these, `http/` shows the registry's list to browsers and scripts.
//!
//! The binary is [`main`], which adds the command line, the log and the signals. A program that
//! embeds a daemon starts it and runs it for as long as it likes:
//!
//! ```no_run
//! use metaserve_daemon::{Daemon, Settings};
//!
//! # fn serve() -> anyhow::Result<()> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(async {
//!     let daemon = Daemon::start(Settings::new("state".into()))?;
//!     println!("listening on {}", daemon.local_address()?);
//!     daemon.run(tokio::time::sleep(std::time::Duration::from_secs(3_600))).await?;
//!     Ok(())
//! })
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accept;
mod admission;
mod cluster;
mod command_line;
mod commands;
mod connection;
mod daemon;
mod http;
mod metrics;
mod names;
mod rules;
pub mod settings;
mod shards;
mod shared;
mod whereabouts;

use clap::{CommandFactory, Parser};
use command_line::CommandLine;
use commands::Nobody;
use metaserve::program::{
    self, Threads,
    settings::{Given, Mistakes},
};
use std::process::ExitCode;

pub use daemon::Daemon;
pub use metaserve::program::Stopped;
pub use settings::Settings;

/// Runs the binary: parses the command line, then serves until a signal or runs a command, and
/// prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(usage) => return program::end_usage(&usage),
    };
    let done = match line.command {
        Some(command) => command.run(CommandLine::command()),
        None => serve(line.settings),
    };
    match done {
        Err(error) if error.is::<Mistakes>() => program::end_mistakes(error),
        Err(error) if error.is::<Nobody>() => {
            program::end(Err(error));
            ExitCode::from(Nobody::CODE)
        }
        done => program::end(done),
    }
}

/// Serves until a signal.
fn serve(given: Given<Settings>) -> anyhow::Result<()> {
    // One works and one serves in each shard; another reads files.
    let threads = |settings: &Settings| Threads {
        workers: settings.shards(),
        others: settings.shards() + 1,
    };
    program::serve(given, threads, async |settings, service| {
        let daemon = Daemon::start(settings)?;
        announce(&daemon);
        let shared = daemon.shared.clone();
        let status = || shared.status();
        let reload = async |settings| shared.reload(settings).await;
        // This runs in the task that makes the frames: when frames are no longer made, the sign of
        // life stops as well.
        let look = || shared.clone().pass_through_shards();
        Ok(daemon
            .run(service.until_stopped(status, reload, look))
            .await?)
    })
}

/// Prints how to connect.
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
