//! Large lists and large heartbeats.

use crate::{DAEMON, members::Member};
use bytes::Bytes;
use futures::{StreamExt, stream};
use metaserve::{Game, Identity, Role};
use metaserve_client::Snapshot;
use metaserve_heartbeat::{Change, Listing};
use metaserve_tests::{Daemon, Follower, Nats};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// How many servers a member has that another one joins; `METASERVE_CLUSTER_SERVERS` says another
/// number, up to 200,000.
const SERVERS: u32 = 5_000;

/// Lists servers at a member as a relay does, each under an address of its own network.
async fn relay(member: &Member, relay: &Identity, heartbeats: Vec<Bytes>) {
    let game: Game = "tag".parse().unwrap();
    let listing = move |(key, heartbeat): (u32, Bytes)| {
        let address = Ipv4Addr::from_bits((11 << 24) + (key << 6) + 1);
        Change::List(Listing {
            key: key.into(),
            game: game.clone(),
            address: (address, 7777).into(),
            heartbeat,
        })
    };
    let changes = stream::iter((0..).zip(heartbeats).map(listing));
    let connector = member.daemon.connector(Role::Relay, Some(relay));
    let connect = move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    };
    let changes = changes.chain(stream::pending());
    tokio::spawn(metaserve_heartbeat::relay(connect).run(Box::pin(changes)));
}

/// Row 19.
#[tokio::test]
async fn a_member_joins_a_large_list_and_nats_does_not_drop_it() {
    let count = std::env::var("METASERVE_CLUSTER_SERVERS");
    let count = count.map_or(SERVERS, |count| count.parse().unwrap());
    let nats = Nats::one().await;
    let identity = crate::returns::identity();
    let print = identity.fingerprint().to_string();
    let most = count.to_string();
    let trust = ["--trust-relay", &print, "--max-servers-per-relay", &most];
    let a = Member::joined(&nats, "a", &trust).await;
    let b = Member::joined(&nats, "b", &[]).await;
    let heartbeat = |number| Bytes::from(format!("{number} {:.<180}", ""));
    relay(&a, &identity, (0..count).map(heartbeat).collect()).await;
    let full = |list: &Snapshot| list.len() == count as usize;
    for member in [&a, &b] {
        let mut list = Follower::new(&member.daemon, None).await;
        list.until("the whole list", full).await;
    }
    // Its first list is what it has joined with: all of it, or it has said that it is not.
    // Its tick is so long that it shows no part of the list by chance.
    let urls = nats.urls();
    let cluster = ["--cluster", &urls, "--cluster-member", "c"];
    let slow = ["--http", "127.0.0.1:0", "--tick", "5s"];
    let slow = [&cluster[..], &slow].concat();
    let mut c = Member::of(Daemon::start(DAEMON, &slow).await).await;
    let begin = crate::now();
    let mut list = Follower::new(&c.daemon, None).await;
    let joined = c.daemon.logged("joined the cluster").await;
    let took = begin.elapsed();
    println!("figure: a member joined a list of {count} servers within {took:.1?}: {joined}");
    if joined.contains("the list is complete") {
        assert_eq!(list.snapshot.len(), count as usize);
    }
    list.until("the whole list", full).await;
    for member in [a, b, c] {
        let mut daemon = member.daemon;
        let said = daemon.said().join("\n");
        assert!(!said.contains("lost NATS"), "{said}");
    }
}

/// Row 20, where NATS takes shorter messages than members would send.
#[tokio::test]
async fn heartbeats_are_cut_to_what_nats_takes() {
    let nats = Nats::start(1, "max_payload: 128KB").await;
    large_heartbeats(&nats).await;
}

/// Row 20: the longest heartbeats, which do not get smaller by compression, in messages that are
/// longer than one piece and longer than what waits for its other pieces.
#[tokio::test]
async fn heartbeats_of_a_mebibyte_come_in_pieces() {
    large_heartbeats(&Nats::one().await).await;
}

async fn large_heartbeats(nats: &Nats) {
    let identity = crate::returns::identity();
    let print = identity.fingerprint().to_string();
    let large = ["--max-heartbeat", "1048576", "--trust-relay", &print];
    let a = Member::joined(nats, "a", &large).await;
    let b = Member::joined(nats, "b", &large).await;
    let mut random = fastrand::Rng::with_seed(20);
    let mut heartbeat = || Bytes::from_iter(std::iter::repeat_with(|| random.u8(..)).take(1 << 20));
    let heartbeats: Vec<Bytes> = (0..12).map(|_| heartbeat()).collect();
    let expected: BTreeSet<Bytes> = heartbeats.iter().cloned().collect();
    relay(&a, &identity, heartbeats).await;
    let shown = |list: &Snapshot| {
        let all = list.servers().map(|it| it.heartbeat.clone());
        all.collect::<BTreeSet<_>>() == expected
    };
    let late = Member::joined(nats, "c", &large).await;
    for member in [&a, &b, &late] {
        let mut list = Follower::new(&member.daemon, None).await;
        list.until("all heartbeats", shown).await;
    }
    let text = b.metrics().await;
    let refused = text.lines().filter(|line| {
        line.starts_with("metaserve_cluster_messages_refused_total") && !line.ends_with(" 0")
    });
    assert_eq!(refused.collect::<Vec<_>>(), [""; 0]);
}
