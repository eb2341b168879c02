//! A game server that misbehaves harms no other, and its reason is in the log.

use crate::{
    DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Follower};
use std::{
    fmt::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

#[tokio::test]
async fn silence_garbage_and_floods_are_named_and_others_stay_listed() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let status = b"\xff\xff\xff\xffstatusResponse\n";
    let long = [&status[..], &vec![b'\\'; 50_000]].concat();
    let cut = [&status[..], b"\\sv_hostname"].concat();
    let good = GameServer::on(Ipv6Addr::LOCALHOST, Manner::Named("good".into())).await;
    let bad = [
        ("silent", Manner::Silent),
        ("garbage", Manner::Says(vec![0xfe; 60_000])),
        ("long", Manner::Says(long)),
        ("cut", Manner::Says(cut)),
        ("flood", Manner::Floods),
    ];
    let mut file = "game = 'q3'\n".to_owned();
    let mut add = |name: &str, server: &GameServer| {
        let _ = write!(
            file,
            "[[server]]\nname = '{name}'\nquery = '{}'\n",
            server.target()
        );
    };
    let mut servers = Vec::new();
    for (name, manner) in bad {
        let server = GameServer::on(Ipv4Addr::LOCALHOST, manner).await;
        add(name, &server);
        servers.push((name, server));
    }
    add("good", &good);
    let home = Home::new();
    home.write(&file);
    let mut agent = Agent::start(&daemon, &home);
    list.until("the good server", |list| {
        let mut servers = list.servers();
        servers.any(|it| it.address.port() == good.address.port())
    })
    .await;
    for name in ["silent", "garbage", "flood"] {
        let waiting = "waiting for the game server: ";
        let is_told = |lines: &[String]| {
            lines
                .iter()
                .any(|it| it.contains(waiting) && it.contains(&format!("server=\"{name}\"")))
        };
        while !is_told(&agent.lines) {
            agent.logged(waiting).await;
        }
    }
    // None of the others has become a server with a name that it has not.
    good.changes(Manner::Named("still good".into()));
    list.until("the good server's new name", |list| {
        let mut servers = list.servers();
        servers.any(|it| it.heartbeat.windows(10).any(|it| it == b"still good"))
    })
    .await;
    agent.stop().await;
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;
}
