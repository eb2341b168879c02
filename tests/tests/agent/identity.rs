//! A server keeps its identity, and with it its place in the list.

use crate::{
    DAEMON, FAST,
    game_server::GameServer,
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower};

#[tokio::test]
async fn each_server_keeps_an_identity_of_its_own_through_restarts_of_the_agent() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let (one, two) = (
        GameServer::named("one").await,
        GameServer::named("two").await,
    );
    let home = Home::new();
    home.write(&format!(
        "game = 'q3'\n[[server]]\nname = 'one'\nquery = '{}'\n[[server]]\nquery = '{}'\n",
        one.target(),
        two.target()
    ));
    let mut known = Vec::new();
    for _ in 0..2 {
        let agent = Agent::start(&daemon, &home);
        list.until("both servers", |list| list.len() == 2).await;
        let mut identities: Vec<_> = list
            .snapshot
            .servers()
            .map(|it| (it.address.port(), it.identity.unwrap()))
            .collect();
        identities.sort_by_key(|(port, _)| *port);
        assert_ne!(identities[0].1, identities[1].1);
        known.push(identities);
        agent.stop().await;
        // It has said goodbye: no silence is waited for.
        list.until("nobody", metaserve_client::Snapshot::is_empty)
            .await;
    }
    assert_eq!(known[0], known[1]);
    let name = format!("q3@{}", two.address.port());
    for name in ["one", &name] {
        assert!(
            home.state()
                .join("identities")
                .join(name)
                .join("key.pem")
                .exists()
        );
    }
}

#[tokio::test]
async fn an_identity_that_cannot_be_used_is_named_and_tried_again_beside_the_others() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let (one, two) = (
        GameServer::named("one").await,
        GameServer::named("two").await,
    );
    let home = Home::new();
    let broken = home.state().join("identities").join("one");
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join("key.pem"), "not a key").unwrap();
    home.write(&format!(
        "game = 'q3'\n[[server]]\nname = 'one'\nquery = '{}'\n[[server]]\nquery = '{}'\n",
        one.target(),
        two.target()
    ));
    let mut agent = Agent::start(&daemon, &home);
    let line = agent.logged("cannot publish").await;
    assert!(line.contains("cert.pem"), "{line}");
    list.until("the other", |list| list.len() == 1).await;
    std::fs::remove_file(broken.join("key.pem")).unwrap();
    list.until("both", |list| list.len() == 2).await;
    let lines = agent.stop().await;
    let said = lines.iter().filter(|line| line.contains("cannot publish"));
    assert_eq!(said.count(), 1, "{lines:#?}");
}
