//! Nobody is listed under an address that he only claims.

use crate::{DAEMON, FAST};
use bytes::Bytes;
use futures::channel::mpsc;
use metaserve::{Role, tls::client_config};
use metaserve_client::Snapshot;
use metaserve_tests::{Daemon, Follower, TwoSockets, patiently};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Enough heartbeats, at one a second since the server does not hear how many are wanted, for the
/// daemon to look at the connection several times, and for QUIC to give the address up and believe
/// in it again.
const ROUNDS: u32 = 12;

fn addresses(list: &Snapshot) -> Vec<IpAddr> {
    list.servers().map(|server| server.address.ip()).collect()
}

#[tokio::test]
async fn a_server_that_forges_its_address_without_end_stays_listed_where_it_is() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (endpoint, forger) = TwoSockets::forger();
    let config = client_config(Role::Heartbeat, &daemon.trust(), None).unwrap();
    let connecting = endpoint.connect_with(config, daemon.address, "localhost");
    let connection = connecting.unwrap().await.unwrap();
    // Even the hello claims to come from elsewhere.
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

    // It is believed as soon as it really is elsewhere.
    let elsewhere = UdpSocket::bind((TwoSockets::FOREIGN, 0)).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    endpoint.rebind(elsewhere).unwrap();
    let moved = |list: &Snapshot| list.servers().all(|it| it.address.port() == port);
    let listed = client.until("where it is now", moved).await;
    assert_eq!(addresses(listed), [TwoSockets::FOREIGN]);
}

#[tokio::test]
async fn a_server_whose_address_changes_all_the_time_is_listed_only_where_it_was() {
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
