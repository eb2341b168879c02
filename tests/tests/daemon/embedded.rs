//! Daemons embedded in another program end when it says so, and share nothing.

use crate::metrics::{scrape, value_of};
use metaserve::{CloseCode, Connector, Role, Trust};
use metaserve_client::Subscriber;
use metaserve_daemon::{Daemon, Settings, Stopped, settings::Http};
use metaserve_tests::{Follower, closed, constant, patiently};
use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A daemon in this process whose lists change quickly.
struct Embedded {
    address: SocketAddr,
    http: SocketAddr,
    trust: Trust,
    ending: CancellationToken,
    running: JoinHandle<Result<(), Stopped>>,
    _state: TempDir,
}

impl Embedded {
    fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(state.path().to_owned());
        settings.listen = ([127, 0, 0, 1], 0).into();
        settings.http = Http::At(([127, 0, 0, 1], 0).into());
        settings.tick = Duration::from_millis(20);
        settings.live.limits.min_interval = settings.tick;
        change(&mut settings);
        let daemon = Daemon::start(settings).unwrap();
        let ending = CancellationToken::new();
        Self {
            address: daemon.local_address().unwrap(),
            http: daemon.http_address().unwrap(),
            trust: Trust::Fingerprint(daemon.fingerprint()),
            running: tokio::spawn(daemon.run(ending.clone().cancelled_owned())),
            ending,
            _state: state,
        }
    }

    async fn connect(&self, role: Role) -> quinn::Connection {
        let connector = Connector::new(role, &self.address.to_string(), &self.trust, None);
        connector.unwrap().connect().await.unwrap()
    }

    /// A game server that sends this heartbeat until it is dropped.
    async fn publish(&self, heartbeat: &'static str) -> quinn::Connection {
        let connection = self.connect(Role::Heartbeat).await;
        let publishing = metaserve_heartbeat::run(connection.clone(), constant(heartbeat));
        drop(tokio::spawn(publishing));
        connection
    }

    async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        value_of(&scrape(self.http).await, name, labels)
    }

    /// Waits until a metric has this value.
    async fn counts(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        let counted = async {
            #[expect(clippy::float_cmp, reason = "small whole numbers are exact")]
            while self.metric(name, labels).await != wanted {}
        };
        patiently(name, counted).await;
    }
}

#[tokio::test]
async fn daemons_in_one_process_share_nothing() {
    const PER_PREFIX: [(&str, &str); 1] = [("limit", "max_servers_per_prefix")];
    let strict = Embedded::start(|settings| settings.live.limits.max_servers_per_prefix = 1);
    let lax = Embedded::start(|settings| settings.live.limits.max_servers_per_prefix = 7);
    let alone = strict.publish("alone").await;
    let accepted = [("outcome", "accepted")];
    strict
        .counts("metaserve_heartbeats_total", &accepted, 1.0)
        .await;
    let refused = closed(&strict.connect(Role::Heartbeat).await).await;
    assert_eq!(refused.code, CloseCode::OverCapacity);
    let _servers = [lax.publish("one").await, lax.publish("two").await];
    let client = lax.connect(Role::Client).await;
    let mut follower = Follower::of(Subscriber::new(client).run()).await;
    follower.until_words(&["one", "two"]).await;

    for (daemon, places, held, servers, frames) in
        [(&strict, 1.0, 1.0, 1.0, false), (&lax, 7.0, 0.0, 2.0, true)]
    {
        daemon.counts("metaserve_limit", &PER_PREFIX, places).await;
        daemon
            .counts("metaserve_limit_reached_total", &PER_PREFIX, held)
            .await;
        let role = [("role", "heartbeat")];
        daemon.counts("metaserve_connections", &role, servers).await;
        daemon
            .counts("metaserve_heartbeats_total", &accepted, servers)
            .await;
        let quic = [("way", "quic")];
        let encoded = daemon.metric("metaserve_frames_encoded_total", &quic).await;
        assert_eq!(encoded > 0.0, frames, "only one has a client");
    }

    strict.ending.cancel();
    let ended = patiently("its end", strict.running).await;
    assert_eq!(ended.unwrap(), Ok(()));
    assert_eq!(closed(&alone).await.code, CloseCode::ShuttingDown);
    let _third = lax.publish("three").await;
    follower.until_words(&["one", "two", "three"]).await;
}

/// A program that gives up a daemon must not be left with one that it cannot stop.
#[tokio::test]
async fn a_dropped_daemon_tells_its_peers_and_releases_its_ports() {
    let daemon = Embedded::start(|_| {});
    let client = daemon.connect(Role::Client).await;
    // A peer that is still being admitted is not told a reason.
    let role = [("role", "client")];
    daemon.counts("metaserve_connections", &role, 1.0).await;
    daemon.running.abort();
    assert_eq!(closed(&client).await.code, CloseCode::ShuttingDown);
    let free = async {
        while UdpSocket::bind(daemon.address).is_err()
            || std::net::TcpListener::bind(daemon.http).is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    patiently("free ports", free).await;
}
