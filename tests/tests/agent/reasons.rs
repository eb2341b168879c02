//! The operator hears why a server is not on the list, once for each reason.

use crate::{
    DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower};

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
