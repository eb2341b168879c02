//! A server is listed under the address that it comes from.

use crate::{DAEMON, FAST};
use metaserve::Role;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant};
use std::net::UdpSocket;

#[tokio::test]
async fn ipv4_and_ipv6_peers_share_one_socket_and_are_shown_as_what_they_are() {
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
    let moved = |list: &metaserve_client::Snapshot| {
        list.servers().all(|server| server.address.port() == port)
    };
    client.until("the new address", moved).await;
    assert_ne!(before.port(), port);
    assert_eq!(client.only().id, id, "it is still the same server");
}
