//! What the loss of a member costs those who are at the others: its clients come to them.

use crate::{
    bench::Bench,
    clients::{self, Seen, lock},
    lists::List,
    peers::{Sockets, now},
    report::{Latency, quantiles},
};
use anyhow::{Context, bail};
use metaserve::Role;
use serde_json::{Value, json};
use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::sleep;

/// What has happened after the loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    /// How many clients have come, and how many of them were told only what has changed.
    came: usize,
    resumed: u64,
    took: Duration,
    /// The time from their first packet to their first answer.
    first: Option<Latency>,
    /// The time from a heartbeat's creation to its arrival at a client that was there before, while
    /// they came.
    meanwhile: Option<Latency>,
}

/// How long a client follows the list at the member before that is lost.
const BEFORE: Duration = Duration::from_secs(3);

/// Kills the member that has joined later, and lets as many clients as the plan says come to the
/// others with the list that they had there.
///
/// # Errors
/// When one of them does not get a list.
pub(crate) async fn measure(bench: &mut Bench, seen: &Arc<Seen>) -> anyhow::Result<Lost> {
    let stage = bench.stage.clone();
    let (there, coming) = (stage.plan.clients, stage.plan.which.lose());
    let known = list_there(bench, seen).await?;
    bench.target.lose().await;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (complete, resumed) = (count(&seen.complete), count(&seen.resumed));
    lock(&seen.first_list).reset();
    lock(&seen.latencies).reset();
    seen.counting.store(true, Ordering::Relaxed);
    let begun = now();
    let joining = (coming, stage.plan.client_ramp);
    let joined = bench.join(Role::Client, joining, "clients of a lost member come", {
        let (stage, seen) = (stage.clone(), seen.clone());
        move |tasks, client, connection, begun| {
            let (stage, seen, known) = (stage.clone(), seen.clone(), Some(known.clone()));
            let follow = clients::client(stage, seen, there + client, connection, begun, known);
            drop(tasks.spawn(follow));
        }
    });
    drop(joined.await?);
    let answered = || count(&seen.complete) - complete;
    bench
        .all("clients with a list", coming as u64, answered)
        .await?;
    seen.counting.store(false, Ordering::Relaxed);
    Ok(Lost {
        came: coming,
        resumed: count(&seen.resumed) - resumed,
        took: begun.elapsed(),
        first: Latency::of(&lock(&seen.first_list)),
        meanwhile: Latency::of(&lock(&seen.latencies)),
    })
}

/// What a client of that member has in the end. It takes the place of one that comes later.
async fn list_there(bench: &Bench, seen: &Seen) -> anyhow::Result<Arc<List>> {
    let (stage, member) = (&bench.stage, bench.target.joined()?);
    let sockets = Sockets::open(&stage.plan, Role::Client, std::slice::from_ref(member))?;
    let connection = sockets.connect(0).await?;
    let place = stage.plan.clients;
    tokio::select! {
        ended = clients::follow(stage, seen, place, &connection, now(), None) => {
            bail!("the list of the member has ended: {ended:?}");
        }
        () = sleep(BEFORE) => {}
    }
    let list = lock(&seen.latest[place]).clone();
    list.context("the member has told no list")
}

impl Lost {
    pub(crate) fn json(&self) -> Value {
        json!({
            "came": self.came,
            "resumed": self.resumed,
            "seconds": self.took.as_secs_f64(),
            "first_answer_ms": self.first.map(Latency::json),
            "latency_ms": self.meanwhile.map(Latency::json),
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            came,
            resumed,
            took,
            first,
            meanwhile,
        } = *self;
        let (first, meanwhile) = (quantiles(first), quantiles(meanwhile));
        write!(
            f,
            "{came} in {:.1} s, {resumed} by what has changed; first answer {first}; change to the \
             others {meanwhile}",
            took.as_secs_f64()
        )
    }
}
