//! Servers and clients that know several daemons use one of them, and move when it is lost.

use crate::{
    DAEMON,
    metrics::{scrape, value_of},
    with_http,
};
use metaserve::{
    Backoff, Connect, ConnectError, Connector as AnyConnector, Role, Trust, connect::role,
};
use metaserve_client::{Connector as ToFollow, Freshness, Snapshots};
use metaserve_heartbeat::{Connector as ToPublish, Error, Status};
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle};

/// Daemons that notice soon that a peer is gone, and whose loss peers notice soon.
const MORTAL: [&str; 6] = [
    "--tick",
    "20ms",
    "--min-interval",
    "20ms",
    "--idle-timeout",
    "6s",
];

/// Quick attempts, so that the test does not spend its time waiting.
pub(crate) fn impatient() -> Backoff {
    Backoff::new(Duration::from_millis(20), Duration::from_millis(100))
}

pub(crate) async fn two() -> [Daemon; 2] {
    [
        Daemon::start(DAEMON, &MORTAL).await,
        Daemon::start(DAEMON, &MORTAL).await,
    ]
}

pub(crate) fn names(daemons: &[Daemon; 2]) -> [String; 2] {
    daemons.each_ref().map(|it| it.address.to_string())
}

pub(crate) fn fingerprints(daemons: &[Daemon; 2]) -> [String; 2] {
    daemons.each_ref().map(|it| it.fingerprint.to_string())
}

/// A maintained server, with what it hears of its connections.
pub(crate) struct Server {
    pub(crate) statuses: mpsc::UnboundedReceiver<Status>,
    pub(crate) ended: JoinHandle<Result<(), Error>>,
}

