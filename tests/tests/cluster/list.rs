//! One list: servers at any member are in the lists of all.

use crate::members::Member;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use metaserve::{CloseCode, Identity, Role};
use metaserve_client::Server;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Follower, Nats, closed, constant, words};
use std::{fs, time::Duration};
use tokio::sync::mpsc;

/// Heartbeats that a test sends one by one.
fn heartbeats() -> (
    mpsc::UnboundedSender<String>,
    impl Stream<Item = Bytes> + Unpin + Send,
) {
    let (sender, receiver) = mpsc::unbounded_channel::<String>();
    let next = async |mut receiver: mpsc::UnboundedReceiver<String>| {
        let heartbeat = receiver.recv().await?;
        Some((Bytes::from(heartbeat), receiver))
    };
    (
        sender,
        Box::pin(stream::unfold(receiver, next)).chain(stream::pending()),
    )
}

#[tokio::test]
async fn servers_at_any_member_are_in_the_lists_of_all_with_every_change() {
    let nats = Nats::three().await;
    let members = Member::all(&nats, ["a", "b", "c"]).await;
    let mut expected = Vec::new();
    for (member, name) in members.iter().zip(["a", "b", "c"]) {
        for index in 0..5 {
            let word = format!("{name}{index}");
            let connection = member.daemon.connect(Role::Heartbeat, None).await;
            tokio::spawn(metaserve_heartbeat::run(connection, constant(word.clone())));
            expected.push(word);
        }
    }
    let mut followers = Vec::new();
    for member in &members {
        let mut follower = Follower::new(&member.daemon, None).await;
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        follower.until_words(&expected).await;
        let addresses = |server: &Server| (server.address, server.heartbeat.clone());
        let mut list: Vec<_> = follower.snapshot.servers().map(addresses).collect();
        list.sort_unstable();
        followers.push((follower, list));
    }
    assert!(followers.iter().all(|(_, list)| *list == followers[0].1));

    let (change, changes) = heartbeats();
    let connection = members[0].daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, changes));
    let mut took = Vec::new();
    for number in 0..30 {
        let word = format!("change {number}");
        let begin = crate::now();
        change.send(word.clone()).unwrap();
        let (follower, _) = &mut followers[1];
        let has = |list: &metaserve_client::Snapshot| words(list).contains(&word);
        follower.until(&word, has).await;
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    let milliseconds = |at: usize| took[at].as_millis();
    println!(
        "figure: a change at another member, with a tick of 50 ms: {} ms for half of 30, {} ms at most",
        milliseconds(15),
        milliseconds(29)
    );
}

#[tokio::test]
async fn a_server_that_moves_between_members_is_one_row_and_the_old_connection_ends() {
    let nats = Nats::three().await;
    let [a, b, c] = Member::all(&nats, ["a", "b", "c"]).await;
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(directory.path(), &[]).unwrap();
    let connect = async |member: &Member, word: String| {
        let connection = member
            .daemon
            .connect(Role::Heartbeat, Some(&identity))
            .await;
        tokio::spawn(metaserve_heartbeat::run(connection.clone(), constant(word)));
        connection
    };
    let mut connections = vec![connect(&a, "0".into()).await];
    let mut follower = Follower::new(&c.daemon, None).await;
    follower.until_words(&["0"]).await;
    let watch = c.watch(|list| list.len() == 1).await;
    for turn in 1..6 {
        let member = if turn % 2 == 0 { &a } else { &b };
        let word = turn.to_string();
        connections.push(connect(member, word.clone()).await);
        follower.until_words(&[&word]).await;
        for member in [&a, &b] {
            let mut follower = Follower::new(&member.daemon, None).await;
            follower.until_words(&[&word]).await;
        }
    }
    watch.saw_only_right_lists().await;
    let last = connections.pop().unwrap();
    for old in connections {
        assert_eq!(closed(&old).await.code, CloseCode::Replaced);
    }
    assert!(last.close_reason().is_none());
    assert_eq!(words(&follower.snapshot), ["5"]);
}

#[tokio::test]
async fn a_server_without_identity_that_comes_to_another_member_is_one_row() {
    let nats = Nats::one().await;
    let [a, b, c] = Member::all(&nats, ["a", "b", "c"]).await;
    let publish = async |member: &Member, word: &'static str| {
        let connection = member.daemon.connect(Role::Heartbeat, None).await;
        let publisher = Publisher::new(connection).port(7001);
        tokio::spawn(publisher.run(constant(word)))
    };
    let at_a = publish(&a, "at a").await;
    let mut follower = Follower::new(&c.daemon, None).await;
    follower.until_words(&["at a"]).await;
    let number = follower.only().id;
    let watch = c.watch(|list| list.len() == 1).await;
    let killed = a.daemon.kill().await;
    at_a.abort();
    let _at_b = publish(&b, "at b").await;
    follower.until_words(&["at b"]).await;
    assert_eq!(follower.only().id, number);
    c.sees("a", "held").await;
    watch.saw_only_right_lists().await;
    drop(killed);
}

#[tokio::test]
async fn a_ban_at_one_member_holds_at_all_until_it_is_lifted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bans.txt");
    fs::write(&file, "").unwrap();
    let nats = Nats::one().await;
    let bans = ["--ban-file", file.to_str().unwrap()];
    let a = Member::joined(&nats, "a", &bans).await;
    let b = Member::joined(&nats, "b", &[]).await;
    let lax = Member::joined(&nats, "lax", &["--cluster-bans", "off"]).await;
    let banned = "127.9.8.7".parse().unwrap();
    let (connection, _kept) = b.daemon.connect_from(banned, Role::Heartbeat).await;
    tokio::spawn(metaserve_heartbeat::run(
        connection.clone(),
        constant("banned"),
    ));
    let (other, _kept) = lax.daemon.connect_from(banned, Role::Heartbeat).await;
    tokio::spawn(metaserve_heartbeat::run(other, constant("at the lax one")));
    let mut followers = Vec::new();
    for member in [&a, &b] {
        let mut follower = Follower::new(&member.daemon, None).await;
        follower.until_words(&["at the lax one", "banned"]).await;
        followers.push(follower);
    }
    fs::write(&file, "127.9.8.0/24").unwrap();
    for follower in &mut followers {
        follower.until_words(&[]).await;
    }
    assert_eq!(closed(&connection).await.code, CloseCode::Banned);
    // Its operator does not trust the others.
    let mut follower = Follower::new(&lax.daemon, None).await;
    follower.until_words(&["at the lax one"]).await;

    fs::write(&file, "").unwrap();
    for follower in &mut followers {
        follower.until_words(&["at the lax one"]).await;
    }
    let back = async {
        loop {
            let (connection, kept) = b.daemon.connect_from(banned, Role::Heartbeat).await;
            let run = metaserve_heartbeat::run(connection, constant("back"));
            // The connection is closed as long as the ban is known here.
            let _ = tokio::time::timeout(Duration::from_secs(3_600), run).await;
            drop(kept);
        }
    };
    let listed = followers[0].until_words(&["at the lax one", "back"]);
    tokio::select! {
        () = back => {}
        _ = listed => {}
    }
}
