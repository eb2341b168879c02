//! Each address has a limited number of rows in the list. Servers beyond that get a notice, wait,
//! and get the rows that become free.

use crate::{
    metrics::{scrape, value, value_of},
    with_http,
};
use metaserve::{
    Connector, Identity, Role,
    protocol::{
        codec,
        heartbeat::{FromDaemon, NoticeKind},
        relay::{FromRelay, Upsert},
    },
    stream::{self, FrameReader},
};
use metaserve_heartbeat::{Notice, Publisher};
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use tokio::{sync::mpsc, task::JoinHandle};

async fn start(further: &[&str]) -> (Daemon, SocketAddr) {
    with_http(&[&["--max-listed-per-prefix", "2"], further].concat()).await
}

/// A game server with the notices that it receives.
struct Server {
    notices: mpsc::UnboundedReceiver<Notice>,
    connector: Connector,
    task: JoinHandle<()>,
}

impl Server {
    async fn new(daemon: &Daemon, from: [u8; 4], words: &str) -> Self {
        let (connection, connector) = daemon
            .connect_from(IpAddr::from(from), Role::Heartbeat)
            .await;
        let (hear, notices) = mpsc::unbounded_channel();
        let publisher = Publisher::new(connection).on_notice(move |notice| {
            let _ = hear.send(notice);
        });
        let heartbeats = constant(words.to_owned());
        let task = tokio::spawn(async move {
            let _ = publisher.run(heartbeats).await;
        });
        Self {
            notices,
            connector,
            task,
        }
    }

    async fn told(&mut self) -> String {
        let notice = patiently("a notice", self.notices.recv()).await.unwrap();
        assert_eq!(notice.kind, NoticeKind::NotListed);
        notice.text
    }
}

#[tokio::test]
async fn a_server_beyond_the_rows_of_its_address_waits_with_a_notice_and_is_listed_in_turn() {
    let (mut daemon, http) = start(&["--trusted-prefix", "none"]).await;
    let mut list = Follower::new(&daemon, None).await;
    let mut servers = Vec::new();
    for words in ["one", "two"] {
        servers.push(Server::new(&daemon, [127, 0, 0, 5], words).await);
    }
    list.until_words(&["one", "two"]).await;
    for (words, position) in [("three", "1st"), ("four", "2nd")] {
        let mut server = Server::new(&daemon, [127, 0, 0, 5], words).await;
        let expected = format!(
            "not listed: 2 servers of your address are already listed; this one is the {position} \
             in the queue"
        );
        assert_eq!(server.told().await, expected);
        servers.push(server);
    }
    servers.push(Server::new(&daemon, [127, 0, 0, 6], "neighbour").await);
    list.until_words(&["one", "two", "neighbour"]).await;
    let seen = scrape(http).await;
    assert_eq!(value(&seen, "metaserve_servers_waiting", ""), 2.0);
    let limit = [("limit", "max_listed_per_prefix")];
    assert_eq!(
        value_of(&seen, "metaserve_limit_reached_total", &limit),
        2.0
    );

    servers[0].task.abort();
    list.until_words(&["two", "three", "neighbour"]).await;
    daemon.logged("listed: a row has become free").await;
    servers[2].task.abort();
    list.until_words(&["two", "four", "neighbour"]).await;
}

#[tokio::test]
async fn trusted_prefixes_have_the_rows_that_they_are_given() {
    let trusted = ["--trusted-prefix", "none,127.0.5.0/24=3"];
    let (daemon, _) = start(&trusted).await;
    let mut list = Follower::new(&daemon, None).await;
    let mut servers = Vec::new();
    for words in ["one", "two", "three"] {
        servers.push(Server::new(&daemon, [127, 0, 5, 1], words).await);
    }
    list.until_words(&["one", "two", "three"]).await;
    let mut fourth = Server::new(&daemon, [127, 0, 5, 2], "four").await;
    let told = fourth.told().await;
    assert!(
        told.contains("3 servers of your network 127.0.5.0/24"),
        "{told}"
    );
}

#[tokio::test]
async fn a_server_that_moves_takes_a_row_at_its_new_address_and_frees_the_old_one() {
    let (daemon, _) = start(&["--trusted-prefix", "none"]).await;
    let mut list = Follower::new(&daemon, None).await;
    let mut servers = Vec::new();
    for (host, words) in [(1, "one"), (1, "two"), (2, "three"), (2, "four")] {
        servers.push(Server::new(&daemon, [127, 0, host, 1], words).await);
        list.until("the listed server", |list| list.len() == servers.len())
            .await;
    }
    let mut waits = Server::new(&daemon, [127, 0, 1, 1], "waits").await;
    waits.told().await;
    let socket = UdpSocket::bind("127.0.2.1:0").unwrap();
    servers[1].connector.endpoint().rebind(socket).unwrap();
    list.until_words(&["one", "waits", "three", "four"]).await;
    let told = servers[1].told().await;
    assert!(told.contains("the 1st in the queue"), "{told}");
}

#[tokio::test]
async fn a_server_of_a_relay_counts_at_its_listed_address() {
    let directory = tempfile::tempdir().unwrap();
    let relay = Identity::load_or_create(directory.path(), &[]).unwrap();
    let fingerprint = relay.fingerprint().to_string();
    let (daemon, _) = start(&["--trust-relay", &fingerprint]).await;
    let connection = daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    for (key, host) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        let words = key.to_string();
        let upsert = Upsert {
            key,
            game: "game",
            address: ([192, 0, 2, host], 7000 + key as u16).into(),
            heartbeat: words.as_bytes(),
        };
        stream::write(&mut out, FromRelay::Upsert(upsert))
            .await
            .unwrap();
    }
    let mut list = Follower::new(&daemon, None).await;
    list.until_words(&["1", "2", "4"]).await;
    let mut reader = FrameReader::new(connection.accept_uni().await.unwrap());
    let welcome = patiently("a welcome", reader.next(1024)).await.unwrap();
    drop(welcome);
    let notice = patiently("a notice", reader.next(1024))
        .await
        .unwrap()
        .unwrap();
    let FromDaemon::Notice(notice) = codec::decode(&notice).unwrap() else {
        panic!("a notice")
    };
    assert_eq!(notice.kind, NoticeKind::NotListed);
    assert_eq!(
        notice.text,
        "server 3 is not listed: 2 servers of 192.0.2.1 are listed already; this one is number 1 of \
         those that wait"
    );
    stream::write(&mut out, FromRelay::Remove(1)).await.unwrap();
    list.until_words(&["2", "3", "4"]).await;
}
