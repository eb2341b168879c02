//! A server browser in the terminal: the live list, to sort, filter and look into.
//!
//! Start a daemon, a game server or two, and then this with the fingerprint that the daemon
//! prints:
//!
//! ```text
//! cargo run --release -p metaserve-daemon
//! cargo run --example game_server -- --fingerprint 5e0c...
//! cargo run --example browser -- --fingerprint 5e0c...
//! ```
//!
//! `row.rs` is one server as it is shown. `app.rs` is what keys and news do to the list; it has no
//! terminal and no clock. `view.rs` draws the screen, and `table.rs` the list in it. This file
//! carries events between them.
#![forbid(unsafe_code)]

mod app;
mod row;
mod table;
mod view;

use anyhow::Context;
use app::App;
use clap::Parser;
use futures::{FutureExt, StreamExt};
use metaserve_client::{Connector, Server, ServerId, Snapshot, Snapshots, Status};
use metaserve_examples::{DaemonArgs, stopped};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use row::Row;
use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// Shows the live list of servers in the terminal.
#[derive(Debug, Parser)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    /// Follow this game only [default: all games]
    #[arg(long, value_name = "TAG")]
    game: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
}

const AFTER_HELP: &str = "\
Keys:
  Up Down PgUp PgDn Home End   choose a server
  Left Right, 1 to 6           choose the column to sort by; the same digit again reverses it
  r                            reverse the order
  /                            filter: each word must be in the name, game, map, mode, address,
                               region or a tag
  Enter                        show or hide the details of the chosen server
  q, Esc, Ctrl-C               quit (Esc first leaves the filter)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let daemon: Connector = cli.daemon.connector()?;
    let (tell, statuses) = watch::channel(Status::Connecting);
    let mut follow =
        metaserve_client::maintain(daemon).on_status(move |status| drop(tell.send_replace(status)));
    if let Some(game) = cli.game {
        follow = follow.game(game);
    }

    // This also restores the terminal if the program panics.
    let mut terminal = ratatui::try_init().context("the browser needs a terminal")?;
    let shown = browse(&mut terminal, follow.run(), statuses).await;
    ratatui::restore();
    shown
}

/// Shows the list until the user or a signal ends it.
async fn browse(
    terminal: &mut DefaultTerminal,
    mut snapshots: Snapshots,
    mut statuses: watch::Receiver<Status>,
) -> anyhow::Result<()> {
    let mut app = App::<ServerId>::new(now());
    let mut input = input();
    let mut stop = stopped().boxed();
    // Ages are shown in seconds, and they grow without any event.
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        terminal.draw(|frame| view::draw(frame, &mut app, now()))?;
        tokio::select! {
            event = input.recv() => match event.context("the terminal is gone")?? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if let ControlFlow::Break(()) = app.key(key) {
                        return Ok(());
                    }
                }
                _ => {} // A resize only needs drawing.
            },
            Some(snapshot) = snapshots.next() => app.change(changes(&snapshot?), now()),
            Ok(()) = statuses.changed() => app.link(statuses.borrow_and_update().clone(), now()),
            _ = second.tick() => {}
            () = &mut stop => return Ok(()),
        }
    }
}

/// The rows that a snapshot replaces, or removes (those without a row).
fn changes(snapshot: &Snapshot) -> impl Iterator<Item = (ServerId, Option<Row>)> {
    let changes = snapshot.changes();
    let ids = [&changes.removed, &changes.added, &changes.updated];
    let ids = ids.into_iter().flatten();
    ids.map(|id| (*id, snapshot.get(*id).map(row)))
}

fn row(server: &Server) -> Row {
    Row::new(
        server.game.as_str(),
        server.addresses.clone(),
        server.identity,
        server.heartbeat.clone(),
    )
}

/// The events of the terminal. Reading blocks, so it has a thread, which ends with the program.
fn input() -> mpsc::Receiver<std::io::Result<Event>> {
    let (tell, events) = mpsc::channel(16);
    std::thread::spawn(move || while tell.blocking_send(event::read()).is_ok() {});
    events
}

#[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
fn now() -> Instant {
    Instant::now()
}
