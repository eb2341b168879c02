//! The protocol as data (`docs/reference/vectors.md`) over real QUIC connections: what the daemon
//! answers to peers, and what our libraries answer to a daemon.

mod conversations;
mod host;
mod malformed;
mod names;
mod peers;
mod script;

use anyhow::Context;
use futures::{StreamExt, future, stream};
use metaserve::{Identity, Role};
use metaserve_tests::PATIENCE;
use serde_json::Value;
use std::{cell::Cell, sync::LazyLock};
use tokio::time::timeout;

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../docs/reference/vectors.json")).unwrap()
});

/// How many entries are tried at once.
const AT_ONCE: usize = 8;

/// The entries of a section for who receives what is wrong, or plays a part.
fn section(name: &str, side: &str) -> Vec<&'static Value> {
    let entries = VECTORS[name].as_array().unwrap().iter();
    let entries: Vec<_> = entries.filter(|it| it["side"] == side).collect();
    assert!(!entries.is_empty(), "no {name} of the {side}'s side");
    entries
}

/// Tries each entry, and fails with all those that are answered otherwise, or not in time. Once
/// one has waited in vain, no further one is begun: what is broken may be broken for all.
async fn each(
    entries: Vec<&'static Value>,
    check: impl AsyncFn(&'static Value) -> anyhow::Result<()>,
) {
    let (check, in_vain) = (&check, &Cell::new(false));
    let tried = entries.into_iter().map(|it| async move {
        if in_vain.get() {
            return Some(format!("{}: not tried", it["name"]));
        }
        let problem = match timeout(2 * PATIENCE, check(it)).await {
            Ok(answered) => format!("{:#}", answered.err()?),
            Err(_) => {
                in_vain.set(true);
                "waited in vain".to_owned()
            }
        };
        Some(format!("{}: {problem}", it["name"]))
    });
    let tried = stream::iter(tried).buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = tried.filter_map(future::ready).collect().await;
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Plays the steps of a conversation; a failure names the step.
async fn steps(
    entry: &Value,
    mut play: impl AsyncFnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (number, step) in (1..).zip(entry["steps"].as_array().unwrap()) {
        let what = || format!("step {number}, {:.200}", step.to_string());
        let played = timeout(PATIENCE, play(step)).await;
        played
            .context("waited in vain")
            .flatten()
            .with_context(what)?;
    }
    Ok(())
}

fn role(entry: &Value) -> Role {
    match entry["role"].as_str() {
        Some("heartbeat") => Role::Heartbeat,
        Some("client") => Role::Client,
        Some("relay") => Role::Relay,
        Some("names") => Role::Names,
        _ => panic!("no role: {entry}"),
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// What is said on the stream: good messages first, then what the entry is about.
fn said(entry: &Value) -> Vec<u8> {
    let mut said = Vec::new();
    for name in entry["after"].as_array().unwrap() {
        let mut messages = VECTORS["messages"].as_array().unwrap().iter();
        let message = bytes(&messages.find(|it| it["name"] == *name).unwrap()["hex"]);
        said.extend(u32::try_from(message.len()).unwrap().to_le_bytes());
        said.extend(message);
    }
    said.extend(bytes(&entry["hex"]));
    said
}

fn identity() -> Identity {
    Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap()
}
