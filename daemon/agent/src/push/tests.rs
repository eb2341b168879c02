//! Requests over real sockets of this machine. Nothing is published: there is no daemon.

use super::{listener, run};
use crate::{
    publish::{MAX_IDENTITIES, Publisher},
    settings::Server,
    watch::Servers,
};
use clap::Parser;
use metaserve::{Game, PublishArgs};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

const SERVER: &str = "/api/v1/servers/chess/7777";
const JSON: &str = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    daemons: PublishArgs,
}

struct Agent {
    address: SocketAddr,
    servers: Servers,
    closing: CancellationToken,
    task: JoinHandle<()>,
    state: tempfile::TempDir,
}

impl Agent {
    fn start(max_pushed: usize) -> Self {
        let state = tempfile::tempdir().unwrap();
        let line = [
            "agent",
            "--daemon",
            "127.0.0.1:9",
            "--fingerprint",
            &"00".repeat(32),
        ];
        let daemons = Line::parse_from(line).daemons;
        let publisher = Publisher::new(&daemons, state.path()).unwrap();
        let servers = Servers::new(publisher, state.path(), max_pushed);
        let listener = listener::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let closing = CancellationToken::new();
        let task = tokio::spawn(run(listener, servers.clone(), closing.clone()));
        Self {
            address,
            servers,
            closing,
            task,
            state,
        }
    }

    /// The status and the body of the answer to this request, over a connection of its own.
    async fn ask(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n");
        stream
            .write_all(&[head.as_bytes(), body].concat())
            .await
            .unwrap();
        answer(stream).await
    }

    async fn put(&self, path: &str, body: &str) -> (u16, String) {
        let head = format!("PUT {path} HTTP/1.1\r\n{JSON}");
        self.ask(&head, body.as_bytes()).await
    }

    async fn delete(&self, path: &str) -> u16 {
        let head = format!("DELETE {path} HTTP/1.1\r\nHost: localhost:80\r\n");
        self.ask(&head, b"").await.0
    }
}

/// The status and the body of an answer that ends with the connection.
async fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    let status = said.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = said.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

fn number(servers: &Servers) -> usize {
    servers.count().all
}

