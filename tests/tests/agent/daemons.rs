//! Several daemons, and daemons that cannot be used.

use crate::{
    DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower, PATIENCE};

/// The flags for one server, without a file.
fn flags(server: &GameServer) -> [String; 4] {
    let flag = |text: &str| text.to_owned();
    [
        flag("--server"),
        server.target(),
        flag("--game"),
        flag("q3"),
    ]
}

#[tokio::test]
async fn a_server_at_every_daemon_stays_listed_at_one_when_the_other_is_gone_and_returns() {
    let one = Daemon::start(DAEMON, &FAST).await;
    let two = Daemon::start(DAEMON, &FAST).await;
    let server = GameServer::named("everywhere").await;
    let flags = flags(&server);
    let flags: Vec<&str> = flags.iter().map(|it| &**it).collect();
    let arguments = [&flags[..], &["--publish-at", "every"]].concat();
    let mut agent = Agent::with(&[&one, &two], &Home::new(), &arguments);
    let mut lists = [
        Follower::new(&one, None).await,
        Follower::new(&two, None).await,
    ];
    for list in &mut lists {
        list.until("the server", |list| list.len() == 1).await;
    }
    let id = lists[0].only().id;
    let two = two.kill().await;
    // Two daemons with one agent: it says what is wrong with one.
    agent.logged("connected to the daemon, but").await;
    let two = two.restart(&FAST).await;
    let mut back = Follower::new(&two, None).await;
    back.until("the server", |list| list.len() == 1).await;
    assert_eq!(lists[0].only().id, id);
    agent.stop().await;
    for list in [&mut lists[0], &mut back] {
        list.until("nobody", metaserve_client::Snapshot::is_empty)
            .await;
    }
}

#[tokio::test]
async fn a_server_at_one_of_several_daemons_moves_when_its_own_is_lost() {
    let mut daemons = vec![
        Daemon::start(DAEMON, &FAST).await,
        Daemon::start(DAEMON, &FAST).await,
    ];
    let server = GameServer::named("mobile").await;
    let flags = flags(&server);
    let flags: Vec<&str> = flags.iter().map(|it| &**it).collect();
    let both: Vec<&Daemon> = daemons.iter().collect();
    let _agent = Agent::with(&both, &Home::new(), &flags);
    let mut lists = [
        Follower::new(&daemons[0], None).await,
        Follower::new(&daemons[1], None).await,
    ];
    let [one, two] = &mut lists;
    let home = tokio::select! {
        _ = one.until("the server", |list| list.len() == 1) => 0,
        _ = two.until("the server", |list| list.len() == 1) => 1,
    };
    daemons.remove(home).kill().await;
    lists[1 - home]
        .until("the server", |list| list.len() == 1)
        .await;
}

#[tokio::test]
async fn a_daemon_that_is_not_trusted_is_named_and_the_agent_goes_on() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let server = GameServer::named("patient").await;
    let flags = flags(&server);
    let flags: Vec<&str> = flags.iter().map(|it| &**it).collect();
    let address = daemon.address.to_string();
    let mut agent = Agent::at(&address, &"ab".repeat(32), &Home::new(), &flags);
    let line = agent.logged("not on the list").await;
    let fingerprint = daemon.fingerprint.to_string();
    assert!(
        line.contains(&fingerprint) && line.contains("trying again in 30s"),
        "{line}"
    );
    agent.signal("HUP").await;
    agent.logged("the configuration was reloaded").await;
    agent.stop().await;
}

#[tokio::test]
async fn a_server_whose_identity_another_agent_uses_is_named_and_returns_when_that_ends() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let server = GameServer::named("twice").await;
    let flags = flags(&server);
    let flags: Vec<&str> = flags.iter().map(|it| &**it).collect();
    let home = Home::new();
    let mut first = Agent::with(&[&daemon], &home, &flags);
    list.until("the server", |list| list.len() == 1).await;
    let second = Agent::with(&[&daemon], &home, &flags);
    first.logged("not on the list").await;
    first.signal("HUP").await;
    first.logged("the configuration was reloaded").await;
    // What the second one publishes now is the only entry.
    server.changes(Manner::Named("still once".into()));
    list.until("its new name", |list| {
        assert!(list.len() <= 1, "{list:?}");
        let mut servers = list.servers();
        servers.any(|it| String::from_utf8_lossy(&it.heartbeat).contains("still once"))
    })
    .await;
    second.stop().await;
    // It has its place again after 30 s.
    first.lines.clear();
    first
        .logged_within(4 * PATIENCE, "connected to the daemon")
        .await;
    first.stop().await;
}

#[tokio::test]
async fn an_agent_ends_soon_although_its_daemon_does_not_answer() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let server = GameServer::named("lonely").await;
    let flags = flags(&server);
    let flags: Vec<&str> = flags.iter().map(|it| &**it).collect();
    let mut agent = Agent::at(&address, &"ab".repeat(32), &Home::new(), &flags);
    agent.logged("listing").await;
    let lines = agent.stop().await;
    assert!(
        !lines.iter().any(|line| line.contains("not every server")),
        "{lines:#?}"
    );
}
