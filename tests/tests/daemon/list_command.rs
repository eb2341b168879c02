//! `metaserve-daemon list`: the list in scripts.

use crate::{DAEMON, FAST};
use metaserve::Role;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant, patiently, run};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    task::JoinHandle,
};

async fn publish(daemon: &Daemon, game: &str, port: u16, heartbeat: &str) -> JoinHandle<()> {
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let publisher = Publisher::new(connection).game(game).port(port);
    let heartbeats = constant(heartbeat.to_owned());
    tokio::spawn(async move { publisher.run(heartbeats).await.unwrap() })
}

async fn listed(daemon: &Daemon, servers: usize) {
    let mut follower = Follower::new(daemon, None).await;
    follower
        .until("the servers", |list| list.len() == servers)
        .await;
}

fn command(daemon: &Daemon) -> [String; 5] {
    let (address, fingerprint) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    ["list", "--daemon", &address, "--fingerprint", &fingerprint].map(str::to_owned)
}

async fn list(daemon: &Daemon, arguments: &[&str]) -> metaserve_tests::Ended {
    let command = command(daemon);
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    run(DAEMON, &[&command[..], arguments].concat()).await
}

const DUSTYS: &str = r#"{"name":"Dusty's \u001b[2J","map":"dunes","players":3,"max_players":16,
    "region":"\u202eeu","tags":["no-lag","\u001b[1m"],"website":"https://example.org"}"#;

/// Contains only invisible characters and one that would reverse the text after it.
const BLANK: &str = r#"{"name":"\u202e\u200b \u3164","map":"\u202edunes"}"#;

#[tokio::test]
async fn a_limited_list_has_the_first_server_of_every_address() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let mut kept = Vec::new();
    for (at, host) in [1, 1, 1, 2, 3].into_iter().enumerate() {
        let from = [127, 0, 0, host].into();
        let (connection, connector) = daemon.connect_from(from, Role::Heartbeat).await;
        let publisher = Publisher::new(connection).port(7000 + at as u16);
        kept.push((connector, tokio::spawn(publisher.run(constant("here")))));
        listed(&daemon, at + 1).await;
    }
    let cut = list(&daemon, &["--json", "--limit", "4"]).await.output;
    let cut: Value = serde_json::from_str(&cut).unwrap();
    let addresses = cut["servers"].as_array().unwrap().iter();
    let addresses: Vec<_> = addresses
        .map(|it| it["address"].as_str().unwrap())
        .collect();
    assert_eq!(
        addresses,
        [
            "127.0.0.1:7000",
            "127.0.0.2:7003",
            "127.0.0.3:7004",
            "127.0.0.1:7001"
        ]
    );
}

#[tokio::test]
async fn the_table_contains_nothing_that_could_move_the_cursor() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let empty = list(&daemon, &[]).await;
    assert_eq!(
        (empty.code, empty.output.lines().count()),
        (Some(0), 1),
        "{empty:?}"
    );

    // The table is in the order in which they have come.
    publish(&daemon, "chess", 7000, DUSTYS).await;
    listed(&daemon, 1).await;
    publish(&daemon, "go", 7001, "opaque").await;
    listed(&daemon, 2).await;
    publish(&daemon, "go", 7002, BLANK).await;
    listed(&daemon, 3).await;
    let all = list(&daemon, &[]).await;
    let rows: Vec<Vec<_>> = all
        .output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["ADDRESS", "GAME", "PLAYERS", "MAP", "MODE", "NAME"]
    );
    assert_eq!(
        rows[1],
        [
            "127.0.0.1:7000",
            "chess",
            "3/16",
            "dunes",
            "-",
            "Dusty's",
            "[2J"
        ]
    );
    assert_eq!(
        rows[2],
        ["127.0.0.1:7001", "go", "-", "-", "-", "(6", "bytes)"]
    );
    assert_eq!(
        rows[3],
        ["127.0.0.1:7002", "go", "-", "dunes", "-", "(no", "name)"]
    );

    let wide = list(&daemon, &["--wide", "--game", "chess"]).await;
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let [titles, row] = wide
        .output
        .lines()
        .map(words)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(
        titles[5..],
        ["REGION", "VERSION", "TAGS", "WEBSITE", "NAME"]
    );
    assert_eq!(
        row[4..],
        [
            "-",
            "eu",
            "-",
            "no-lag,",
            "[1m",
            "https://example.org",
            "Dusty's",
            "[2J"
        ]
    );

    let go = list(&daemon, &["--game", "go"]).await;
    assert_eq!(go.output.lines().count(), 3, "{go:?}");
}

#[tokio::test]
async fn scripts_get_the_same_records_as_over_http() {
    let mut daemon = Daemon::start(DAEMON, &["--http", "127.0.0.1:0"]).await;
    let http = daemon.http().await;
    publish(&daemon, "chess", 7000, DUSTYS).await;
    publish(&daemon, "go", 7001, "opaque").await;
    listed(&daemon, 2).await;
    let by_command = list(&daemon, &["--json"]).await;
    let by_command: Value = serde_json::from_str(&by_command.output).unwrap();
    let mut by_http = metaserve_tests::http::get(http, "/api/v1/servers", &[])
        .await
        .json();
    for server in by_http["servers"].as_array_mut().unwrap() {
        server.as_object_mut().unwrap().remove("updated");
    }
    by_http.as_object_mut().unwrap().remove("next");
    assert_eq!(by_command, by_http);
}

#[tokio::test]
async fn each_change_is_printed_and_a_lost_daemon_is_an_error() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut process = Command::new(DAEMON)
        .args(command(&daemon))
        .args(["--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = patiently("a line", lines.next_line())
            .await
            .unwrap()
            .unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let first = next().await;
    assert_eq!(
        (&first["added"], &first["removed"]),
        (&json!([]), &json!([]))
    );
    let server = publish(&daemon, "chess", 7000, DUSTYS).await;
    let came = next().await;
    assert_eq!(came["added"][0]["info"]["map"], "dunes", "{came}");
    server.abort();
    let went = next().await;
    assert_eq!(went["removed"], json!([came["added"][0]["id"]]), "{went}");

    daemon.signal("TERM").await;
    let ended = patiently("its end", process.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(1));
}

#[tokio::test]
async fn a_daemon_that_cannot_be_reached_or_trusted_is_reported_with_what_to_do() {
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap().to_string();
    let daemon = Daemon::start(DAEMON, &[]).await;
    let address = daemon.address.to_string();
    let wrong = "ab".repeat(32);
    let silence = format!("nothing answers on UDP at {nobody}: check");
    let shown = format!(
        "the daemon at {address} is not trusted: its certificate has the fingerprint {}, expected \
         {wrong};",
        daemon.fingerprint
    );
    let table: [(&[&str], &str); 5] = [
        (&["--daemon", &nobody, "--fingerprint", &wrong], &silence),
        (&["--daemon", &address, "--fingerprint", &wrong], &shown),
        (
            &["--daemon", &address],
            "trust a self-signed certificate by its fingerprint (--fingerprint)",
        ),
        (
            &["--daemon", "no-port", "--fingerprint", &wrong],
            "\"no-port\" is not HOST:PORT",
        ),
        (
            &["--daemon", &address, "--ca", "/nowhere.pem"],
            "/nowhere.pem: cannot read the file",
        ),
    ];
    for (arguments, expected) in table {
        let ended = run(DAEMON, &[&["list"], arguments].concat()).await;
        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{arguments:?}");
        let told = ended.complaint.matches(expected).count();
        assert_eq!(told, 1, "{arguments:?}: {ended:?}");
    }
}
