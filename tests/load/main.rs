//! Load generator: many game servers and game clients against one daemon or a cluster, with every
//! list compared with the truth, and the same work done by bare quinn for comparison.
//!
//! ```text
//! cargo run --release --example load -- \
//!     --servers 1000 --clients 1000 --change 10% --spawn --floor
//! ```
#![forbid(unsafe_code)]

mod bare;
mod bench;
mod change;
mod clients;
mod floor;
mod heartbeats;
mod lists;
mod lost;
mod moved;
mod options;
mod peers;
mod process;
mod report;
mod run;
mod target;
mod targets;
mod which;

use clap::Parser;
use metaserve::program::{self, Signals, print::print};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The program also serves as its own daemon and floor, each in its own process.
    match target::role() {
        Some(target::CHILD_DAEMON) => return metaserve_daemon::main(),
        Some(target::CHILD_FLOOR) => return program::end(floor::main()),
        _ => {}
    }
    program::end(generate(options::Cli::parse()))
}

fn generate(cli: options::Cli) -> anyhow::Result<()> {
    let plan = cli.plan()?;
    plan.check(&process::Machine::here()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(plan.threads)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stopped = Signals::new()?;
        let work = run::run(&plan);
        let report = tokio::select! {
            report = work => report?,
            () = stopped.stopped() => anyhow::bail!("stopped before the end: no figures"),
        };
        match plan.json {
            true => print(format!("{}\n", report.json()))?,
            false => print(report.to_string())?,
        };
        report.verdict()
    })
}
