//! A game tells the agent its state over HTTP, and is on the list as if it spoke QUIC itself.

use crate::{
    DAEMON, FAST,
    game_server::{GameServer, Manner},
    process::{Agent, Home},
};
use hyper::Method;
use metaserve_tests::{
    Daemon, Follower,
    http::{Answer, send},
};
use std::net::{Ipv4Addr, SocketAddr};

const PUSH: [&str; 2] = ["--push", "127.0.0.1:0"];
const JSON: (&str, &str) = ("content-type", "application/json");

/// The answer of a Luanti server of Debian 12 to a ping.
const LUANTI: [u8; 14] = [
    0x4f, 0x45, 0x74, 0x03, 0x00, 0x01, 0x00, 0x03, 0xff, 0xdc, 0x00, 0x01, 0x00, 0x04,
];

/// Where the agent takes pushes.
async fn open(agent: &mut Agent) -> SocketAddr {
    let line = agent.logged("games push to http://").await;
    let (_, address) = line.rsplit_once("http://").unwrap();
    address.parse().unwrap()
}

async fn put(agent: SocketAddr, server: &str, body: &str) -> Answer {
    let path = format!("/api/v1/servers/{server}");
    let from = Ipv4Addr::LOCALHOST.into();
    send(from, agent, Method::PUT, &path, &[JSON], body.to_owned()).await
}

