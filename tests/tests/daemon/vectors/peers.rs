//! What our libraries answer to a daemon.

use super::{
    bytes, each,
    host::{Guest, Host, Peer},
    malformed::{closed, then},
    role, said, script,
    script::Names,
    section, steps,
};
use anyhow::{Context, bail, ensure};
use metaserve::Role;
use serde_json::{Value, json};

/// The longest message of a peer.
const LONGEST: usize = 1 << 14;

#[tokio::test]
async fn a_daemon_that_breaks_the_protocol_is_told_how() {
    let mut entries = section("malformed", "peer");
    entries.retain(|it| role(it) != Role::Names);
    each(entries, async |entry| {
        let host = Host::new()?;
        let _peer = host.peer(role(entry))?;
        let mut guest = host.accept().await?;
        // It fails when the peer has seen enough before the end.
        let _ = guest.out.write_all(&said(entry)).await;
        then(&mut guest.out, entry);
        if entry.get("close").is_some() {
            closed(&guest.connection, entry).await?;
        } else {
            ensure!(entry["subscribes_again"] == true, "no outcome");
            guest.connection.closed().await;
        }
        if role(entry) == Role::Client {
            let mut again = host.accept().await?;
            let subscribe = statement(Role::Client, &mut again).await?;
            ensure!(subscribe["fields"]["have"].is_null(), "{subscribe}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn our_libraries_take_part_in_conversations_as_the_vectors_say() {
    each(section("conversations", "peer"), async |entry| {
        let host = Host::new()?;
        let role = role(entry);
        let mut peer = host.peer(role)?;
        let mut guest = host.accept().await?;
        steps(entry, async |step| {
            play(step, role, &mut peer, &mut guest).await
        })
        .await
    })
    .await;
}

async fn statement(role: Role, guest: &mut Guest) -> anyhow::Result<Value> {
    let message = guest.reader.next(LONGEST).await?;
    script::statement(role, &message.context("the stream has ended")?)
}

async fn play(step: &Value, role: Role, peer: &mut Peer, guest: &mut Guest) -> anyhow::Result<()> {
    let (what, value) = step
        .as_object()
        .and_then(|it| it.iter().next())
        .context("no step")?;
    match what.as_str() {
        "receive" => {
            let seen = statement(role, guest).await?;
            ensure!(Names::default().same(&seen, value), "saw {seen}");
        }
        "send" => guest.out.write_all(&bytes(value)).await?,
        "reset" => {
            let code = quinn::VarInt::from_u64(value.as_u64().unwrap())?;
            guest.out.reset(code)?;
            guest.out = guest.connection.open_uni().await?;
        }
        "list" => {
            let shown = |it: &_| Names::default().shows(it, value);
            peer.list
                .wait_for(shown)
                .await
                .context("the list has ended")?;
        }
        "notice" => {
            let notice = peer.notices.recv().await.context("the peer has ended")?;
            let seen = json!({"kind": notice.kind.number(), "sentence": notice.text});
            ensure!(seen == *value, "saw {seen}");
        }
        _ => bail!("no such step"),
    }
    Ok(())
}
