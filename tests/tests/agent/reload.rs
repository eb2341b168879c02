//! A reload changes the servers that have changed in the file, and no other.

use crate::{
    AGENT, DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower, run};

/// A section of the file.
fn section(name: &str, server: &GameServer, further: &str) -> String {
    format!(
        "[[server]]\nname = '{name}'\ngame = 'q3'\nquery = '{}'\n{further}\n",
        server.target()
    )
}

#[tokio::test]
async fn servers_are_added_changed_and_removed_and_the_others_are_not_touched() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let mut servers = Vec::new();
    for name in ["stays", "changes", "goes", "comes"] {
        servers.push(GameServer::named(name).await);
    }
    let [stays, changes, goes, comes] = &servers[..] else {
        panic!("four")
    };
    let home = Home::new();
    let first = [
        section("stays", stays, ""),
        section("changes", changes, ""),
        section("goes", goes, ""),
    ];
    home.write(&first.concat());
    let mut agent = Agent::with(&[&daemon], &home, &["--push", "127.0.0.1:0"]);
    list.until("three servers", |list| list.len() == 3).await;
    let id = |list: &Follower, server: &GameServer| {
        let mut servers = list.snapshot.servers();
        servers
            .find(|it| it.address.port() == server.address.port())
            .unwrap()
            .id
    };
    let before = [id(&list, stays), id(&list, changes)];
    let named = |list: &metaserve_client::Snapshot, name: &str| {
        let mut servers = list.servers();
        servers.any(|it| String::from_utf8_lossy(&it.heartbeat).contains(name))
    };

    let second = [
        section("stays", stays, ""),
        section("changes", changes, "override = { name = 'Dusty\\'s' }").replace("\\'", "’"),
        section("comes", comes, ""),
    ];
    home.write(&second.concat());
    agent.signal("HUP").await;
    agent
        .logged("the configuration was reloaded: --server changed")
        .await;
    list.until("the new servers", |list| {
        list.len() == 3 && named(list, "Dusty’s") && named(list, "comes") && !named(list, "goes")
    })
    .await;
    assert_eq!([id(&list, stays), id(&list, changes)], before);
    assert_eq!(agent.count("listing \"stays\""), 1, "{:#?}", agent.lines);

    // A mistake changes nothing.
    home.write(&section("stays", stays, "prot = 1"));
    agent.signal("HUP").await;
    let line = agent.logged("keeping the running configuration").await;
    assert!(
        line.contains("line 5: `server`: `prot` is not a setting"),
        "{line}"
    );
    comes.changes(Manner::Named("asked as before".into()));
    list.until("what the running configuration asks", |list| {
        assert_eq!(list.len(), 3, "{list:?}");
        named(list, "asked as before")
    })
    .await;

    // Another port is another entry, with the same identity.
    let identity = list
        .snapshot
        .servers()
        .find(|it| it.id == before[0])
        .unwrap()
        .identity;
    home.write(&section("stays", stays, "port = 7777"));
    agent.signal("HUP").await;
    list.until("the other port", |list| {
        list.len() == 1 && list.servers().all(|it| it.address.port() == 7777)
    })
    .await;
    assert_eq!(list.only().identity, identity);

    // One that is not asked any longer tells its state itself, and has told nothing yet.
    home.write("[[server]]\nname = 'stays'\ngame = 'q3'\nport = 7777\n");
    agent.signal("HUP").await;
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;
    agent.stop().await;
}

/// The games of a machine stay listed although a setting that needs a restart cannot be had.
#[tokio::test]
async fn another_address_for_pushes_needs_a_restart_and_one_in_use_prevents_the_start() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let server = GameServer::named("before").await;
    let other_program = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let used = other_program.local_addr().unwrap();
    let home = Home::new();
    home.write(&section("one", &server, ""));
    let mut agent = Agent::start(&daemon, &home);
    list.until("the server", |list| list.len() == 1).await;
    let id = list.only().id;
    let busy = format!("push = '{used}'\n{}", section("one", &server, ""));
    home.write(&busy);
    agent.signal("HUP").await;
    agent.logged("needs a restart: --push").await;
    server.changes(Manner::Named("after".into()));
    list.until("its next answers", |list| {
        let mut servers = list.servers();
        servers.any(|it| String::from_utf8_lossy(&it.heartbeat).contains("after"))
    })
    .await;
    assert_eq!(list.only().id, id);
    agent.stop().await;
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;

    let (file, state) = (home.file(), home.state());
    let [file, state] = [&file, &state].map(|it| it.to_str().unwrap());
    let ended = run(AGENT, &["--config", file, "--state-dir", state]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let expected = format!("cannot take pushes at {used}: choose another address with --push");
    assert!(ended.complaint.contains(&expected), "{ended:?}");
    // It has published nothing meanwhile.
    assert!(!ended.complaint.contains("listing"), "{ended:?}");
}
