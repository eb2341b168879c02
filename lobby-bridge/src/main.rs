//! The program: parses, calls the library, prints what went wrong.

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
    },
};
use metaserve_lobby_bridge::{
    cli::{self, Asked, Config, ConfigError},
    commands::Commands,
    options::Options,
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let done = match cli::ask(std::env::args_os()) {
        Ok(Asked::Service(given, remarks)) => run(given, &remarks),
        Ok(Asked::Command(commands)) => manage(*commands),
        Err(ConfigError::CommandLine(usage)) => return program::end_usage(&usage),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Mistakes>() || error.is::<ConfigError>() => failed(&error, 2),
        Err(error) => failed(&error, 1),
    }
}

/// Does what an operator asks for beside the service. Only errors are logged.
fn manage(commands: Commands) -> anyhow::Result<()> {
    let _log = log::init("error", LogFormat::Auto)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(commands.run())
}

fn run(given: Given<Options>, remarks: &[String]) -> anyhow::Result<()> {
    let (options, running) = Running::start(given)?;
    for remark in remarks {
        program::announce(format!("{}\n", printable(remark)));
    }
    let config = Config::of(options)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        // Before anything serves: whoever sees it serve may ask it to end.
        let signals = Signals::new().context("cannot handle signals")?;
        let shutdown = CancellationToken::new();
        let asked = shutdown.clone();
        let until_stopped = async move {
            // What may change is what is logged; bans and certificates are watched.
            let status = || "serving lobbies".to_owned();
            running.until_stopped(signals, status, async |_| {}).await;
            tracing::info!("closing");
            asked.cancel();
        };
        let (done, ()) = tokio::join!(
            async {
                let done = metaserve_lobby_bridge::run(config, shutdown.clone()).await;
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
