//! Holders keep their names through a restart of the daemon, and nobody slips in between.

use crate::{DAEMON, names::ON};
use metaserve::{
    names::{Answer, Proof, Refusal},
    protocol::names::{Claim, FromPeer, Held, Start},
};
use metaserve_tests::{Daemon, RawNames, run};
use std::fs;

fn again<'a>(id: u64, key: &'a str, held: Option<Held>) -> FromPeer<'a> {
    FromPeer::Claim(Claim {
        id,
        key,
        value: b"",
        ticket: None,
        held,
    })
}

async fn grant(peer: &mut RawNames, id: u64, key: &str) -> Held {
    match peer.claim(id, key, b"").await {
        Answer::Granted { epoch, proof, .. } => Held { epoch, proof },
        other => panic!("{other:?}"),
    }
}

async fn settling(peer: &mut RawNames, message: FromPeer<'_>) {
    peer.say(message).await;
    let answer = peer.next().await;
    let Answer::Refused {
        refusal: Refusal::Settling,
        again: Some(_),
        ..
    } = answer
    else {
        panic!("{answer:?}");
    };
}

#[tokio::test]
async fn after_a_restart_the_last_holder_has_its_name_and_strangers_wait() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut first = RawNames::new(&daemon).await;
    let stale = grant(&mut first, 1, "a").await;
    first.say(FromPeer::Release { id: 1 }).await;
    // The answer to this shows that the daemon has read the release.
    grant(&mut first, 2, "b").await;
    let mut second = RawNames::new(&daemon).await;
    let last = grant(&mut second, 1, "a").await;
    assert!(last.epoch > stale.epoch);

    let daemon = daemon.kill_and_restart(&ON).await;
    let [mut former, mut stranger, mut owner] = [
        RawNames::new(&daemon).await,
        RawNames::new(&daemon).await,
        RawNames::new(&daemon).await,
    ];
    // Epochs are public, proofs are not.
    let proof = Proof::default();
    let public = Held { proof, ..last };
    settling(&mut stranger, again(1, "a", Some(public))).await;
    settling(&mut stranger, again(1, "free", None)).await;
    // A former holder that comes first is displaced by the last one.
    let granted = |held: Held| Answer::Granted {
        id: 1,
        epoch: held.epoch,
        proof: held.proof,
    };
    former.say(again(1, "a", Some(stale))).await;
    assert_eq!(former.next().await, granted(stale));
    owner.say(again(1, "a", Some(last))).await;
    assert_eq!(owner.next().await, granted(last));
    assert_eq!(former.next().await, Answer::Lost { id: 1 });
    former.say(again(1, "a", Some(stale))).await;
    assert!(matches!(former.next().await, Answer::Held { epoch, .. } if epoch == last.epoch));

    // Those who want a free name started are told as soon as the time for former holders is over.
    let start = Some(Start {
        payload: b"",
        within_millis: 60_000,
        ticket: None,
    });
    let key = "free";
    let id = 2;
    stranger.say(FromPeer::Resolve { id, key, start }).await;
    match stranger.next().await {
        Answer::Unavailable { why, .. } => assert_eq!(why, "no host offers to start it"),
        other => panic!("{other:?}"),
    }
    let free = grant(&mut stranger, 1, "free").await;
    assert!(free.epoch > last.epoch);
    owner.say(FromPeer::Release { id: 1 }).await;
    let next = grant(&mut owner, 2, "a").await;
    assert!(next.epoch > last.epoch);
}

/// A daemon that has never granted anything has no former holders to wait for.
#[tokio::test]
async fn a_new_daemon_grants_at_once() {
    let mut daemon = Daemon::start(DAEMON, &ON).await;
    let mut peer = RawNames::new(&daemon).await;
    grant(&mut peer, 1, "a").await;
    let lines = daemon.said();
    assert!(
        !lines.iter().any(|line| line.contains("former holders")),
        "{lines:#?}"
    );
    let mut daemon = daemon.kill_and_restart(&ON).await;
    daemon
        .logged("names are kept for their former holders for 15s")
        .await;
}

/// Whether the folder of the mark is lost or was never there cannot be told.
#[tokio::test]
async fn a_daemon_that_has_lost_its_mark_with_its_folder_waits_for_former_holders() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut holder = RawNames::new(&daemon).await;
    let held = grant(&mut holder, 1, "a").await;
    let (folder, directory) = (daemon.state_dir().join("names"), daemon.state_dir());
    let directory = directory.to_str().unwrap().to_owned();
    let killed = daemon.kill().await;
    fs::remove_dir_all(&folder).unwrap();
    let checked = run(
        DAEMON,
        &[&["check", "--state-dir", &directory], &ON[..]].concat(),
    )
    .await;
    let said = "if names were on before, it is lost, so they wait for their former holders";
    assert!(checked.output.contains(said), "{checked:?}");

    let mut daemon = killed.restart(&ON).await;
    daemon
        .logged("names are kept for their former holders")
        .await;
    let [mut stranger, mut holder] = [RawNames::new(&daemon).await, RawNames::new(&daemon).await];
    settling(&mut stranger, again(1, "a", None)).await;
    holder.say(again(1, "a", Some(held))).await;
    let Answer::Granted { epoch, .. } = holder.next().await else {
        panic!("it has its proof");
    };
    assert_eq!(epoch, held.epoch);
}

/// Both ends of a connection may have given it up by then.
#[tokio::test]
async fn a_daemon_that_stood_still_keeps_names_for_the_holders_that_it_has_lost() {
    let mut daemon = Daemon::start(DAEMON, &ON).await;
    let mut holder = RawNames::new(&daemon).await;
    let held = grant(&mut holder, 1, "a").await;
    daemon.signal("STOP").await;
    let closed = holder.connection.closed().await;
    assert!(
        matches!(closed, quinn::ConnectionError::TimedOut),
        "{closed}"
    );
    daemon.signal("CONT").await;
    daemon.logged("stood still for").await;
    let [mut stranger, mut holder] = [RawNames::new(&daemon).await, RawNames::new(&daemon).await];
    grant(&mut stranger, 1, "b").await;
    stranger.say(again(2, "a", None)).await;
    match stranger.next().await {
        // The daemon has noticed, or has not yet, that the holder is gone.
        Answer::Held { .. }
        | Answer::Refused {
            refusal: Refusal::Settling,
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    holder.say(again(1, "a", Some(held))).await;
    let Answer::Granted { epoch, .. } = holder.next().await else {
        panic!("it has its proof");
    };
    assert_eq!(epoch, held.epoch);
}

#[tokio::test]
async fn a_daemon_that_stops_tells_its_peers_and_they_come_back_with_their_proofs() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut peer = RawNames::new(&daemon).await;
    let held = grant(&mut peer, 1, "a").await;
    let stopped = daemon.stop().await;
    let close = metaserve_tests::closed(&peer.connection).await;
    assert_eq!(close.code, metaserve::CloseCode::ShuttingDown);
    let daemon = stopped.restart(&ON).await;
    let mut peer = RawNames::new(&daemon).await;
    peer.say(again(1, "a", Some(held))).await;
    let Answer::Granted { epoch, .. } = peer.next().await else {
        panic!("it has its proof");
    };
    assert_eq!(epoch, held.epoch);
}
