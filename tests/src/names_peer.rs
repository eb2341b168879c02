//! A peer of names in its own process, for tests that kill it, freeze it or cut it off:
//! `names-peer-under-test HOST:PORT FINGERPRINT`. It does what each line of its input says, and ends
//! when its input ends:
//!
//! * `hold PREFIX COUNT` claims so many keys with a prefix, and keeps them;
//! * `churn PREFIX COUNT MS` does the same, and changes the value of one of them each so many
//!   milliseconds;
//! * `next KEY` claims a key whenever it is free;
//! * `release KEY` releases a key that it keeps;
//! * `watch PREFIX` follows keys;
//! * `offer PREFIX SLOTS MANNER` is a host that does with its orders what `serve`, `refuse` or `hang`
//!   say;
//! * `start KEY SECONDS` has a key started.
//!
//! What happens is a line of its output: `held KEY EPOCH`, `not KEY WHY` (not granted), `lost KEY WHY`,
//! `up KEY EPOCH`, `down KEY`, `current PREFIX COUNT`, `order KEY`, `found KEY EPOCH`, `none KEY WHY`.
#![forbid(unsafe_code)]

use futures::StreamExt;
use metaserve::{Connector, Role, Trust};
use metaserve_client::names::{Claim, ClaimError, ClaimRequest, Names};
use std::{
    collections::HashMap,
    io::Write,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::interval,
};
use tokio_util::task::AbortOnDropHandle;

/// Longer than any fault.
const LONG: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [daemon, fingerprint] = &arguments[..] else {
        anyhow::bail!("for the arguments, see the beginning of this program's source");
    };
    let trust = Trust::Fingerprint(fingerprint.parse()?);
    let connector = Connector::new(Role::Names, daemon, &trust, None)?;
    let connect = move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    };
    let peer = Peer {
        names: Names::maintain(connect),
        held: Arc::default(),
    };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
        let peer = peer.clone();
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["release", key] => peer.release(key),
            _ => drop(tokio::spawn(async move { peer.does(&words).await })),
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Peer {
    names: Names,
    held: Arc<Mutex<HashMap<String, Kept>>>,
}

/// A claim, and the task that says when it is lost.
struct Kept {
    _claim: Arc<Claim>,
    watching: AbortOnDropHandle<()>,
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading any more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

impl Peer {
    async fn does(&self, words: &[String]) -> anyhow::Result<()> {
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["hold", prefix, count] => {
                let keys = (0..count.parse::<u32>()?).map(|number| format!("{prefix}{number:04}"));
                let claims = keys.map(|key| self.hold(self.names.claim(&key).within(LONG), key));
                futures::future::join_all(claims).await;
            }
            ["churn", prefix, count, millis] => self.churn(prefix, count, millis).await?,
            ["next", key] => self.next(key).await,
            ["watch", prefix] => self.watch(prefix).await,
            ["offer", prefix, slots, manner] => self.offer(prefix, slots.parse()?, manner).await,
            ["start", key, seconds] => {
                let within = Duration::from_secs(seconds.parse()?);
                match self.names.resolve(key).or_start("").within(within).await {
                    Ok(found) => say(&format!("found {key} {}", found.epoch)),
                    Err(error) => say(&format!("none {key} {error}")),
                }
            }
            _ => say(&format!("unknown: {words:?}")),
        }
        Ok(())
    }

    /// Claims a key. Another task says when it is lost.
    async fn hold(&self, request: ClaimRequest, key: String) -> Result<Arc<Claim>, ClaimError> {
        let claim = match request.await {
            Ok(claim) => Arc::new(claim),
            Err(error) => {
                say(&format!("not {key} {error}"));
                return Err(error);
            }
        };
        say(&format!("held {key} {}", claim.epoch()));
        let (peer, watched, of) = (self.clone(), claim.clone(), key.clone());
        let watching = tokio::spawn(async move {
            let why = watched.lost().await;
            say(&format!("lost {of} {why}"));
            if let Some(kept) = peer.held().remove(&of) {
                drop(kept.watching.detach());
            }
        });
        let kept = Kept {
            _claim: claim.clone(),
            watching: AbortOnDropHandle::new(watching),
        };
        self.held().insert(key, kept);
        Ok(claim)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, key: &str) {
        drop(self.held().remove(key));
    }

    async fn churn(&self, prefix: &str, count: &str, millis: &str) -> anyhow::Result<()> {
        let mut claims = Vec::new();
        for number in 0..count.parse::<u32>()? {
            let key = format!("{prefix}{number:04}");
            claims.extend(self.hold(self.names.claim(&key), key).await);
        }
        let mut every = interval(Duration::from_millis(millis.parse()?));
        for round in 0_u64.. {
            every.tick().await;
            if let Some(claim) = claims.get((round % claims.len().max(1) as u64) as usize) {
                claim.update(format!("{round}"))?;
            }
        }
        Ok(())
    }

    async fn next(&self, key: &str) {
        let mut watch = pin!(self.names.watch(key));
        while let Some(Ok(snapshot)) = watch.next().await {
            if snapshot.get(key).is_none() {
                let request = self.names.claim(key).within(LONG);
                // Another one may be faster.
                drop(self.hold(request, key.to_owned()).await);
            }
        }
    }

    async fn watch(&self, prefix: &str) {
        let mut watch = pin!(self.names.watch(prefix));
        let mut first = true;
        while let Some(Ok(snapshot)) = watch.next().await {
            let changes = snapshot.changes();
            for key in changes.added.iter().chain(&changes.updated) {
                if let Some(entry) = snapshot.get(key.as_str()) {
                    say(&format!("up {key} {}", entry.epoch));
                }
            }
            for key in &changes.removed {
                say(&format!("down {key}"));
            }
            if std::mem::take(&mut first) {
                say(&format!("current {prefix} {}", snapshot.len()));
            }
        }
    }

    async fn offer(&self, prefix: &str, slots: u32, manner: &str) {
        let mut orders = pin!(self.names.offer(prefix, slots));
        let mut open = Vec::new();
        while let Some(Ok(order)) = orders.next().await {
            let key = order.key().to_string();
            say(&format!("order {key}"));
            match manner {
                "serve" => drop(self.hold(order.claim(), key).await),
                "refuse" => order.refuse("full"),
                _ => open.push(order),
            }
        }
    }
}
