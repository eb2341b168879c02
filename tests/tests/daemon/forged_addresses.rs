//! No server is listed under an address that it only claims.

use crate::{DAEMON, FAST};
use bytes::Bytes;
use futures::channel::mpsc;
use metaserve::{Role, tls::client_config};
use metaserve_client::Snapshot;
use metaserve_tests::{Daemon, Follower, TwoSockets, patiently};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Enough heartbeats, at one per second since the server does not learn how many are accepted, for
/// the daemon to check the connection several times, and for QUIC to give up the address and trust
/// it again.
const ROUNDS: u32 = 12;

fn addresses(list: &Snapshot) -> Vec<IpAddr> {
    list.servers().map(|server| server.address.ip()).collect()
}

#[tokio::test]
async fn a_server_that_keeps_forging_its_address_stays_listed_at_its_own() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (endpoint, forger) = TwoSockets::forger();
    let config = client_config(Role::Heartbeat, &daemon.trust(), None).unwrap();
    let connecting = endpoint.connect_with(config, daemon.address, "localhost");
    let connection = connecting.unwrap().await.unwrap();
    // Even the hello claims to come from the other address.
    forger.send_from_other();
    let (heartbeats, stream) = mpsc::unbounded::<Bytes>();
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    let mut client = Follower::new(&daemon, None).await;
    for round in 0..ROUNDS {
        let words = round.to_string();
        heartbeats.unbounded_send(words.clone().into()).unwrap();
        let says = |list: &Snapshot| metaserve_tests::words(list) == [words.clone()];
        let listed = client.until(&words, says).await;
        assert_eq!(addresses(listed), [Ipv4Addr::LOCALHOST], "round {round}");
    }

    // The new address is trusted as soon as the server really uses it.
    let elsewhere = UdpSocket::bind((TwoSockets::FOREIGN, 0)).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    endpoint.rebind(elsewhere).unwrap();
    let moved = |list: &Snapshot| list.servers().all(|it| it.address.port() == port);
    let listed = client.until("where it is now", moved).await;
    assert_eq!(addresses(listed), [TwoSockets::FOREIGN]);
}

#[tokio::test]
async fn a_server_whose_address_keeps_changing_is_listed_only_at_addresses_that_it_had() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let connector = daemon.connector(Role::Heartbeat, None);
    let connection = connector.connect().await.unwrap();
    let (heartbeats, stream) = mpsc::unbounded::<Bytes>();
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    let mut client = Follower::new(&daemon, None).await;
    let mut ports = vec![connector.endpoint().local_addr().unwrap().port()];
    for round in 0..200 {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        ports.push(socket.local_addr().unwrap().port());
        connector.endpoint().rebind(socket).unwrap();
        let words = round.to_string();
        heartbeats.unbounded_send(words.clone().into()).unwrap();
        let says = |list: &Snapshot| metaserve_tests::words(list) == [words.clone()];
        let listed = client.until(&words, says).await;
        let address = listed.servers().next().unwrap().address;
        assert!(ports.contains(&address.port()), "{address}");
    }
    let last = ports.last().copied().unwrap();
    let there = |list: &Snapshot| list.servers().all(|it| it.address.port() == last);
    patiently("the last address", client.until("it", there)).await;
}
