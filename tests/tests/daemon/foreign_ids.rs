//! Packets with connection ids of another thread than the one that they arrive at: forged,
//! replayed, in floods, and many at once. They cost a bounded queue and disturb nobody.

use crate::{
    DAEMON,
    shards::{handed_over, threads},
};
use bytes::Bytes;
use futures::channel::mpsc::{self, UnboundedSender};
use metaserve::{
    Role,
    tls::{
        connection_ids::{ConnectionIds, LENGTH, MAX_SHARDS},
        secret::Secret,
    },
};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, Tap, patiently};
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// Two threads, with metrics.
async fn two_threads() -> (Daemon, SocketAddr) {
    let settings = [&threads("2")[..], &["--idle-timeout", "60s"]].concat();
    let mut daemon = Daemon::start(DAEMON, &settings).await;
    let http = daemon.http().await;
    (daemon, http)
}

/// What the daemon makes its connection ids with. A forger does not have it, but can guess.
fn ids(daemon: &Daemon) -> ConnectionIds {
    let secret = Secret::load_or_create(daemon.state_dir()).unwrap();
    secret.connection_ids().clone()
}

fn forged(id: [u8; LENGTH]) -> Vec<u8> {
    [&[0x40][..], &id, &[7; 55]].concat()
}

async fn stranger() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// The length of the next answer to a stranger.
async fn answer(stranger: &UdpSocket) -> usize {
    let answer = async { stranger.recv(&mut [0; 2_048]).await.unwrap() };
    patiently("an answer", answer).await
}

/// Publishes what comes out of a queue.
fn publish(connection: quinn::Connection) -> UnboundedSender<Bytes> {
    let (heartbeats, stream) = mpsc::unbounded();
    tokio::spawn(Publisher::new(connection).run(stream));
    heartbeats
}

/// A server and a client that must always be served.
struct Honest {
    server: UnboundedSender<Bytes>,
    client: Follower,
}

impl Honest {
    async fn new(daemon: &Daemon) -> Self {
        Self {
            server: publish(daemon.connect(Role::Heartbeat, None).await),
            client: Follower::new(daemon, None).await,
        }
    }

    async fn served(&mut self, words: &str) {
        self.server.unbounded_send(words.to_owned().into()).unwrap();
        self.client.until_words(&[words]).await;
    }
}

/// Each is answered by one thread, as any daemon answers packets for a connection that is gone.
#[tokio::test]
async fn forged_ids_of_any_thread_are_answered_once_and_briefly() {
    let (daemon, http) = two_threads().await;
    let mut honest = Honest::new(&daemon).await;
    honest.served("before").await;
    let ids = ids(&daemon);
    // Most of these threads do not exist, and about half of the sockets reach each of the two.
    for shard in 0..usize::from(MAX_SHARDS) {
        let stranger = stranger().await;
        let packet = forged(ids.another(shard));
        stranger.send_to(&packet, daemon.address).await.unwrap();
        assert!(answer(&stranger).await < packet.len());
        assert!(stranger.try_recv(&mut [0; 64]).is_err(), "one answer");
    }
    assert!(handed_over(http, "delivered").await > 0.0);
    assert_eq!(handed_over(http, "dropped").await, 0.0);
    honest.served("after").await;
}

