//! What a client costs a daemon that comes back to it, that comes from another daemon, and that
//! is new.

use crate::{
    bench::Bench,
    lists::MAX_MESSAGE_BYTES,
    peers::{Sockets, now},
    target::Target,
};
use anyhow::{Context, bail};
use futures::StreamExt;
use metaserve::{
    Role,
    list::Cursor,
    protocol::client::{Compression, ListMessage, Subscribe},
    stream::{self, FrameReader},
};
use metaserve_client::Subscriber;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// What visits of one kind have cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visits {
    /// Processor microseconds of the daemon for each, handshake and goodbye included.
    micros: Option<f64>,
    /// The length of the first message, as sent.
    bytes: u64,
    /// How many were answered with the changes alone.
    deltas: usize,
}

/// The kinds of visits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    back: Visits,
    moved: Visits,
    new: Visits,
}

/// How many visits of each kind are made, one after the other.
const VISITS: usize = 500;

/// How long a visit may take.
const VISIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes visits at the second of the daemons that have clients, with what the second or the first
/// has told, while no server changes.
///
/// # Errors
/// When there is no second, or a visit fails.
pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Moved> {
    let [first, second, ..] = bench.target.of(Role::Client) else {
        bail!("--move needs two daemons with clients");
    };
    // Neither the first nor the last: what is measured once may be measured cold.
    visits(bench, second, None).await?;
    Ok(Moved {
        back: visits(bench, second, Some(cursor(bench, second).await?)).await?,
        moved: visits(bench, second, Some(cursor(bench, first).await?)).await?,
        new: visits(bench, second, None).await?,
    })
}

/// How far a daemon's list goes.
async fn cursor(bench: &Bench, at: &Target) -> anyhow::Result<Cursor> {
    let plan = &bench.stage.plan;
    let sockets = Sockets::open(plan, Role::Client, std::slice::from_ref(at))?;
    let mut list = Subscriber::new(sockets.connect(0).await?)
        .game(&plan.game)
        .run();
    let snapshot = list.next().await.context("the list has ended")??;
    Ok(Cursor {
        epoch: snapshot.epoch(),
        revision: snapshot.revision(),
    })
}

async fn visits(bench: &Bench, at: &Target, known: Option<Cursor>) -> anyhow::Result<Visits> {
    bench.phase("clients come and go", VISITS as u64);
    let game = &bench.stage.plan.game;
    let sockets = Sockets::open(&bench.stage.plan, Role::Client, std::slice::from_ref(at))?;
    let (cpu, begun) = (at.cpu(), now());
    let (mut bytes, mut deltas) = (0, 0);
    for visitor in 0..VISITS {
        let connection = sockets.connect(visitor).await?;
        let first = tokio::time::timeout(VISIT_TIMEOUT, visit(&connection, game, known)).await;
        let (length, is_delta) = first.context("a client got no list")??;
        connection.close(0_u8.into(), b"");
        bytes += length as u64;
        deltas += usize::from(is_delta);
    }
    let calm = bench.calm(at).await.unwrap_or_default() * begun.elapsed().as_secs_f64();
    let took = at
        .cpu()
        .zip(cpu)
        .map(|(now, before)| (now - before).as_secs_f64() - calm);
    Ok(Visits {
        micros: took.map(|took| took * 1e6 / VISITS as f64),
        bytes: bytes / VISITS as u64,
        deltas,
    })
}

/// Subscribes, and returns the length of the first message, and whether it is a delta.
async fn visit(
    connection: &quinn::Connection,
    game: &str,
    known: Option<Cursor>,
) -> anyhow::Result<(usize, bool)> {
    let mut out = connection.open_uni().await?;
    let subscribe = Subscribe {
        game: Some(game),
        known,
        compression: Compression::Zstd,
    };
    stream::write(&mut out, subscribe).await?;
    out.finish()?;
    let mut reader = FrameReader::new(connection.accept_uni().await?);
    let bytes = reader.next(MAX_MESSAGE_BYTES).await?;
    let bytes = bytes.context("the daemon has ended the list")?;
    let message = ListMessage::decode(&bytes, MAX_MESSAGE_BYTES)?;
    Ok((bytes.len(), message.from.is_some()))
}

impl Moved {
    /// Each kind, with its name.
    pub(crate) fn kinds(&self) -> [(&'static str, Visits); 3] {
        [
            ("client that comes back", self.back),
            ("client from another daemon", self.moved),
            ("new client", self.new),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        let kind =
            |it: Visits| json!({ "micros": it.micros, "bytes": it.bytes, "deltas": it.deltas });
        json!({ "back": kind(self.back), "moved": kind(self.moved), "new": kind(self.new) })
    }
}

impl fmt::Display for Visits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            micros,
            bytes,
            deltas,
        } = self;
        match micros {
            Some(micros) => write!(f, "{micros:.0} µs")?,
            None => f.write_str("-")?,
        }
        write!(f, ", {bytes} bytes; {deltas} of {VISITS} got changes alone")
    }
}
