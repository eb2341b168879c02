//! Several threads serve peers, each with a socket of its own, without a difference to peers.

use crate::{
    DAEMON, FAST,
    metrics::{scrape, value},
    restart::impatient,
};
use futures::{
    StreamExt,
    future::{BoxFuture, join_all},
};
use metaserve::{ConnectError, Connector, Role, lasting::Status, tls::secret::Secret};
use metaserve_client::{Snapshot, Snapshots};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, FROM_ONE_ADDRESS, Follower, constant, failing_start, patiently, words,
};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tempfile::tempdir;

/// `FAST`, with so many threads and with metrics.
pub(crate) fn threads(count: &'static str) -> Vec<&'static str> {
    [&FAST[..], &["--threads", count, "--http", "127.0.0.1:0"]].concat()
}

/// How many packets were handed over to another shard.
pub(crate) async fn handed_over(http: SocketAddr, outcome: &str) -> f64 {
    let scrape = scrape(http).await;
    value(&scrape, "metaserve_packets_handed_over_total", outcome)
}

/// The kernel chooses the shard by the addresses and ports of both ends, so a new port usually
/// means another shard.
#[tokio::test]
async fn a_server_whose_packets_arrive_at_another_shard_stays_listed() {
    let mut daemon = Daemon::start(DAEMON, &threads("8")).await;
    let http = daemon.http().await;
    let connector = daemon.connector(Role::Heartbeat, None);
    let connection = connector.connect().await.unwrap();
    tokio::spawn(Publisher::new(connection).run(constant("moves")));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["moves"]).await;
    let id = client.only().id;

    for move_ in 1..=100 {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        connector.endpoint().rebind(socket).unwrap();
        let moved = |list: &Snapshot| list.servers().all(|server| server.address.port() == port);
        client.until("the new address", moved).await;
        assert_eq!(client.only().id, id, "it is still the same server");
        if handed_over(http, "delivered").await > 0.0 && move_ >= 3 {
            assert_eq!(handed_over(http, "dropped").await, 0.0);
            return;
        }
    }
    panic!("a hundred ports came to the same shard");
}

/// The first shard answers for shards that no longer run, so peers do not wait a minute.
#[tokio::test]
async fn a_daemon_that_restarts_with_fewer_threads_tells_all_old_peers() {
    let arguments = |count| ["--idle-timeout", "60s", "--threads", count];
    let daemon = Daemon::start(DAEMON, &arguments("8")).await;
    let mut connections = Vec::new();
    for _ in 0..24 {
        connections.push(daemon.connect(Role::Client, None).await);
    }
    let _daemon = daemon.kill_and_restart(&arguments("2")).await;
    for connection in connections {
        let end = patiently("the end", connection.closed()).await;
        assert_eq!(end, quinn::ConnectionError::Reset);
    }
}

/// A daemon reads many packets at once when it was busy, or away.
#[tokio::test]
async fn peers_of_shards_that_are_gone_are_all_told_when_they_come_at_once() {
    let daemon = Daemon::start(DAEMON, &["--threads", "1"]).await;
    let ids = Secret::load_or_create(daemon.state_dir()).unwrap();
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    peer.connect(daemon.address).await.unwrap();
    daemon.signal("STOP").await;
    for _ in 0..100 {
        let id = ids.connection_ids().another(5);
        let packet = [&[0x40][..], &id, &[7; 50]].concat();
        peer.send(&packet).await.unwrap();
    }
    daemon.signal("CONT").await;
    let mut reset = [0; 64];
    for answer in 1..=100 {
        let received = peer.recv(&mut reset);
        patiently(&format!("answer {answer}"), received)
            .await
            .unwrap();
    }
}

/// How many servers there are when a daemon restarts, and how many clients.
const PEERS: usize = 50;

/// What became of the connections of all peers.
#[derive(Debug, Default)]
struct Connections {
    made: AtomicUsize,
    timed_out: AtomicUsize,
}

