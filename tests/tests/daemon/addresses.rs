//! A server is listed under the address that it connects from.

use crate::{DAEMON, FAST};
use bytes::Bytes;
use futures::channel::mpsc;
use metaserve::{Role, tls::client_config};
use metaserve_client::Snapshot;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, TwoSockets, constant, words};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

#[tokio::test]
async fn ipv4_and_ipv6_peers_share_one_socket_and_are_listed_in_their_own_form() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let four = daemon.connector(Role::Heartbeat, None);
    let from_port = four.endpoint().local_addr().unwrap().port();
    let connection = four.connect().await.unwrap();
    tokio::spawn(Publisher::new(connection).run(constant("four")));
    let connection = daemon.connect_v6(Role::Heartbeat, None).await;
    tokio::spawn(Publisher::new(connection).port(7777).run(constant("six")));

    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["four", "six"]).await;
    let address_of = |words: &str| {
        let mut servers = client.snapshot.servers();
        servers
            .find(|server| server.heartbeat == words.as_bytes())
            .unwrap()
            .address
    };
    assert_eq!(address_of("four"), ([127, 0, 0, 1], from_port).into());
    assert_eq!(address_of("six"), "[::1]:7777".parse().unwrap());
}

#[tokio::test]
async fn a_server_whose_address_changes_is_listed_under_the_new_one() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let connector = daemon.connector(Role::Heartbeat, None);
    let connection = connector.connect().await.unwrap();
    tokio::spawn(Publisher::new(connection).run(constant("moves")));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["moves"]).await;
    let (id, before) = (client.only().id, client.only().address);

    let socket = UdpSocket::bind("[::]:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    connector.endpoint().rebind(socket).unwrap();
    let moved = |list: &Snapshot| list.servers().all(|server| server.address.port() == port);
    client.until("the new address", moved).await;
    assert_ne!(before.port(), port);
    assert_eq!(client.only().id, id, "it must still be the same server");
}

/// A single packet from the other family turned off segmentation offload for every peer of the
/// daemon, and the peer that sent it was never answered.
#[tokio::test]
async fn a_server_that_moves_to_the_other_address_family_is_listed_there_without_harm_to_others() {
    for first in [
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(Ipv4Addr::LOCALHOST),
    ] {
        let mut daemon = Daemon::start(DAEMON, &FAST).await;
        let (endpoint, sockets) = TwoSockets::of_both_families(first);
        let config = client_config(Role::Heartbeat, &daemon.trust(), None).unwrap();
        let address = (first, daemon.address.port()).into();
        let connecting = endpoint.connect_with(config, address, "localhost");
        let (heartbeats, stream) = mpsc::unbounded::<Bytes>();
        let connection = connecting.unwrap().await.unwrap();
        tokio::spawn(metaserve_heartbeat::run(connection, stream));
        heartbeats.unbounded_send("before".into()).unwrap();
        let mut client = Follower::new(&daemon, None).await;
        client.until_words(&["before"]).await;
        assert_eq!(client.only().address.ip(), first);

        let now = sockets.send_from_other();
        heartbeats.unbounded_send("after".into()).unwrap();
        let moved = |list: &Snapshot| {
            words(list) == ["after"] && list.servers().all(|server| server.address == now)
        };
        client.until("the address in the other family", moved).await;
        let said = daemon.said();
        let failed = said.iter().find(|line| line.contains("sendmsg"));
        assert_eq!(failed, None);
    }
}