#[tokio::test]
async fn a_game_lists_itself_stays_listed_and_leaves() {
    let agent = Agent::start(64);
    let (status, said) = agent.put(SERVER, r#"{"name":"a"}"#).await;
    assert_eq!(status, 201, "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["identity"].as_str().unwrap().len(), 64);
    assert_eq!(
        (&said["ttl_seconds"], &said["announce_every_seconds"]),
        (&60.into(), &20.into())
    );
    // No daemon answers.
    assert_eq!(said["listed"], false);
    assert!(
        said.get("address").is_none(),
        "only the daemon knows it: {said}"
    );
    assert_eq!(agent.put(SERVER, "{}").await.0, 200);
    assert_eq!(
        agent.put("/api/v1/servers/chess/7778?ttl=15", "x").await.0,
        201
    );
    assert_eq!(number(&agent.servers), 2);
    assert_eq!(agent.delete(SERVER).await, 204);
    assert_eq!(agent.delete(SERVER).await, 404);
    assert_eq!(number(&agent.servers), 1);
    agent.closing.cancel();
    agent.task.await.unwrap();
}

#[tokio::test]
async fn a_server_that_tells_nothing_leaves_after_its_ttl() {
    let agent = Agent::start(64);
    let start = metaserve::time::now();
    agent.put("/api/v1/servers/chess/1?ttl=15", "x").await;
    agent.put("/api/v1/servers/chess/2?ttl=300", "x").await;
    let told = metaserve::time::now();
    let after = |seconds| Duration::from_secs(seconds);
    agent.servers.sweep(start + after(15) - after(1));
    assert_eq!(number(&agent.servers), 2);
    agent.servers.sweep(told + after(15));
    assert_eq!(number(&agent.servers), 1);
    agent.servers.sweep(told + after(300));
    assert_eq!(number(&agent.servers), 0);
}

#[tokio::test]
async fn no_more_servers_are_pushed_than_allowed_and_those_of_the_settings_do_not_count() {
    let agent = Agent::start(2);
    let mut set = Server::pushed(Game::new("chess").unwrap(), 1);
    set.name = "mine".to_owned();
    agent.servers.adopt(vec![set]);
    for port in 1..=3 {
        let (status, said) = agent
            .put(&format!("/api/v1/servers/chess/{port}"), "x")
            .await;
        assert_eq!(status, 201, "{said}");
    }
    let (status, said) = agent.put("/api/v1/servers/chess/4", "x").await;
    assert_eq!(status, 503);
    assert!(said.contains("--max-pushed"), "{said}");
    assert_eq!(agent.put("/api/v1/servers/chess/3", "y").await.0, 200);
    assert_eq!(agent.delete("/api/v1/servers/chess/3").await, 204);
    assert_eq!(agent.put("/api/v1/servers/chess/4", "x").await.0, 201);
}

/// A program that named endlessly many games filled the disk.
#[tokio::test]
async fn there_are_no_more_identities_than_the_agent_keeps() {
    let agent = Agent::start(64);
    let identities = agent.state.path().join("identities");
    assert_eq!(agent.put(SERVER, "x").await.0, 201);
    assert_eq!(agent.delete(SERVER).await, 204);
    for number in 1..MAX_IDENTITIES {
        std::fs::create_dir(identities.join(format!("former@{number}"))).unwrap();
    }
    let (status, said) = agent.put("/api/v1/servers/chess/7778", "x").await;
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("STATE-DIR/identities"), "{said}");
    assert_eq!(agent.put(SERVER, "x").await.0, 201, "it has one");
}

/// As any page could otherwise list servers in the name of whoever looks at it.
#[tokio::test]
async fn pages_proxies_and_other_hosts_are_refused() {
    let agent = Agent::start(64);
    for line in [
        "Host: 127.0.0.1\r\nOrigin: https://example.org\r\n",
        "Host: 127.0.0.1\r\nOrigin: null\r\n",
        "Host: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "Host: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n",
        "Host: 127.0.0.1\r\nVia: 1.1 proxy\r\n",
        "Host: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n",
        "Host: 127.0.0.1\r\nHost: example.org\r\n",
        // A page of another site whose name leads to this machine.
        "Host: example.org\r\n",
        "Host: 127.0.0.1.example.org\r\n",
        "Host: localhost.example.org:8081\r\n",
        "Host: localhost@example.org\r\n",
        "Host: 192.0.2.1\r\n",
        "Host: \r\n",
        "",
    ] {
        for path in [SERVER, "/announce", "/healthz", "/"] {
            let head = format!("PUT {path} HTTP/1.1\r\n{line}Content-Type: application/json\r\n");
            let (status, said) = agent.ask(&head, b"x").await;
            assert_eq!(status, 403, "{line} {path} {said}");
        }
    }
    assert_eq!(number(&agent.servers), 0);
    for host in [
        "127.0.0.1:8081",
        "127.8.8.8",
        "[::1]:1",
        "LOCALHOST",
        "localhost:8081",
    ] {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n");
        assert_eq!(
            agent.ask(&head, b"").await,
            (200, "alive\n".to_owned()),
            "{host}"
        );
    }
    // As nginx passes it on, unless it is configured otherwise.
    let old = format!("PUT {SERVER} HTTP/1.0\r\n{JSON}");
    let (status, said) = agent.ask(&old, b"x").await;
    assert_eq!(status, 403, "{said}");
    assert_eq!(number(&agent.servers), 0);
    // As simple health checks send it.
    assert_eq!(agent.ask("GET /healthz HTTP/1.0\r\n", b"").await.0, 200);
}

#[tokio::test]
async fn each_mistake_is_explained() {
    let agent = Agent::start(64);
    let long = "x".repeat(8 * 1024 + 1);
    let put = |path: &str| format!("PUT {path} HTTP/1.1\r\n{JSON}");
    let with = |kind: &str| format!("PUT {SERVER} HTTP/1.1\r\nHost: localhost\r\n{kind}");
    for (head, body, status, words) in [
        (
            put("/api/v1/servers/chess/70000"),
            "x",
            400,
            r#""parameter":"port""#,
        ),
        (
            put("/api/v1/servers/chess"),
            "x",
            400,
            r#""parameter":"port""#,
        ),
        (
            put("/api/v1/servers/%FF/1"),
            "x",
            400,
            r#""parameter":"game""#,
        ),
        (
            put("/api/v1/servers/chess/1?ttl=14"),
            "x",
            400,
            r#""parameter":"ttl""#,
        ),
        (put(SERVER), "", 400, r#""parameter":"body""#),
        (put(SERVER), &long, 413, "8192 bytes"),
        (put("/api/v1/servers"), "x", 404, "at the daemon"),
        (
            with("Content-Type: text/plain\r\n"),
            "x",
            415,
            "Content-Type",
        ),
        (
            with("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"),
            "x",
            415,
            "Encoding",
        ),
        (
            format!("POST {SERVER} HTTP/1.1\r\n{JSON}"),
            "x",
            405,
            "use PUT",
        ),
    ] {
        let (answered, said) = agent.ask(&head, body.as_bytes()).await;
        assert_eq!(answered, status, "{head} {said}");
        assert!(said.contains(words), "{head} {said}");
    }
    // Without a length in its head.
    let mut stream = TcpStream::connect(agent.address).await.unwrap();
    let chunk = format!("2400\r\n{}\r\n0\r\n\r\n", "x".repeat(0x2400));
    let request =
        format!("PUT {SERVER} HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunk}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    assert_eq!(number(&agent.servers), 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_five_seconds() {
    let agent = Agent::start(64);
    let mut stream = TcpStream::connect(agent.address).await.unwrap();
    let head = format!("PUT {SERVER} HTTP/1.1\r\n{JSON}Content-Length: 5\r\n\r\nxx");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (status, said) = answer(stream).await;
    assert_eq!(status, 408, "{said}");
}

#[tokio::test]
async fn clients_that_send_nothing_keep_others_waiting_only_for_a_while() {
    let agent = Agent::start(64);
    let mut silent = Vec::new();
    for _ in 0..listener::MAX_CONNECTIONS {
        silent.push(TcpStream::connect(agent.address).await.unwrap());
    }
    // Its turn comes when the silent ones are closed, and no sooner.
    assert_eq!(agent.put(SERVER, "x").await.0, 201);
    let mut byte = [0];
    assert_eq!(silent[0].read(&mut byte).await.unwrap(), 0);
}

/// As Luanti 5.6.1 sends it.
#[tokio::test]
async fn luanti_announces_itself_to_a_server_of_the_settings() {
    let agent = Agent::start(64);
    let form = |json: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{json}\r\n--b--\r\n")
    };
    let head = "POST /announce HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\
                Content-Type: multipart/form-data; boundary=b\r\n";
    let start = r#"{"action":"start","address":"","clients":0,"clients_list":[],"clients_max":7,
        "description":"","gameid":"devtest","name":"Lua Land","port":30000,"version":"5.6.1"}"#;
    let (status, said) = agent.ask(head, form(start).as_bytes()).await;
    assert_eq!(status, 404);
    assert!(said.contains("luanti://127.0.0.1:30000"), "{said}");
    let server = Server {
        query: "luanti://127.0.0.1:30000".parse().ok(),
        interval: Duration::from_secs(5),
        ..Server::pushed(Game::new("luanti").unwrap(), 30000)
    };
    agent.servers.adopt(vec![server]);
    assert_eq!(agent.ask(head, form(start).as_bytes()).await.0, 202);
    let delete = r#"{"action":"delete","port":30000}"#;
    assert_eq!(agent.ask(head, form(delete).as_bytes()).await.0, 202);
    assert_eq!(agent.ask(head, form("{}").as_bytes()).await.0, 400);
    assert_eq!(
        agent.ask(head, form(&"x".repeat(9_000)).as_bytes()).await.0,
        413
    );
    assert_eq!(
        agent
            .ask(head, form(&"x".repeat(20_000)).as_bytes())
            .await
            .0,
        413
    );
    let get = agent
        .ask("GET /announce?json={} HTTP/1.1\r\nHost: localhost\r\n", b"")
        .await;
    assert_eq!(get.0, 405, "pages can cause a GET");
}
