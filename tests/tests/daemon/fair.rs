//! A few addresses with many connections do not keep out peers from other addresses.

use crate::{
    metrics::{scrape, value_of},
    with_http,
};
use metaserve::{Close, CloseCode, Role};
use metaserve_client::Subscriber;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{
    Daemon, Follower, constant,
    http::{Connection, Listener},
    patiently,
};
use std::{net::IpAddr, net::SocketAddr, net::UdpSocket};
use tokio::task::JoinSet;

/// A daemon that treats loopback like the internet, with this many places.
async fn start(places: &[&str]) -> (Daemon, SocketAddr) {
    with_http(&[&["--trusted-prefix", "none"], places].concat()).await
}

fn ip(text: impl Into<String>) -> IpAddr {
    text.into().parse().unwrap()
}

/// The addresses of a crowd, which stays until it is dropped: three of them.
fn crowd(at: usize) -> IpAddr {
    ip(format!("127.{}.0.1", at % 3 + 1))
}

/// The daemon's close of a connection.
async fn end(connection: &quinn::Connection) -> Close {
    let error = patiently("the daemon's answer", connection.closed()).await;
    Close::from_peer(&error).unwrap_or_else(|| panic!("{error}"))
}

/// Waits until the daemon has closed this many of these connections.
async fn closes(connections: &[&quinn::Connection], count: usize) -> Vec<Close> {
    let closed = || {
        let reasons = connections.iter().filter_map(|it| it.close_reason());
        let closes = reasons.filter_map(|reason| Close::from_peer(&reason));
        closes.collect::<Vec<_>>()
    };
    let search = async {
        while closed().len() < count {
            tokio::task::yield_now().await;
        }
    };
    patiently("the closes", search).await;
    assert_eq!(closed().len(), count);
    closed()
}

#[tokio::test]
async fn every_real_server_is_listed_although_a_flood_came_first() {
    let (daemon, http) = start(&["--max-servers", "40"]).await;
    let mut flood = Vec::new();
    for at in 0..60 {
        let (connection, connector) = daemon.connect_from(crowd(at), Role::Heartbeat).await;
        let publisher = Publisher::new(connection.clone()).game("flood");
        let task = tokio::spawn(publisher.run(constant("fake")));
        flood.push((connection, connector, task));
    }
    // From 20 networks, one server each.
    let mut real = JoinSet::new();
    for at in 0..20 {
        let address = ip(format!("127.{}.0.1", at + 10));
        let (connection, connector) = daemon.connect_from(address, Role::Heartbeat).await;
        real.spawn(async move {
            let published = Publisher::new(connection).game("real");
            published.run(constant("real")).await.unwrap();
            drop(connector);
        });
    }
    let mut list = Follower::new(&daemon, Some("real")).await;
    list.until_words(&["real"; 20]).await;
    // 40 places, of which 20 are taken by addresses with one server each.
    let mut list = Follower::new(&daemon, Some("flood")).await;
    list.until_words(&["fake"; 20]).await;
    let connections: Vec<_> = flood.iter().map(|(it, ..)| it).collect();
    for close in closes(&connections, 40).await {
        assert_eq!(close.code, CloseCode::OverCapacity);
        assert!(close.reason.contains("fair share"), "{close}");
    }
    let scrape = scrape(http).await;
    let crowded_out = value_of(
        &scrape,
        "metaserve_crowded_out_total",
        &[("pool", "servers")],
    );
    assert_eq!(crowded_out, 20.0, "only servers that had a place count");
}

#[tokio::test]
async fn a_crowd_of_clients_does_not_keep_a_single_one_out() {
    let (daemon, _) = start(&["--max-clients", "6"]).await;
    let mut readers = Vec::new();
    for at in 0..6 {
        readers.push(daemon.connect_from(crowd(at), Role::Client).await);
    }
    let (lone, _socket) = daemon.connect_from(ip("127.9.9.9"), Role::Client).await;
    let list = Follower::of(Subscriber::new(lone).run()).await;
    assert!(list.snapshot.is_empty());
    let close = end(&readers[5].0).await;
    assert_eq!(close.code, CloseCode::OverCapacity);
    // The next one of the crowd is refused.
    let (again, _socket) = daemon.connect_from(crowd(0), Role::Client).await;
    let close = end(&again).await;
    assert!(close.reason.contains("fair share"), "{close}");
}

#[tokio::test]
async fn a_newcomer_that_does_not_complete_its_handshake_replaces_nobody() {
    let (daemon, http) = start(&["--max-connections", "2"]).await;
    let mut crowd = Vec::new();
    for role in [Role::Heartbeat, Role::Client] {
        crowd.push(daemon.connect_from(ip("127.1.0.1"), role).await);
    }
    let stranger = UdpSocket::bind("127.9.9.9:0").unwrap();
    for _ in 0..9 {
        let packet = metaserve_tests::first_packet(&daemon, Role::Client);
        stranger.send_to(&packet, daemon.address).unwrap();
    }
    // A peer that comes later is answered later.
    let (last, _socket) = daemon.connect_from(ip("127.1.0.1"), Role::Client).await;
    end(&last).await;
    let scrape = scrape(http).await;
    assert_eq!(value_of(&scrape, "metaserve_crowded_out_total", &[]), 0.0);
    for (connection, _) in crowd {
        assert_eq!(connection.close_reason(), None);
    }
}

