//! The daemon's promises to game servers, game clients and its operator, tested from outside: one
//! file for each promise.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod abuse;
mod addresses;
mod announce;
mod bad_http;
mod bad_input;
mod bans;
mod both_families;
mod cert;
mod certificates;
mod check;
mod command_line;
mod dependencies;
mod deploy;
mod drain;
mod embedded;
mod events;
mod every;
mod extensions;
mod fair;
mod first_hour;
mod flood;
mod foreign_ids;
mod forged_addresses;
mod http;
mod identity;
mod leaving;
mod limits;
mod list;
mod list_command;
mod log_lines;
mod metrics;
mod named_tests;
mod names;
mod names_bounds;
mod names_command;
mod names_hostile;
mod names_library;
mod names_mark;
mod names_orders;
mod names_restart;
mod names_tickets;
mod openapi;
mod output;
mod page;
mod reference;
mod relay;
mod reload;
mod restart;
mod rows;
mod server_info;
mod service;
mod several;
mod shards;
mod sharing;
mod slow_reader;
mod start;
mod ticket;
mod vectors;

use metaserve_tests::Daemon;
use std::net::SocketAddr;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// A game server's binary; see `src/game_server.rs`.
const GAME_SERVER: &str = env!("CARGO_BIN_EXE_game-server-under-test");

/// The programs of the guide to names; see `examples/zone_server.rs`.
const ZONE_SERVER: &str = env!("CARGO_BIN_EXE_zone-server-under-test");
const ZONE_CLIENT: &str = env!("CARGO_BIN_EXE_zone-client-under-test");

/// Settings with which lists change quickly.
const FAST: [&str; 4] = ["--tick", "20ms", "--min-interval", "20ms"];

/// A daemon whose lists change quickly, and its HTTP address.
async fn with_http(further: &[&str]) -> (Daemon, SocketAddr) {
    let http = ["--http", "127.0.0.1:0"];
    let mut daemon = Daemon::start(DAEMON, &[&FAST[..], &http, further].concat()).await;
    let address = daemon.http().await;
    (daemon, address)
}

/// Starts a game server in its own process, which is killed when dropped.
fn game_server(daemon: &Daemon, arguments: &[&str]) -> tokio::process::Child {
    tokio::process::Command::new(GAME_SERVER)
        .arg(daemon.address.to_string())
        .arg(daemon.fingerprint.to_string())
        .args(arguments)
        .kill_on_drop(true)
        .spawn()
        .expect("the binary must start")
}