impl Server {
    pub(crate) fn publish<C>(daemon: C, words: &'static str) -> Self
    where
        C: Connect<role::Heartbeat> + Send + Sync + 'static,
        C::Connecting: Send,
        C::Error: Send,
    {
        let (tell, statuses) = mpsc::unbounded_channel();
        let ended = tokio::spawn(async move {
            metaserve_heartbeat::maintain(daemon)
                .backoff(impatient())
                .on_status(move |status| drop(tell.send(status)))
                .run(constant(words))
                .await
        });
        Self { statuses, ended }
    }

    /// Waits for a status with this text.
    pub(crate) async fn hears(&mut self, text: &str) -> String {
        let search = async {
            loop {
                let status = self.statuses.recv().await.unwrap().to_string();
                if status.contains(text) {
                    return status;
                }
            }
        };
        patiently(text, search).await
    }
}

/// A client of one of the daemons, and how old its list is.
async fn follow(daemons: &[Daemon; 2]) -> (Follower, Freshness, mpsc::UnboundedReceiver<Status>) {
    let (tell, statuses) = mpsc::unbounded_channel();
    let daemon = ToFollow::to_one_of(names(daemons)).fingerprints(fingerprints(daemons));
    let list: Snapshots = metaserve_client::maintain(daemon)
        .backoff(impatient())
        .on_status(move |status| drop(tell.send(status)))
        .run();
    let freshness = list.freshness();
    assert!(freshness.stale_since().is_some(), "no list has come yet");
    (Follower::of(list).await, freshness, statuses)
}

/// Which of the daemons lists a server, once one does.
async fn listed_at(lists: &mut [Follower; 2]) -> usize {
    let [one, two] = lists;
    let some = |list: &metaserve_client::Snapshot| !list.is_empty();
    tokio::select! {
        _ = one.until("a server", some) => 0,
        _ = two.until("a server", some) => 1,
    }
}

/// Ends one of two daemons, and returns the other.
async fn lose(daemons: [Daemon; 2], lost: usize, signal: &str) -> Daemon {
    let [one, two] = daemons;
    let (lost, other) = if lost == 0 { (one, two) } else { (two, one) };
    match signal {
        "KILL" => drop(lost.kill().await),
        other => {
            lost.signal(other).await;
            // It is dropped, and with that killed, once it has ended by itself.
            tokio::spawn(async move {
                let mut lost = lost;
                lost.ended().await
            });
        }
    }
    other
}

async fn a_server_moves(signal: &str) {
    let daemons = two().await;
    let mut lists = [
        Follower::new(&daemons[0], None).await,
        Follower::new(&daemons[1], None).await,
    ];
    let to = ToPublish::to_one_of(names(&daemons)).fingerprints(fingerprints(&daemons));
    let mut server = Server::publish(to, "here");
    let at = listed_at(&mut lists).await;
    assert!(lists[1 - at].snapshot.is_empty(), "it is listed at one");

    let _other = lose(daemons, at, signal).await;
    lists[1 - at].until_words(&["here"]).await;
    server.hears("live").await;
    assert!(!server.ended.is_finished());
}

#[tokio::test]
async fn a_server_moves_to_the_other_daemon_when_its_own_is_killed() {
    a_server_moves("KILL").await;
}

#[tokio::test]
async fn a_server_moves_to_the_other_daemon_when_its_own_stops() {
    a_server_moves("TERM").await;
}

async fn a_client_moves(signal: &str) {
    let daemons = two().await;
    for daemon in &daemons {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant("here")));
        Follower::new(daemon, None)
            .await
            .until_words(&["here"])
            .await;
    }
    let epoch = Follower::new(&daemons[0], None).await.snapshot.epoch();
    let (mut client, freshness, mut statuses) = follow(&daemons).await;
    client.until_words(&["here"]).await;
    assert_eq!(freshness.stale_since(), None);
    let at = usize::from(client.snapshot.epoch() != epoch);
    let before = client.snapshot.epoch();

    let other = lose(daemons, at, signal).await;
    // Told before the next attempt, so that the list is old when the game hears of it.
    let lost = async {
        loop {
            if let Status::Waiting { .. } = statuses.recv().await.unwrap() {
                return freshness.clone();
            }
        }
    };
    patiently("the loss", lost).await;
    assert_eq!(client.snapshot.len(), 1, "the last list is kept");
    while client.snapshot.epoch() == before {
        client.next().await;
        assert_eq!(client.snapshot.len(), 1, "no empty list is seen in between");
    }
    assert_eq!(freshness.stale_since(), None, "it is live again");

    // There is no further daemon: the list grows old, and is kept.
    drop(other);
    let grows_old = async {
        while freshness.stale_for().is_none() {
            let _: Option<Status> = statuses.recv().await;
        }
    };
    patiently("the list's age", grows_old).await;
    assert_eq!(client.snapshot.len(), 1);
}

#[tokio::test]
async fn a_client_moves_to_the_other_daemon_when_its_own_is_killed() {
    a_client_moves("KILL").await;
}

#[tokio::test]
async fn a_client_moves_to_the_other_daemon_when_its_own_stops() {
    a_client_moves("TERM").await;
}

/// One daemon with two addresses stands for two members of a cluster.
#[tokio::test]
async fn a_client_that_moves_says_what_it_knows_and_gets_the_changes_alone() {
    let (daemon, http) = with_http(&[]).await;
    let publish = async |words: &'static str| {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(words)));
    };
    for words in ["one", "two", "three"] {
        publish(words).await;
    }
    let mut watching = Follower::new(&daemon, None).await;
    watching.until_words(&["one", "two", "three"]).await;

    let names = [daemon.address, daemon.address_v6()].map(|it| it.to_string());
    let connector = AnyConnector::one_of(Role::Client, names, &daemon.trust(), None).unwrap();
    let (tell, mut connections) = mpsc::unbounded_channel();
    let connect = move || {
        let (connector, tell) = (connector.clone(), tell.clone());
        async move {
            let connection = connector.connect().await?;
            let _ = tell.send(connection.clone());
            Ok::<_, ConnectError>(connection)
        }
    };
    let list = metaserve_client::maintain(connect)
        .backoff(impatient())
        .run();
    let mut client = Follower::of(list).await;
    client.until_words(&["one", "two", "three"]).await;
    let first = connections.recv().await.unwrap();
    let snapshots = [("way", "quic"), ("kind", "snapshot")];
    let sent = async || {
        let metrics = scrape(http).await;
        value_of(&metrics, "metaserve_frames_sent_total", &snapshots)
    };
    let before = sent().await;

    first.close(0_u8.into(), b"");
    publish("four").await;
    client.until_words(&["one", "two", "three", "four"]).await;
    let second = connections.recv().await.unwrap();
    assert_ne!(
        first.remote_address(),
        second.remote_address(),
        "it has moved"
    );
    assert_eq!(sent().await, before, "no list was sent as a whole");
}

