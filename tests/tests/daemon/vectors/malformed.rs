//! What peers may not say to the daemon.

use super::{each, identity, role, said, script, section};
use crate::DAEMON;
use anyhow::{Context, ensure};
use metaserve::{
    Close, Identity, Role,
    protocol::{codec, heartbeat::FromDaemon},
    stream::FrameReader,
};
use metaserve_tests::{Daemon, FROM_ONE_ADDRESS, say};
use serde_json::Value;

/// Raw QUIC frames (`quic`) are left to a peer whose QUIC stack can be made to send them.
#[tokio::test]
async fn malformed_messages_are_refused_as_the_vectors_say() {
    let relay = identity();
    let trusted = relay.fingerprint().to_string();
    let own = ["--names", "on", "--trust-relay", &trusted];
    let flags = [&FROM_ONE_ADDRESS[..], &own].concat();
    let daemon = Daemon::start(DAEMON, &flags).await;
    let mut entries = section("malformed", "daemon");
    entries.retain(|it| it.get("quic").is_none());
    each(entries, async |entry| refused(&daemon, &relay, entry).await).await;
}

async fn refused(daemon: &Daemon, relay: &Identity, entry: &Value) -> anyhow::Result<()> {
    let role = role(entry);
    let known = (role == Role::Relay).then_some(relay);
    let connection = daemon.connect(role, known).await;
    let mut out = say(&connection, &said(entry)).await;
    then(&mut out, entry);
    match entry.get("notice") {
        Some(kind) => noticed(&connection, kind, entry).await,
        None => closed(&connection, entry).await,
    }
}

/// Does to the stream what comes after what was said.
pub(super) fn then(out: &mut quinn::SendStream, entry: &Value) {
    // Both fail when the other end has closed the connection already.
    if let Some(code) = entry["then"]["reset"].as_u64() {
        let _ = out.reset(quinn::VarInt::from_u64(code).unwrap());
    } else if entry["then"]["finish"] == true {
        let _ = out.finish();
    }
}

/// Waits until the other end closes, and looks at its code and reason.
pub(super) async fn closed(connection: &quinn::Connection, right: &Value) -> anyhow::Result<()> {
    let error = connection.closed().await;
    let close = Close::from_peer(&error).with_context(|| error.to_string())?;
    ensure!(right["close"] == close.code.number(), "closed with {close}");
    ensure!(script::has(&close.reason, &right["reason"]), "{close}");
    Ok(())
}

async fn noticed(
    connection: &quinn::Connection,
    kind: &Value,
    entry: &Value,
) -> anyhow::Result<()> {
    let stream = connection.accept_uni().await?;
    let mut reader = FrameReader::new(stream);
    loop {
        let message = reader.next(1 << 14).await?;
        let message = message.context("the stream has ended")?;
        if let FromDaemon::Notice(notice) = codec::decode(&message)? {
            ensure!(*kind == notice.kind.number(), "{notice:?}");
            ensure!(script::has(notice.text, &entry["reason"]), "{notice:?}");
            return Ok(());
        }
    }
}
