//! Promises of the lists of DDNet and Luanti that no recorded conversation shows: bad requests,
//! restarts, bans, clients that fetch the list, and what the registry is given.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod list_harness;
mod list_transcript;

use std::{net::SocketAddr, time::Duration};

use list_harness::{Lists, PATIENCE};
use list_transcript::{Answer, Request, ask, read};
use metaserve::ServerInfo;
use metaserve_lobby_bridge::{bans::Guard, web};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UdpSocket},
    time::timeout,
};

const REGISTER: &str = "/ddnet/15/register";
const SERVERS: &str = "/ddnet/15/servers.json";
const SECRET: &str = "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c";
const OTHER: &str = "1ad36cca-85e8-4e39-a7e7-70d33ba47b8c";

/// A server of DDNet: the socket of its game.
struct Tee {
    socket: UdpSocket,
    port: u16,
    token: String,
}

impl Tee {
    async fn open() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let token = String::new();
        Self {
            socket,
            port,
            token,
        }
    }

    fn request(&self, secret: &str, serial: u32, body: &str) -> Request {
        let address = format!("tw-0.6+udp://connecting-address.invalid:{}", self.port);
        let mut request = Request::new("POST", REGISTER)
            .header("Address", &address)
            .header("Secret", secret)
            .header("Challenge-Secret", &format!("{OTHER}:tw0.6/ipv4"))
            .header("Info-Serial", &serial.to_string())
            .body(body);
        if !self.token.is_empty() {
            request = request.header("Challenge-Token", &self.token);
        }
        match body.is_empty() {
            true => request,
            false => request.header("Content-Type", "application/json"),
        }
    }

    /// Waits for a challenge.
    async fn challenged(&mut self) {
        let mut buffer = [0; 512];
        let received = timeout(PATIENCE, self.socket.recv(&mut buffer)).await;
        let length = received.expect("a challenge").expect("a socket");
        let mut parts = buffer[..length].split(|it| *it == 0).skip(1);
        self.token = String::from_utf8_lossy(parts.next().expect("a token")).into_owned();
    }

    async fn register(&mut self, lists: &Lists, body: &str) {
        let asked = ask(lists.address, &self.request(SECRET, 0, body)).await;
        assert_eq!(status(&asked), "need_challenge");
        self.challenged().await;
        let asked = ask(lists.address, &self.request(SECRET, 0, body)).await;
        assert_eq!(status(&asked), "success");
    }
}

fn status(answer: &Answer) -> String {
    let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
    json["status"].as_str().expect("a status").to_owned()
}

/// The names of the servers that clients of DDNet are shown.
async fn names(at: SocketAddr) -> Vec<String> {
    let list = ask(at, &Request::new("GET", SERVERS)).await;
    let json: Value = serde_json::from_slice(&list.body).expect("JSON");
    let servers = json["servers"].as_array().expect("a list").iter();
    let name = |it: &Value| it["info"]["name"].as_str().expect("a name").to_owned();
    servers.map(name).collect()
}

/// What comes back for these bytes.
async fn raw(to: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    // A list that has answered may have closed already.
    let _ = stream.write_all(bytes).await;
    timeout(PATIENCE, read(stream)).await.expect("an answer")
}

/// The bodies of requests are refused with the status that says why, at both lists.
#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_at_once() {
    let lists = Lists::open().await;
    for (path, status, head, body) in [
        (
            REGISTER,
            411,
            "Transfer-Encoding: chunked",
            "2\r\n{}\r\n0\r\n\r\n",
        ),
        (REGISTER, 413, "Content-Length: 1073741824", "{"),
        (REGISTER, 413, "Content-Length: 99999999999999999999", ""),
        (
            REGISTER,
            415,
            "Content-Length: 2\r\nContent-Encoding: gzip",
            "{}",
        ),
        (REGISTER, 408, "Content-Length: 10", "{"),
        ("/announce", 411, "Transfer-Encoding: chunked", "0\r\n\r\n"),
        ("/announce", 413, "Content-Length: 1073741824", "x"),
        (
            "/announce",
            415,
            "Content-Length: 2\r\nContent-Encoding: br",
            "{}",
        ),
    ] {
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\nConnection: close\r\n\r\n{body}");
        let answer = raw(lists.address, request.as_bytes()).await;
        // A length beyond all numbers is none for the one, and a broken request for the other.
        let refused = answer.status == status || head.contains("999999") && answer.status == 400;
        assert!(refused, "{path} {head}: {}", answer.head);
    }
    // A body that is a little too long is read, so that the answer is.
    let tee = Tee::open().await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(100_000));
    let answer = ask(lists.address, &tee.request(SECRET, 0, &long)).await;
    assert_eq!((answer.status, &*status(&answer)), (413, "error"));
    lists.close().await;
}