#[tokio::test]
async fn the_end_says_which_daemon_said_what_once_all_refuse_for_good() {
    let daemons = two().await;
    let [one, two] = names(&daemons);
    let wrong = "ab".repeat(32);
    let both = |error: &str| {
        for name in [&one, &two] {
            let says = format!("{name}: the daemon at {name} is not trusted: its certificate has");
            assert!(error.contains(&says), "{error}");
        }
    };
    let to = ToPublish::to_one_of([&one, &two]).fingerprint(&wrong);
    let server = Server::publish(to, "here");
    let ended = patiently("its end", server.ended).await.unwrap();
    both(&ended.unwrap_err().to_string());

    let to = ToPublish::to_every([&one, &two]).fingerprint(&wrong);
    let server = Server::publish(to, "here");
    let ended = patiently("its end", server.ended).await.unwrap();
    both(&ended.unwrap_err().to_string());

    let daemon = ToFollow::to_one_of([&one, &two]).fingerprint(&wrong);
    let mut list = metaserve_client::maintain(daemon)
        .backoff(impatient())
        .run();
    let ended = patiently("its end", futures::StreamExt::next(&mut list)).await;
    both(&ended.unwrap().unwrap_err().to_string());

    // One that is trusted is enough, whichever comes first.
    let right = Trust::Fingerprints(vec![daemons[1].fingerprint]);
    for _ in 0..8 {
        let connector = AnyConnector::one_of(Role::Client, [&one, &two], &right, None).unwrap();
        let connection = patiently("a connection", connector.connect())
            .await
            .unwrap();
        assert_eq!(
            connection.remote_address().port(),
            daemons[1].address.port()
        );
    }
    let to = ToPublish::to_every([&one, &two]).trust(right);
    let mut server = Server::publish(to, "here");
    Follower::new(&daemons[1], None)
        .await
        .until_words(&["here"])
        .await;
    server
        .hears(&format!("at {one}: the daemon at {one} is not trusted"))
        .await;
    assert!(!server.ended.is_finished());
}

/// A server that is refused at a full daemon goes to the next.
#[tokio::test]
async fn a_peer_that_is_refused_tries_another_daemon() {
    let full = Daemon::start(DAEMON, &[&MORTAL[..], &["--max-servers", "1"]].concat()).await;
    let _takes_the_place = {
        let connection = full.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant("first")))
    };
    Follower::new(&full, None)
        .await
        .until_words(&["first"])
        .await;
    let daemons = [full, Daemon::start(DAEMON, &MORTAL).await];
    let mut list = Follower::new(&daemons[1], None).await;
    // Whoever waits for the daemon that is full waits for too long.
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(3_600));
    // Some of them try the other one first.
    for _ in 0..6 {
        let to = ToPublish::to_one_of(names(&daemons)).fingerprints(fingerprints(&daemons));
        let publish = metaserve_heartbeat::maintain(to).backoff(backoff.clone());
        tokio::spawn(async move { publish.run(constant("here")).await });
    }
    list.until_words(&["here"; 6]).await;
}