#[tokio::test]
async fn a_game_tells_its_state_and_is_listed_as_it_says_until_it_says_that_it_ends() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let home = Home::new();
    let mut known = Vec::new();
    for _ in 0..2 {
        let mut agent = Agent::with(&[&daemon], &home, &PUSH);
        let address = open(&mut agent).await;
        let answer = put(address, "chess/7777", r#"{"name":"first"}"#).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        list.until("the server", |list| list.len() == 1).await;
        let listed = list.only().clone();
        assert_eq!(
            (listed.game.as_str(), listed.address.port()),
            ("chess", 7777)
        );
        assert_eq!(&listed.heartbeat[..], br#"{"name":"first"}"#);
        let identity = listed.identity.unwrap().to_string();
        assert_eq!(answer.json()["identity"], *identity);
        // It is accepted while the agent connects to the daemon, and says when it is on the list.
        loop {
            let kept = put(address, "chess/7777", r#"{"name":"first"}"#).await;
            assert_eq!(kept.status, 200, "{kept:?}");
            if kept.json()["listed"] == true {
                break;
            }
        }
        assert_eq!(put(address, "chess/7777", "\x01\x02").await.status, 200);
        list.until("the change", |list| {
            list.servers().all(|it| &it.heartbeat[..] == b"\x01\x02")
        })
        .await;
        let path = "/api/v1/servers/chess/7777";
        let delete = send(
            Ipv4Addr::LOCALHOST.into(),
            address,
            Method::DELETE,
            path,
            &[],
            "",
        );
        assert_eq!(delete.await.status, 204);
        list.until("nobody", metaserve_client::Snapshot::is_empty)
            .await;
        known.push(identity);
        agent.stop().await;
    }
    assert_eq!(known[0], known[1], "it keeps its identity");
}

#[tokio::test]
async fn what_the_settings_say_of_a_server_holds_for_what_it_pushes() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let home = Home::new();
    home.write(
        "game = 'q3'\n[[server]]\nname = 'mine'\nport = 7777\noverride = { region = 'eu' }\n",
    );
    let mut agent = Agent::with(&[&daemon], &home, &PUSH);
    let address = open(&mut agent).await;
    put(address, "q3/7777", r#"{"name":"told","region":"us"}"#).await;
    list.until("what it told", |list| {
        says(list, &[r#""name":"told""#, r#""region":"eu""#])
    })
    .await;
    // A reload that changes nothing of it does not touch it.
    let id = list.only().id;
    agent.signal("HUP").await;
    agent.logged("the configuration was reloaded").await;
    put(address, "q3/7777", r#"{"name":"later"}"#).await;
    list.until("what it told then", |list| says(list, &["later", "eu"]))
        .await;
    assert_eq!(list.only().id, id);
    let lines = agent.stop().await;
    assert!(!lines.iter().any(|it| it.contains("off the list")));
}

/// Anybody with an account on the machine could replace the servers of others in the list.
#[tokio::test]
async fn a_server_that_the_agent_asks_can_be_replaced_by_no_push() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let asked = GameServer::named("asked").await;
    let home = Home::new();
    home.write(&format!(
        "game = 'q3'\n[[server]]\nname = 'mine'\nquery = '{}'\n",
        asked.target()
    ));
    let mut agent = Agent::with(&[&daemon], &home, &PUSH);
    let address = open(&mut agent).await;
    let server = format!("q3/{}", asked.address.port());
    list.until("its answer", |list| says(list, &["asked"]))
        .await;
    let refused = put(address, &server, r#"{"name":"taken over"}"#).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let reason = refused.json()["error"].to_string();
    assert!(reason.contains("mine in its settings"), "{reason}");
    let path = format!("/api/v1/servers/{server}");
    let from = Ipv4Addr::LOCALHOST.into();
    let delete = send(from, address, Method::DELETE, &path, &[], "").await;
    assert_eq!(delete.status, 404, "{delete:?}");
    // No later snapshot had another name.
    asked.changes(Manner::Named("asked again".into()));
    list.until("its next answer", |list| {
        assert!(says(list, &["asked"]), "{list:?}");
        says(list, &["asked again"])
    })
    .await;
    agent.stop().await;
}

/// Whether there is one server, whose heartbeat contains these words.
fn says(list: &metaserve_client::Snapshot, words: &[&str]) -> bool {
    let mut heartbeats = list
        .servers()
        .map(|it| String::from_utf8_lossy(&it.heartbeat));
    list.len() == 1 && heartbeats.all(|it| words.iter().all(|word| it.contains(word)))
}

/// Its ping says nothing, so that it was listed without a name and players.
#[tokio::test]
async fn luanti_says_its_name_and_its_players_and_the_ping_whether_it_is_there() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut list = Follower::new(&daemon, None).await;
    let server = GameServer::on(Ipv4Addr::LOCALHOST, Manner::Says(LUANTI.to_vec())).await;
    let port = server.address.port();
    let home = Home::new();
    home.write(&format!(
        "game = 'luanti'\n[[server]]\nquery = 'luanti://127.0.0.1:{port}'\n"
    ));
    let mut agent = Agent::with(&[&daemon], &home, &PUSH);
    let address = open(&mut agent).await;
    let announce_to = |address| {
        async move |json: String| {
            let head = "Content-Disposition: form-data; name=\"json\"";
            let body = format!("--b\r\n{head}\r\n\r\n{json}\r\n--b--\r\n");
            let kind = [("content-type", "multipart/form-data; boundary=b")];
            let from = Ipv4Addr::LOCALHOST.into();
            send(from, address, Method::POST, "/announce", &kind, body).await
        }
    };
    let announce = announce_to(address);
    let start = format!(
        r#"{{"action":"start","address":"","clients":1,"clients_list":["dusty"],"clients_max":7,
        "description":"","gameid":"devtest","name":"Lua Länd","port":{port},"version":"5.6.1",
        "uptime":0,"game_time":0,"world_uuid":"its secret"}}"#
    );
    let warning = agent.logged("tells its name to no query").await;
    assert!(
        warning.contains(&format!("listed as \"luanti@{port}\"")),
        "{warning}"
    );
    assert!(warning.contains("`serverlist_url`"), "{warning}");
    list.until("the name that the operator has for it", |list| {
        says(list, &[&format!(r#""name":"luanti@{port}""#)])
    })
    .await;
    assert_eq!(announce(start).await.status, 202);
    list.until("its name", |list| says(list, &["Lua Länd", "dusty"]))
        .await;
    let heartbeat = String::from_utf8(list.only().heartbeat.to_vec()).unwrap();
    assert!(!heartbeat.contains("its secret"), "{heartbeat}");
    // A restart of the agent: the server announces itself again only minutes later.
    agent.stop().await;
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;
    let mut agent = Agent::with(&[&daemon], &home, &PUSH);
    let address = open(&mut agent).await;
    list.until("its name again", |list| says(list, &["Lua Länd", "dusty"]))
        .await;
    let announce = announce_to(address);
    let other = format!(r#"{{"action":"delete","port":{}}}"#, port ^ 1);
    assert_eq!(announce(other).await.status, 404);
    let update = format!(
        r#"{{"action":"update","address":"","clients":0,"clients_list":[],"clients_max":7,
        "description":"","gameid":"devtest","name":"Renamed","port":{port},"version":"5.6.1"}}"#
    );
    assert_eq!(announce(update).await.status, 202);
    list.until("its new name, and never nobody", |list| {
        assert_eq!(list.len(), 1);
        says(list, &["Renamed"])
    })
    .await;
    server.changes(Manner::Silent);
    list.until("nobody", metaserve_client::Snapshot::is_empty)
        .await;
    agent.stop().await;
}