/// DDNet's clients got a list that they could not read.
#[tokio::test]
async fn deeply_nested_information_is_refused() {
    let lists = Lists::open().await;
    let mut tee = Tee::open().await;
    ask(lists.address, &tee.request(SECRET, 0, "{}")).await;
    tee.challenged().await;
    let deep = format!("{{\"a\":{}", "[".repeat(16_000));
    let answer = ask(lists.address, &tee.request(SECRET, 0, &deep)).await;
    assert_eq!(answer.status, 400, "{}", answer.head);
    assert_eq!(names(lists.address).await, [""; 0]);
    lists.close().await;
}

#[tokio::test]
async fn a_server_is_given_to_the_registry_with_what_it_says() {
    let lists = Lists::open().await;
    let mut tee = Tee::open().await;
    let body = r#"{"name":"Tee\u001b[2J","map":{"name":"ctf1"},"game_type":"CTF","max_players":8,
        "passworded":true,"version":"0.6.4","clients":[{"name":"Ana","score":3,"is_player":true}]}"#;
    tee.register(&lists, body).await;
    let published = lists.listings.now();
    let (_, listing) = &published[0];
    assert_eq!(
        (listing.game.as_str(), listing.address.port()),
        ("ddnet", tee.port)
    );
    let info = ServerInfo::from_json(&listing.heartbeat).expect("a record");
    assert_eq!(
        (&*info.name, info.map.as_deref()),
        ("Tee [2J", Some("ctf1"))
    );
    assert_eq!((info.players, info.max_players), (Some(1), Some(8)));
    assert_eq!(
        (info.password, &*info.player_list[0].name),
        (Some(true), "Ana")
    );
    let legacy = info.legacy.expect("it is there");
    assert_eq!(legacy["info"]["name"], "Tee\u{1b}[2J", "as it came");
    // It leaves both together.
    let delete = tee.request(SECRET, 0, "").header("Action", "delete");
    assert_eq!(status(&ask(lists.address, &delete).await), "success");
    assert!(lists.listings.now().is_empty());
    assert_eq!(names(lists.address).await, [""; 0]);
    lists.close().await;
}

