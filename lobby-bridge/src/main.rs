//! The program: parses the command line, calls the library, prints errors.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use anyhow::Context;
use metaserve::{
    printable,
    program::{
        self, Signals,
        log::{self, LogFormat},
        settings::{Given, Mistakes, Running},
        threads,
    },
};
use metaserve_lobby_bridge::{
    command_line::{self, Asked},
    commands::Commands,
    settings::{AuthoritiesError, Bridge, BridgeSettings},
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let done = match command_line::ask(std::env::args_os()) {
        Ok(Asked::Service(given, remarks)) => run(given, &remarks),
        Ok(Asked::Command(commands)) => manage(*commands),
        Err(usage) => return program::end_usage(&usage),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Mistakes>() || error.is::<AuthoritiesError>() => failed(&error, 2),
        Err(error) => failed(&error, 1),
    }
}

/// Executes a command of the operator. Only errors are logged.
fn manage(commands: Commands) -> anyhow::Result<()> {
    let _log = log::init("error", LogFormat::Auto)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(commands.run(command_line::command()))
}

fn run(given: Given<BridgeSettings>, remarks: &[String]) -> anyhow::Result<()> {
    let (settings, running) = Running::start(given)?;
    for remark in remarks {
        program::announce(format!("{}\n", printable(remark)));
    }
    let bridge = Bridge::of(settings)?;
    // One for each core, and one that looks up names or asks the database.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    threads::can_start(cores + 1)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        // Signals are handled before anything serves, so that none is missed.
        let signals = Signals::new().context("cannot handle signals")?;
        let shutdown = CancellationToken::new();
        let asked = shutdown.clone();
        let until_stopped = async move {
            // Only the log filter may change. Bans and certificates are watched.
            let status = || "serving lobbies".to_owned();
            running.until_stopped(signals, status, async |_| {}).await;
            tracing::info!("closing");
            asked.cancel();
        };
        let (done, ()) = tokio::join!(
            async {
                let done = metaserve_lobby_bridge::run(bridge, shutdown.clone()).await;
                shutdown.cancel();
                done
            },
            async {
                tokio::select! {
                    () = until_stopped => {}
                    () = shutdown.cancelled() => {}
                }
            }
        );
        Ok(done?)
    })
}

/// Prints an error, one line per cause.
fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    let mut text = format!("metaserve-lobby-bridge: {error}\n");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string().trim_end().replace('\n', "\n    ");
        text.push_str(&format!("  because: {cause}\n"));
    }
    program::complain(text);
    ExitCode::from(code)
}
