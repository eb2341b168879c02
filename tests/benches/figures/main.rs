//! Measures the promises about times and sizes, with the daemon in its own process: `cargo bench
//! -p metaserve-tests --bench figures`. Takes about three minutes. An argument after `--` selects
//! the figures whose names begin with it. The bench prints measurements; people judge them, since
//! times on a shared machine prove nothing in a test.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a figure that cannot be measured is a failure"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

mod sizes;
mod times;

use metaserve_client::Snapshot;
use sizes::{a_client_that_stops_reading, joining_a_list_of_5000, one_thousand_of_each};
use times::{a_restart_under_400, freshness, leaving};

const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

#[tokio::main(worker_threads = 2)]
async fn main() {
    let wanted = std::env::args().skip(1).find(|it| !it.starts_with("--"));
    let wanted = |name: &str| wanted.as_ref().is_none_or(|it| name.starts_with(it));
    macro_rules! figures {
        ($($figure:ident)*) => {
            $(if wanted(stringify!($figure)) {
                $figure().await;
            })*
        };
    }
    figures! {
        joining_a_list_of_5000
        a_client_that_stops_reading
        one_thousand_of_each
        a_restart_under_400
        freshness
        leaving
    }
}

/// The number at the beginning of a heartbeat.
fn number(heartbeat: &[u8]) -> u64 {
    let digits = heartbeat
        .split(|byte| !byte.is_ascii_digit())
        .next()
        .unwrap_or_default();
    std::str::from_utf8(digits).unwrap().parse().unwrap()
}

/// The highest number on a list.
fn newest(snapshot: &Snapshot) -> u64 {
    snapshot
        .servers()
        .map(|server| number(&server.heartbeat))
        .max()
        .unwrap()
}
