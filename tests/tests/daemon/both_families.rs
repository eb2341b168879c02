//! A server with an identity is listed under its IPv4 and its IPv6 address.

use crate::{DAEMON, FAST};
use bytes::Bytes;
use futures::{FutureExt, channel::mpsc, future::BoxFuture};
use metaserve::{
    Backoff, CloseCode, Connect, Connector, Family, Identity, Role, Way, connect::role,
};
use metaserve_client::Snapshot;
use metaserve_heartbeat::{Error, Publisher, Status, maintain};
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc as told, task::JoinHandle};

/// The two loopback addresses of a daemon, like a name that resolves to both; IPv6 can be
/// unavailable.
#[derive(Clone)]
struct TwoAddresses {
    four: Connector,
    six: Connector,
    six_is_away: Arc<AtomicBool>,
}

impl TwoAddresses {
    fn of(daemon: &Daemon, identity: &Identity) -> Self {
        let address = daemon.address_v6().to_string();
        let six = Connector::new(Role::Heartbeat, &address, &daemon.trust(), Some(identity));
        Self {
            four: daemon.connector(Role::Heartbeat, Some(identity)),
            six: six.unwrap(),
            six_is_away: Arc::default(),
        }
    }
}

impl Connect<role::Heartbeat> for TwoAddresses {
    type Connecting = BoxFuture<'static, Result<quinn::Connection, String>>;
    type Error = String;

    fn ways(&self) -> Vec<Way> {
        Family::BOTH.map(Way::over).to_vec()
    }

    fn connect(&mut self, way: &Way) -> Self::Connecting {
        let over = way.over;
        let Self {
            four,
            six,
            six_is_away,
        } = self.clone();
        async move {
            if over == Some(Family::V6) && six_is_away.load(Ordering::Relaxed) {
                return Err("away".into());
            }
            let connector = if over == Some(Family::V6) { six } else { four };
            connector.connect().await.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

/// A maintained server, with the sender of its heartbeats and the problems that it reports.
struct Server {
    heartbeats: mpsc::UnboundedSender<Bytes>,
    problems: told::UnboundedReceiver<String>,
    ended: JoinHandle<Result<(), Error>>,
}

fn publish(connect: TwoAddresses) -> Server {
    let (heartbeats, stream) = mpsc::unbounded::<Bytes>();
    heartbeats.unbounded_send("here".into()).unwrap();
    let (tell, problems) = told::unbounded_channel();
    let soon = Duration::from_millis(20);
    let ended = tokio::spawn(async move {
        maintain(connect)
            .port(7777)
            .backoff(Backoff::new(soon, soon))
            .on_status(move |status| {
                if let Status::Waiting { error: problem, .. }
                | Status::Live {
                    problem: Some(problem),
                } = status
                {
                    drop(tell.send(problem));
                }
            })
            .run(stream)
            .await
    });
    Server {
        heartbeats,
        problems,
        ended,
    }
}

fn identity() -> Identity {
    Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap()
}

fn has(addresses: &'static [&str]) -> impl Fn(&Snapshot) -> bool {
    move |list| {
        let mut servers = list.servers();
        let Some(server) = servers.next() else {
            return addresses.is_empty();
        };
        let listed: Vec<_> = server.addresses.iter().map(ToString::to_string).collect();
        servers.next().is_none() && listed == addresses
    }
}

const FOUR: &str = "127.0.0.1:7777";
const SIX: &str = "[::1]:7777";

#[tokio::test]
async fn both_addresses_are_listed_and_removed_together_when_the_server_ends() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let server = publish(TwoAddresses::of(&daemon, &identity()));
    let mut client = Follower::new(&daemon, None).await;
    client.until("both", has(&[FOUR, SIX])).await;
    server.heartbeats.unbounded_send("changed".into()).unwrap();
    client.until_words(&["changed"]).await;
    assert!(has(&[FOUR, SIX])(&client.snapshot));
    drop(server.heartbeats);
    patiently("its end", server.ended).await.unwrap().unwrap();
    client.until("nobody", has(&[])).await;
}

#[tokio::test]
async fn one_family_comes_and_goes_without_the_other() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let two = TwoAddresses::of(&daemon, &identity());
    two.six_is_away.store(true, Ordering::Relaxed);
    let mut server = publish(two.clone());
    let mut client = Follower::new(&daemon, None).await;
    client.until("IPv4 alone", has(&[FOUR])).await;
    let problem = patiently("a problem", server.problems.recv()).await;
    assert_eq!(problem.as_deref(), Some("over IPv6: away"));

    two.six_is_away.store(false, Ordering::Relaxed);
    client.until("both", has(&[FOUR, SIX])).await;

    // IPv6 is lost silently. The daemon notices first, since the endpoint is gone.
    two.six_is_away.store(true, Ordering::Relaxed);
    two.six.endpoint().close(0_u8.into(), b"");
    client.until("IPv4 alone again", has(&[FOUR])).await;
    server
        .heartbeats
        .unbounded_send("still here".into())
        .unwrap();
    client.until_words(&["still here"]).await;
}

#[tokio::test]
async fn a_server_that_is_replaced_in_one_family_keeps_the_other_and_ends_when_both_are() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let identity = identity();
    let server = publish(TwoAddresses::of(&daemon, &identity));
    let mut client = Follower::new(&daemon, None).await;
    client.until("both", has(&[FOUR, SIX])).await;

    let four = daemon.connect(Role::Heartbeat, Some(&identity)).await;
    tokio::spawn(Publisher::new(four).port(7778).run(constant("here")));
    let partly = has(&["127.0.0.1:7778", SIX]);
    client.until("the other's IPv4", partly).await;
    assert!(!server.ended.is_finished());

    let six = daemon.connect_v6(Role::Heartbeat, Some(&identity)).await;
    tokio::spawn(Publisher::new(six).port(7778).run(constant("here")));
    let ended = patiently("its end", server.ended).await.unwrap();
    let code = ended.unwrap_err().close_code();
    assert_eq!(code, Some(CloseCode::Replaced));
    let wholly = has(&["127.0.0.1:7778", "[::1]:7778"]);
    client.until("the other alone", wholly).await;
}