#[tokio::test]
async fn the_limit_of_an_address_applies_to_servers_that_move_there() {
    let (daemon, http) = start(&["--max-servers-per-prefix", "2"]).await;
    let mut servers = Vec::new();
    for host in 1..=5 {
        let address = ip(format!("127.0.{host}.1"));
        let (connection, connector) = daemon.connect_from(address, Role::Heartbeat).await;
        let task = tokio::spawn(Publisher::new(connection.clone()).run(constant("moves")));
        servers.push((connection, connector, task));
    }
    let mut list = Follower::new(&daemon, None).await;
    list.until_words(&["moves"; 5]).await;
    for (_, connector, _) in &servers {
        let socket = UdpSocket::bind("127.0.9.9:0").unwrap();
        connector.endpoint().rebind(socket).unwrap();
    }
    list.until("two are left", |list| {
        let mut addresses = list.servers().map(|server| server.address.ip());
        list.len() == 2 && addresses.all(|it| it == ip("127.0.9.9"))
    })
    .await;
    let connections: Vec<_> = servers.iter().map(|(it, ..)| it).collect();
    for close in closes(&connections, 3).await {
        assert_eq!(close.code, CloseCode::OverCapacity);
        assert!(close.reason.contains("moved to 127.0.9.9"), "{close}");
    }
    let limit = [("limit", "max_servers_per_prefix")];
    let scrape = scrape(http).await;
    assert_eq!(
        value_of(&scrape, "metaserve_limit_reached_total", &limit),
        3.0
    );
}

/// A client that moved counted at its old address for as long as it was connected.
#[tokio::test]
async fn a_client_that_moves_counts_at_its_new_address_only() {
    let (daemon, http) = start(&["--max-clients-per-prefix", "1"]).await;
    let from = |host: usize| ip(format!("127.0.{host}.1"));
    let mut readers = Vec::new();
    for host in 0..3 {
        let (connection, connector) = daemon.connect_from(from(host), Role::Client).await;
        let list = Follower::of(Subscriber::new(connection.clone()).run()).await;
        readers.push((connection, connector, list));
    }
    for (_, connector, _) in &readers {
        let socket = UdpSocket::bind("127.0.9.9:0").unwrap();
        connector.endpoint().rebind(socket).unwrap();
    }
    let connections: Vec<_> = readers.iter().map(|(it, ..)| it).collect();
    for close in closes(&connections, 2).await {
        assert_eq!(close.code, CloseCode::OverCapacity);
        assert!(close.reason.contains("moved to 127.0.9.9"), "{close}");
    }
    let stays = connections
        .iter()
        .position(|it| it.close_reason().is_none());
    let (newcomer, _socket) = daemon
        .connect_from(from(stays.unwrap()), Role::Client)
        .await;
    Follower::of(Subscriber::new(newcomer).run()).await;
    let limit = [("limit", "max_clients_per_prefix")];
    let scrape = scrape(http).await;
    assert_eq!(
        value_of(&scrape, "metaserve_limit_reached_total", &limit),
        2.0
    );
}

#[tokio::test]
async fn http_connections_and_listeners_are_shared_by_address_as_well() {
    let places = ["--max-http-connections", "7", "--max-listeners", "6"];
    let (_daemon, http) = start(&places).await;
    let mut crowd = Vec::new();
    for _ in 0..6 {
        let mut listener = listen("127.1.0.1", http).await.unwrap();
        listener.next().await;
        crowd.push(listener);
    }
    // The next one of the crowd is refused.
    assert_eq!(listen("127.1.0.1", http).await.err(), Some(503));
    let mut lone = listen("127.9.9.9", http).await.unwrap();
    lone.next().await;
    while crowd[5].next().await.is_some() {}
    // The crowd goes on, and has taken connections as well.
    let mut other = listen("127.8.8.8", http).await.unwrap();
    other.next().await;
    let scrape = scrape(http).await;
    let pool = [("pool", "listeners")];
    assert_eq!(value_of(&scrape, "metaserve_crowded_out_total", &pool), 2.0);
}

#[tokio::test]
async fn a_crowd_of_http_connections_makes_room_for_an_address_without_any() {
    // No connection ends because it sends no request.
    let places = ["--max-http-connections", "6", "--hello-timeout", "60s"];
    let (_daemon, http) = start(&places).await;
    let ask = async |connection: &mut Connection| {
        let answer = connection.get("/healthz", &[]).await;
        answer.unwrap().status
    };
    let from = async |address: &str| Connection::from(ip(address), http).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..6 {
        let mut connection = from("127.1.0.1").await;
        assert_eq!(ask(&mut connection).await, 200);
        crowd.push(connection);
    }
    // The next one of the crowd is refused.
    assert_eq!(ask(&mut from("127.1.0.1").await).await, 503);
    let mut lone = from("127.9.9.9").await;
    assert_eq!(ask(&mut lone).await, 200);
    // Only the newest of the crowd has lost its place.
    crowd.pop().unwrap().closed().await;
    for connection in &mut crowd {
        assert_eq!(ask(connection).await, 200);
    }
    let metrics = lone.get("/metrics", &[]).await.unwrap();
    let counted = "metaserve_crowded_out_total{pool=\"http\"} 1\n";
    let metrics = String::from_utf8_lossy(&metrics.body);
    assert!(metrics.contains(counted), "{metrics}");
}

async fn listen(from: &str, http: SocketAddr) -> Result<Listener, u16> {
    Listener::from(ip(from), http, "/api/v1/events", &[]).await
}
