//! The operator hears why a server is not on the list, once for each reason.

use crate::{
    AGENT, DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower, run};
use std::fmt::Write;
use tokio::net::UdpSocket;

/// With an interval of minutes, the last server of a file was asked after minutes, and one that was
/// started late was found as late.
#[tokio::test]
async fn servers_are_asked_at_once_and_soon_again_when_they_do_not_answer_whatever_the_interval() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let late = GameServer::named("early").await.end().await;
    let mut servers = Vec::new();
    let mut file = format!(
        "game = 'q3'\n[[server]]\nname = 'late'\nquery = 'quake3://{late}'\ninterval = '10m'\n\
         [[server]]\nname = 'far'\nquery = 'quake3://192.0.2.1'\n"
    );
    for name in ["one", "two", "three"] {
        let server = GameServer::named(name).await;
        let target = server.target();
        let _ = write!(
            file,
            "[[server]]\nname = '{name}'\nquery = '{target}'\ninterval = '10m'\n"
        );
        servers.push(server);
    }
    let home = Home::new();
    home.write(&file);
    let mut agent = Agent::start(&daemon, &home);
    list.until("those that answer", |list| list.len() == 3)
        .await;
    let warning = "192.0.2.1 is not an address of this machine";
    let waiting = "waiting for the game server: nothing listens";
    while agent.count(warning) == 0 || agent.count(waiting) == 0 {
        agent.logged("server=").await;
    }
    let _late = GameServer::start(late, Manner::Named("late".into())).await;
    list.until("the late one", |list| list.len() == 4).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_late_ends_and_returns_is_listed_while_it_answers() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, Some("openarena")).await;
    let address = GameServer::named("early").await.end().await;
    let target = format!("quake3://{address}");
    // Without a file, as at the first try.
    let arguments = ["--server", &target, "--game", "openarena"];
    let mut agent = Agent::with(&[&daemon], &Home::new(), &arguments);
    let waiting = "waiting for the game server: nothing listens on this port";
    agent.logged(waiting).await;

    let server = GameServer::start(address, Manner::Named("\x1b[2J^1Dusty's".into())).await;
    let line = agent.logged("listing").await;
    assert!(!line.contains('\x1b') && line.contains("Dusty's"), "{line}");
    list.until("the server", |list| list.len() == 1).await;
    assert_eq!(list.only().address.port(), address.port());

    server.changes(Manner::Named("renamed".into()));
    list.until("its new name", |list| {
        let mut servers = list.servers();
        servers.any(|it| it.heartbeat.windows(7).any(|it| it == b"renamed"))
    })
    .await;

    server.end().await;
    agent
        .logged("the game server does not answer: nothing listens")
        .await;
    agent
        .logged("off the list: it does not answer (nothing listens")
        .await;
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;

    let _back = GameServer::start(address, Manner::Named("back".into())).await;
    agent.logged("listing \"back\"").await;
    list.until("the server again", |list| list.len() == 1).await;
    assert_eq!(
        agent.count("waiting for the game server"),
        1,
        "{:#?}",
        agent.lines
    );
    assert_eq!(
        agent.count("the game server does not answer"),
        1,
        "{:#?}",
        agent.lines
    );
}

/// A server of Source whose players join by another port than queries do. Nobody is on it.
async fn serve_on_two_ports(socket: UdpSocket, port: u16) {
    let mut answer = b"\xff\xff\xff\xffI\x11Dusty's\0de_dust\0tf\0Team\0\0\0".to_vec();
    answer.extend(b"\0\x18\0dl\0\x001.0\0\x80");
    answer.extend(port.to_le_bytes());
    loop {
        let (_, client) = socket.recv_from(&mut [0; 64]).await.unwrap();
        socket.send_to(&answer, client).await.unwrap();
    }
}

/// The list once sent players to the port that answers queries, and no word was said.
#[tokio::test]
async fn a_server_that_players_join_by_another_port_is_reported_once() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let target = format!("valve://{}", socket.local_addr().unwrap());
    let serving = tokio::spawn(serve_on_two_ports(socket, 7777));

    let ended = run(AGENT, &["query", &target]).await;
    assert!(
        ended.output.contains("7777, by which players join"),
        "{ended:?}"
    );

    let home = Home::new();
    let set = |port: &str| format!("game = 'tf'\n[[server]]\nquery = '{target}'\n{port}");
    home.write(&set(""));
    let mut agent = Agent::start(&daemon, &home);
    agent.logged("set `port = 7777`").await;
    // It is asked again, and says the same.
    let mut list = Follower::new(&daemon, Some("tf")).await;
    list.until("the server", |list| list.len() == 1).await;
    home.write(&set("port = 7777"));
    agent.signal("HUP").await;
    list.until("the server's own port", |list| {
        list.servers().any(|it| it.address.port() == 7777)
    })
    .await;
    let lines = agent.stop().await;
    let warnings = lines.iter().filter(|it| it.contains("they join by port"));
    assert_eq!(warnings.count(), 1, "{lines:#?}");
    serving.abort();
}