impl Connections {
    /// Connects, and counts how often that has succeeded.
    fn counted(
        self: Arc<Self>,
        connector: Connector,
    ) -> impl Fn() -> BoxFuture<'static, Result<quinn::Connection, ConnectError>> {
        move || {
            let (connector, connections) = (connector.clone(), self.clone());
            Box::pin(async move {
                let connection = connector.connect().await?;
                connections.made.fetch_add(1, Ordering::Relaxed);
                Ok(connection)
            })
        }
    }

    /// Counts connections that were lost because nothing was heard for the idle timeout.
    fn lost(self: Arc<Self>) -> impl FnMut(Status) + Send + 'static {
        move |status| match status {
            Status::Waiting {
                error, attempts: 0, ..
            } if error.contains("timed out") => {
                self.timed_out.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// Follows the list until it is that of another daemon than `former`, and has all `names`. Returns
/// which daemon's it is.
async fn complete(list: &mut Snapshots, former: Option<u64>, names: &[String]) -> u64 {
    loop {
        let snapshot = list.next().await.unwrap().unwrap();
        if Some(snapshot.epoch()) != former && words(&snapshot) == names {
            return snapshot.epoch();
        }
    }
}

/// Restarts a daemon of 8 threads with as many as `after` says, under 50 servers and 50 clients.
/// Returns how many connections were made until every list was right again, and how many of the
/// former ones had to time out.
async fn connections_after_restart(told: bool, after: &'static str) -> (usize, usize) {
    const SOCKETS: usize = 25;
    let further = ["--tick", "100ms", "--idle-timeout", "60s", "--threads"];
    let settings = |threads| [&FROM_ONE_ADDRESS[..], &further, &[threads]].concat();
    let daemon = Daemon::start(DAEMON, &settings("8")).await;
    let connections = Arc::new(Connections::default());
    let [servers, clients] = [Role::Heartbeat, Role::Client].map(|role| {
        let connectors = (0..SOCKETS).map(|_| daemon.connector(role, None));
        connectors.collect::<Vec<_>>()
    });
    let of = |connectors: &[Connector], peer: usize| {
        (connections.clone()).counted(connectors[peer % SOCKETS].clone())
    };
    let names: Vec<_> = (0..PEERS).map(|it| format!("server {it:03}")).collect();
    for (number, name) in names.iter().enumerate() {
        let publish = metaserve_heartbeat::maintain(of(&servers, number)).backoff(impatient());
        let publish = publish.on_status(connections.clone().lost());
        tokio::spawn(publish.run(constant(name.clone())));
    }
    let follow = |number| {
        let follow = metaserve_client::maintain(of(&clients, number)).backoff(impatient());
        follow.on_status(connections.clone().lost()).run()
    };
    let mut lists: Vec<_> = (0..PEERS).map(follow).collect();
    let complete_lists = async |lists: &mut [Snapshots], former| {
        let complete = lists.iter_mut().map(|it| complete(it, former, &names));
        let all = tokio::time::timeout(LONGER_THAN_IDLE, join_all(complete)).await;
        all.expect("every list is complete in time")[0]
    };
    let former = complete_lists(&mut lists, None).await;
    assert_eq!(connections.made.swap(0, Ordering::Relaxed), 2 * PEERS);

    let ended = if told {
        daemon.stop().await
    } else {
        daemon.kill().await
    };
    let _daemon = ended.restart(&settings(after)).await;
    complete_lists(&mut lists, Some(former)).await;
    let Connections { made, timed_out } = &*connections;
    (
        made.load(Ordering::Relaxed),
        timed_out.load(Ordering::Relaxed),
    )
}

/// Connections that are not told time out after a minute, and their peers come back after that.
/// This is longer, so that the test says how many they were.
const LONGER_THAN_IDLE: Duration = Duration::from_secs(180);

/// One new connection for each peer, and none of the former ones has to time out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_fewer_threads_costs_what_any_restart_costs() {
    for told in [false, true] {
        let as_before = connections_after_restart(told, "8").await;
        let with_fewer = connections_after_restart(told, "2").await;
        assert_eq!([as_before, with_fewer], [(2 * PEERS, 0); 2], "told: {told}");
    }
}

#[tokio::test]
async fn peers_of_all_shards_share_one_list() {
    let daemon = Daemon::start(DAEMON, &threads("4")).await;
    let names: Vec<_> = (0..24)
        .map(|number| format!("server {number:02}"))
        .collect();
    let mut clients = Vec::new();
    for name in &names {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(Publisher::new(connection).run(constant(name.clone())));
        clients.push(Follower::new(&daemon, None).await);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for client in &mut clients {
        client.until_words(&names).await;
    }
}

/// The sockets of one daemon share the port, but not with another daemon of the same user.
#[tokio::test]
async fn a_second_daemon_on_the_port_is_refused() {
    let daemon = Daemon::start(DAEMON, &threads("4")).await;
    let state = tempdir().unwrap();
    let port = daemon.address.port();
    for listen in [format!("[::]:{port}"), format!("127.0.0.1:{port}")] {
        let complaint = failing_start(DAEMON, &listen, state.path(), &["--threads", "4"]).await;
        let expected = format!("UDP port {port} is in use");
        assert!(complaint.contains(&expected), "{listen}: {complaint}");
    }
}

#[tokio::test]
async fn packets_with_forged_ids_are_dropped_and_disturb_nobody() {
    let mut daemon = Daemon::start(DAEMON, &threads("2")).await;
    let http = daemon.http().await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(Publisher::new(connection).run(constant("undisturbed")));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["undisturbed"]).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    for number in 0..2_000_u64 {
        let mut packet = [0x40; 64];
        packet[1..9].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        stranger
            .send_to(&packet, ("127.0.0.1", daemon.address.port()))
            .unwrap();
    }
    // A round trip through both shards, behind the flood.
    let mut later = Follower::new(&daemon, None).await;
    later.until_words(&["undisturbed"]).await;
    assert_eq!(handed_over(http, "delivered").await, 0.0);
    assert!(stranger.recv(&mut [0; 64]).is_err(), "nothing is answered");
}