#[tokio::test]
async fn replayed_packets_change_nothing_wherever_they_arrive() {
    let (daemon, http) = two_threads().await;
    let connector = daemon.connector(Role::Heartbeat, None);
    let tap = Tap::open();
    connector.endpoint().rebind_abstract(tap.clone()).unwrap();
    let server = publish(connector.connect().await.unwrap());
    let client = Follower::new(&daemon, None).await;
    let mut honest = Honest { server, client };
    for number in 0..5 {
        honest.served(&number.to_string()).await;
    }
    let (id, address) = (honest.client.only().id, honest.client.only().address);

    // Without the handshake, which would begin another one.
    let established = |datagram: &Vec<u8>| datagram[0] & 0x80 == 0;
    let packets: Vec<_> = tap.sent().into_iter().filter(established).collect();
    let mut strangers = Vec::new();
    for _ in 0..32 {
        let stranger = stranger().await;
        for packet in &packets {
            stranger.send_to(packet, daemon.address).await.unwrap();
        }
        strangers.push(stranger);
    }
    honest.served("after").await;
    let arrived = async { while handed_over(http, "delivered").await == 0.0 {} };
    patiently("a packet at the other thread", arrived).await;
    honest.served("at last").await;
    let server = honest.client.only();
    assert_eq!((server.id, server.address), (id, address));
    for stranger in strangers {
        let answer = stranger.try_recv(&mut [0; 64]);
        assert!(answer.is_err(), "nothing is answered");
    }
}

#[tokio::test]
async fn a_flood_of_ids_of_another_thread_is_counted_and_delays_nobody() {
    const FLOOD: usize = 20_000;
    let (daemon, http) = two_threads().await;
    let mut honest = Honest::new(&daemon).await;
    honest.served("before").await;
    let ids = ids(&daemon);
    let flooder = stranger().await;
    // Which of the two threads does it not reach?
    let packet = forged(ids.another(0));
    flooder.send_to(&packet, daemon.address).await.unwrap();
    answer(&flooder).await;
    let to_the_first = handed_over(http, "delivered").await;
    let foreign = if to_the_first > 0.0 { 0 } else { 1 };
    for number in 0..FLOOD {
        let packet = forged(ids.another(foreign));
        flooder.send_to(&packet, daemon.address).await.unwrap();
        if number % 1_000 == 0 {
            honest.served(&format!("flood {number}")).await;
        }
    }
    honest.served("after").await;
    let counted = handed_over(http, "delivered").await + handed_over(http, "dropped").await;
    let counted = counted - to_the_first;
    assert!(counted > 0.0 && counted <= FLOOD as f64, "{counted}");
}

/// Several connections behind one socket, of both threads, whose datagrams are received at once.
#[tokio::test]
async fn datagrams_of_many_connections_received_at_once_all_arrive() {
    const HALF: usize = 8;
    let (daemon, http) = two_threads().await;
    let connector = daemon.connector(Role::Heartbeat, None);
    let mut servers = Vec::new();
    let connect = async |servers: &mut Vec<_>| {
        for _ in 0..HALF {
            servers.push(publish(connector.connect().await.unwrap()));
        }
    };
    let mut client = Follower::new(&daemon, None).await;
    let mut all_say = async |servers: &[UnboundedSender<Bytes>], turn: u32| {
        let words: Vec<_> = (0..servers.len())
            .map(|server| format!("server {server:02} in turn {turn:03}"))
            .collect();
        for (server, words) in servers.iter().zip(&words) {
            server.unbounded_send(words.clone().into()).unwrap();
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        client.until_words(&words).await;
    };
    connect(&mut servers).await;
    all_say(&servers, 0).await;
    // Until they reach the other thread.
    let mut turn = 0;
    let tap = loop {
        turn += 1;
        assert!(turn < 100, "a hundred ports came to the same thread");
        let tap = Tap::open();
        connector.endpoint().rebind_abstract(tap.clone()).unwrap();
        all_say(&servers, turn).await;
        if handed_over(http, "delivered").await > 0.0 {
            break tap;
        }
    };
    connect(&mut servers).await;
    all_say(&servers, turn + 1).await;
    tap.send_in_groups();
    let before = handed_over(http, "delivered").await;
    for later in 2..5 {
        all_say(&servers, turn + later).await;
    }
    // Each heartbeat of the first half was in a datagram for the other thread.
    let moved = handed_over(http, "delivered").await - before;
    assert!(moved >= 3.0 * HALF as f64, "{moved}");
    assert_eq!(handed_over(http, "dropped").await, 0.0);
}
