//! Tests that games of Aleph One's players are servers in the list, and servers in the list are
//! games.

use crate::{
    DAEMON,
    aleph_one::{
        game, guest, packets,
        peer::{Peer, contains},
    },
    process::Bridge,
    vcmi::trusted,
};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use metaserve::{Identity, Role, ServerInfo};
use metaserve_client::Snapshot;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower};
use std::net::Ipv4Addr;
use tokio::sync::mpsc;

const ADD: u8 = 0;
const DELETE: u8 = 1;
const CHANGE: u8 = 2;

fn listed(list: &Snapshot) -> Option<ServerInfo> {
    list.servers()
        .find_map(|server| ServerInfo::from_json(&server.heartbeat))
}

/// Collects the lists of games that a player is sent, until they are as wanted.
async fn games_until(peer: &mut Peer, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut games = Vec::new();
    while !wanted(&games) {
        games.extend(peer.until(2, |_| true).await);
    }
    games
}

/// Makes a stream of heartbeats that the test controls.
fn heartbeats() -> (mpsc::UnboundedSender<Bytes>, BoxStream<'static, Bytes>) {
    let (say, mut said) = mpsc::unbounded_channel();
    let stream = futures::stream::poll_fn(move |context| said.poll_recv(context));
    (say, stream.boxed())
}

#[tokio::test]
async fn a_native_client_sees_a_game_appear_fill_start_and_leave() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let mut client = Follower::new(&daemon, Some("alephone")).await;
    let alice = guest(&bridge, "Alice").await;

    let created = packets::description("Alice's Game", "Mars Needs Women", 1);
    alice.send(&packets::create_game(4226, 0, &created)).await;
    client
        .until("the game", |list| listed(list).is_some())
        .await;
    let server = client.only();
    assert_eq!(server.address, (Ipv4Addr::LOCALHOST, 4226).into());
    let id = server.id;
    let info = listed(&client.snapshot).unwrap();
    assert_eq!(
        (&*info.name, info.map.as_deref(), info.players),
        ("Alice's Game", Some("Mars Needs Women"), Some(1))
    );
    assert_eq!((info.max_players, info.started), (Some(8), Some(false)));

    let filled = packets::description("Alice's Game", "Mars Needs Women", 3);
    alice.send(&packets::create_game(4226, 0, &filled)).await;
    let three = |list: &Snapshot| listed(list).is_some_and(|info| info.players == Some(3));
    client.until("three players", three).await;
    assert_eq!(client.only().id, id, "the row is updated, not replaced");

    alice.send(&packets::start_game(30 * 600)).await;
    let started = |list: &Snapshot| {
        listed(list).is_some_and(|info| {
            info.started == Some(true) && info.time_left_seconds.is_some_and(|left| left > 590)
        })
    };
    client.until("the start", started).await;

    // A newcomer sees the game once: the bridge recognises its own game in the list.
    let mut bob = guest(&bridge, "Bob").await;
    assert_eq!(game(&mut bob, "Alice's Game").await.0, ADD);
    bob.say("and no more").await;

    drop(alice);
    client.until("the end", Snapshot::is_empty).await;
}

#[tokio::test]
async fn players_see_a_native_server_appear_fill_and_leave() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let mut alice = guest(&bridge, "Alice").await;

    let (say, heartbeats) = heartbeats();
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let publisher = Publisher::new(connection).game("alephone").port(7777);
    let publishing = tokio::spawn(publisher.run(heartbeats));
    let mut info = ServerInfo {
        map: Some("Thunderdome".to_owned()),
        players: Some(2),
        max_players: Some(8),
        ..ServerInfo::new("Dusty's")
    };
    say.send(info.to_json().into()).unwrap();
    let here = (Ipv4Addr::LOCALHOST, 7777).into();
    assert_eq!(game(&mut alice, "Dusty's").await, (ADD, here, 2));

    info.players = Some(5);
    say.send(info.to_json().into()).unwrap();
    assert_eq!(game(&mut alice, "Dusty's").await, (CHANGE, here, 5));

    // A player who comes later sees it as well.
    let mut bob = guest(&bridge, "Bob").await;
    assert_eq!(game(&mut bob, "Dusty's").await, (ADD, here, 5));

    drop(say);
    publishing.await.unwrap().unwrap();
    assert_eq!(game(&mut alice, "Dusty's").await.0, DELETE);
    assert_eq!(game(&mut bob, "Dusty's").await.0, DELETE);
}

#[tokio::test]
async fn players_do_not_see_hidden_servers() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let keys = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(keys.path(), &[]).unwrap();
    let mut publishing = Vec::new();
    for (name, port, identity) in [
        ("By address", 7001, None),
        ("By fingerprint", 7002, Some(&identity)),
        ("Shown", 7003, None),
    ] {
        let connection = daemon.connect(Role::Heartbeat, identity).await;
        let publisher = Publisher::new(connection).game("alephone").port(port);
        let info = ServerInfo {
            players: Some(1),
            max_players: Some(8),
            ..ServerInfo::new(name)
        };
        let (say, heartbeats) = heartbeats();
        say.send(info.to_json().into()).unwrap();
        publishing.push((say, tokio::spawn(publisher.run(heartbeats))));
    }
    let mut client = Follower::new(&daemon, Some("alephone")).await;
    client.until("all servers", |list| list.len() == 3).await;

    let fingerprint = identity.fingerprint().to_string();
    let hide = format!("127.0.0.1:7001,{fingerprint}");
    let bridge = Bridge::with(&daemon, state.path(), &["--aleph-one-hide-native", &hide]).await;
    let mut alice = guest(&bridge, "Alice").await;
    // The bridge learns of all three at once.
    let games = games_until(&mut alice, |games| contains(games, b"Shown")).await;
    assert!(!contains(&games, b"By address") && !contains(&games, b"By fingerprint"));
    drop(bridge);

    let bridge = Bridge::with(&daemon, state.path(), &["--aleph-one-hide-native", "all"]).await;
    let mut alice = guest(&bridge, "Alice").await;
    let own = packets::description("Own", "Mars Needs Women", 1);
    alice.send(&packets::create_game(4226, 0, &own)).await;
    client
        .until("the game of the bridge", |list| list.len() == 4)
        .await;
    let games = games_until(&mut alice, |games| contains(games, b"Own")).await;
    assert!(!contains(&games, b"Shown"));
}

#[tokio::test]
async fn games_are_listed_again_after_a_restart_of_the_daemon_and_the_chat_continues() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let mut players = Vec::new();
    for number in 0..20_u16 {
        let player = guest(&bridge, &format!("Player {number}")).await;
        let game = packets::description(&format!("Game {number}"), "Somewhere", 1);
        player
            .send(&packets::create_game(5000 + number, 0, &game))
            .await;
        players.push(player);
    }
    let all = |list: &Snapshot| list.len() == 20;
    let mut client = Follower::new(&daemon, Some("alephone")).await;
    client.until("all games", all).await;

    let daemon = daemon.kill_and_restart(&arguments).await;
    players[0].say("did you notice anything?").await;
    players[19].hears("did you notice anything?").await;
    players[19].say("no").await;
    let mut client = Follower::new(&daemon, Some("alephone")).await;
    client.until("all games again", all).await;
    players[7].say("still here").await;
}