#[tokio::test]
async fn no_secret_of_a_server_is_given_out() {
    let lists = Lists::open().await;
    let mut tee = Tee::open().await;
    tee.register(&lists, r#"{"name":"a"}"#).await;
    let list = ask(lists.address, &Request::new("GET", SERVERS)).await;
    let published = lists.listings.now()[0].1.heartbeat.clone();
    for text in [&list.body[..], &published] {
        assert!(!String::from_utf8_lossy(text).contains(SECRET));
    }
    lists.close().await;
}

#[tokio::test]
async fn a_restart_is_not_noticed_and_a_damaged_file_costs_one_challenge() {
    let lists = Lists::open().await;
    let mut tee = Tee::open().await;
    tee.register(&lists, r#"{"name":"a"}"#).await;
    // Until it is kept, which takes a second.
    let file = lists.state.path().join("ddnet.json");
    let kept = || std::fs::read_to_string(&file).is_ok_and(|it| it.contains(SECRET));
    timeout(PATIENCE, async {
        while !kept() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is kept");
    let state = lists.close().await;
    let lists = Lists::with(state, web::Settings::default(), Guard::none()).await;
    let again = ask(lists.address, &tee.request(SECRET, 0, "")).await;
    assert_eq!(
        status(&again),
        "success",
        "without a challenge and without a body"
    );
    assert_eq!(names(lists.address).await, ["a"]);
    let state = lists.close().await;
    std::fs::write(&file, "{\"seed\":").expect("a file");
    let lists = Lists::with(state, web::Settings::default(), Guard::none()).await;
    tee.token.clear();
    tee.register(&lists, r#"{"name":"a"}"#).await;
    lists.close().await;
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_written_stops_nothing() {
    let state = tempfile::tempdir().expect("a folder");
    let file = state.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let (web, bans) = (web::Settings::default(), Guard::none());
    let lists = Lists::at(state, &file.join("state"), web, bans).await;
    let mut tee = Tee::open().await;
    tee.register(&lists, r#"{"name":"a"}"#).await;
    assert_eq!(names(lists.address).await, ["a"]);
    lists.close().await;
}

#[tokio::test]
async fn a_client_that_has_the_list_is_not_sent_it_again() {
    let lists = Lists::open().await;
    let mut tee = Tee::open().await;
    tee.register(&lists, r#"{"name":"a"}"#).await;
    let get = |tag: &str| Request::new("GET", SERVERS).header("If-None-Match", tag);
    let list = ask(lists.address, &Request::new("GET", SERVERS)).await;
    let tag = list
        .head
        .split("etag: ")
        .nth(1)
        .and_then(|it| it.split("\r\n").next());
    let tag = tag.expect("an ETag").replace("w/", "W/");
    let again = ask(lists.address, &get(&tag)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = ask(lists.address, &Request::new("HEAD", SERVERS)).await;
    let length = format!("content-length: {}", list.body.len());
    assert!(
        head.status == 200 && head.head.contains(&length),
        "{}",
        head.head
    );
    // A change is there for whoever asks after the server was told of its success.
    ask(lists.address, &tee.request(SECRET, 1, r#"{"name":"b"}"#)).await;
    assert_eq!(ask(lists.address, &get(&tag)).await.status, 200);
    assert_eq!(names(lists.address).await, ["b"]);
    lists.close().await;
}

#[tokio::test]
async fn the_banned_are_answered_in_words_of_each_list() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "127.0.0.0/8\n").expect("a file");
    let bans = Guard::open(file.path()).expect("bans");
    let state = tempfile::tempdir().expect("a folder");
    let lists = Lists::with(state, web::Settings::default(), bans).await;
    let tee = Tee::open().await;
    let answer = ask(lists.address, &tee.request(SECRET, 0, "{}")).await;
    assert_eq!((answer.status, &*status(&answer)), (400, "error"));
    let json = r#"json={"action":"delete","port":30000}"#;
    let request = Request::new("POST", "/announce")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(json);
    let answer = ask(lists.address, &request).await;
    assert_eq!((answer.status, &*answer.body), (403, &b"Banned (IP)."[..]));
    lists.close().await;
}

#[tokio::test]
async fn one_address_makes_so_many_requests_and_no_more() {
    let state = tempfile::tempdir().expect("a folder");
    let mut web = web::Settings::default();
    web.limits.requests_per_second = 1;
    let lists = Lists::with(state, web, Guard::none()).await;
    let mut refused = 0;
    for _ in 0..60 {
        let answer = ask(lists.address, &Request::new("GET", SERVERS)).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0);
    lists.close().await;
}

/// Luanti's other forms of an announcement, and paths of a setting with a folder in it.
#[tokio::test]
async fn luanti_is_understood_in_each_form() {
    let lists = Lists::open().await;
    let json = r#"{"action":"delete","port":30000}"#;
    let encoded = json
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('"', "%22");
    let form = |path: &str| {
        Request::new("POST", path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("json={encoded}"))
    };
    for request in [
        form("/announce"),
        form("/minetest/announce"),
        Request::new("GET", &format!("/announce?json={encoded}")),
    ] {
        let answer = ask(lists.address, &request).await;
        assert_eq!(answer.body, b"Server not found.", "{}", answer.head);
        assert_eq!(answer.status, 200);
    }
    for path in ["/list", "/minetest/list?proto_version_min=37"] {
        let answer = ask(lists.address, &Request::new("GET", path)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    for (path, status) in [("/announce", 400), ("/elsewhere", 404), ("/ddnet/x", 404)] {
        let answer = ask(lists.address, &Request::new("GET", path)).await;
        assert_eq!(answer.status, status, "{path}");
    }
    lists.close().await;
}
