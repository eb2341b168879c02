//! A server can be listed at every one of several daemons.

use crate::{
    FAST,
    several::{Server, fingerprints, names, two},
};
use futures::future::BoxFuture;
use metaserve::{
    Connect, ConnectError, Connector as AnyConnector, Family, Role, Way, connect::role,
};
use metaserve_client::Snapshot;
use metaserve_heartbeat::{Connector as ToPublish, Identity, Status};
use metaserve_tests::{Follower, patiently};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};

#[tokio::test]
async fn a_server_at_every_daemon_is_listed_at_each_whatever_happens_to_others() {
    let daemons = two().await;
    let to = ToPublish::to_every(names(&daemons)).fingerprints(fingerprints(&daemons));
    let mut server = Server::publish(to, "here");
    let mut lists = Vec::new();
    for daemon in &daemons {
        let mut list = Follower::new(daemon, None).await;
        list.until_words(&["here"]).await;
        lists.push(list);
    }
    let [lost, other] = daemons;
    let (lost_at, unaffected) = (lost.address, lists.pop().unwrap().snapshot);
    let lost = lost.kill().await;
    let told = server.hears(&format!("at {lost_at}: ")).await;
    assert!(
        told.starts_with("live: connected to the daemon, but "),
        "{told}"
    );
    // A newcomer sees what was listed before: the server has not left for a moment.
    let still = Follower::new(&other, None).await.snapshot;
    assert_eq!(still.revision(), unaffected.revision());
    assert_eq!(
        still.servers().collect::<Vec<_>>(),
        unaffected.servers().collect::<Vec<_>>()
    );

    let back = lost.restart(&FAST).await;
    Follower::new(&back, None)
        .await
        .until_words(&["here"])
        .await;
    let well = Status::Live { problem: None }.to_string();
    let healed = async { while server.statuses.recv().await.unwrap().to_string() != well {} };
    patiently("the end of the problem", healed).await;
}

/// Two daemons with two addresses each, like names that resolve to both.
#[derive(Clone)]
struct FourAddresses {
    names: [Arc<str>; 2],
    connectors: HashMap<Way, AnyConnector>,
}

impl Connect<role::Heartbeat> for FourAddresses {
    type Connecting = BoxFuture<'static, Result<quinn::Connection, ConnectError>>;
    type Error = ConnectError;

    fn ways(&self) -> Vec<Way> {
        let families = Family::BOTH.into_iter();
        let ways = families.flat_map(|over| self.names.iter().map(move |at| way(at, over)));
        ways.collect()
    }

    fn connect(&mut self, way: &Way) -> Self::Connecting {
        let connector = self.connectors[way].clone();
        Box::pin(async move { connector.connect().await })
    }
}

fn way(at: &Arc<str>, over: Family) -> Way {
    Way {
        at: Some(at.clone()),
        over: Some(over),
    }
}

/// With an identity there are four connections, which go on without each other.
#[tokio::test]
async fn a_server_with_an_identity_has_both_addresses_at_every_daemon() {
    let daemons = two().await;
    let state = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(state.path(), &[]).unwrap();
    let names = ["one".into(), "two".into()];
    let mut connectors = HashMap::new();
    for (daemon, name) in daemons.iter().zip(&names) {
        let to = |address: SocketAddr| {
            let (trust, address) = (daemon.trust(), address.to_string());
            AnyConnector::new(Role::Heartbeat, &address, &trust, Some(&identity)).unwrap()
        };
        connectors.insert(way(name, Family::V4), to(daemon.address));
        connectors.insert(way(name, Family::V6), to(daemon.address_v6()));
    }
    let mut server = Server::publish(FourAddresses { names, connectors }, "here");
    let both = |list: &Snapshot| list.servers().any(|server| server.addresses.len() == 2);
    for daemon in &daemons {
        let mut list = Follower::new(daemon, None).await;
        list.until("both addresses", both).await;
        assert_eq!(list.only().heartbeat, "here");
    }
    let [one, two] = daemons;
    drop(one);
    let told = server.hears("at one over IPv4: ").await;
    server.hears("at one over IPv6: ").await;
    assert!(told.starts_with("live: "), "{told}");
    assert!(both(&Follower::new(&two, None).await.snapshot));
}
