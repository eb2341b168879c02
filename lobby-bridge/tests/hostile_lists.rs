//! Clients that flood the lists of DDNet and Luanti, or send what no client sends: they are refused
//! early, and the others are served meanwhile.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod list_harness;
mod list_transcript;

use list_harness::{Lists, PATIENCE};
use list_transcript::{Answer, Request, ask, read};
use metaserve_lobby_bridge::{bans::Guard, web};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const REGISTER: &str = "/ddnet/15/register";
const SERVERS: &str = "/ddnet/15/servers.json";

/// More than buffers of the system can hold, and far less than a body of 1 GB.
const MUCH: usize = 64 * 1024 * 1024;

/// Others fetch both lists.
async fn others_are_served(lists: &Lists) {
    for path in [SERVERS, "/list"] {
        let answer = ask(lists.address, &Request::new("GET", path)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

/// Sends a head, and then the same piece again and again. Returns how much was taken before the
/// connection was closed, and what was answered.
async fn pour(lists: &Lists, head: &str, piece: &[u8]) -> (usize, String) {
    let stream = TcpStream::connect(lists.address).await.expect("it listens");
    let (mut from, mut to) = stream.into_split();
    let answered = tokio::spawn(async move {
        let mut answer = Vec::new();
        // It may be reset, since there is always more to come.
        let _ = from.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    });
    let _ = to.write_all(head.as_bytes()).await;
    let mut sent = 0;
    let pouring = async {
        while sent < MUCH && to.write_all(piece).await.is_ok() {
            sent += piece.len();
        }
    };
    timeout(PATIENCE, pouring).await.expect("it is closed");
    drop(to);
    let answer = timeout(PATIENCE, answered).await.expect("it is closed");
    (sent, answer.expect("no panic"))
}

#[tokio::test]
async fn bodies_and_heads_without_end_are_cut_off_while_others_are_served() {
    let lists = Lists::open().await;
    let zeros = [b'0'; 64 * 1024];
    let chunk = [b"10000\r\n", &zeros[..], b"\r\n"].concat();
    let line = [b"X-More: ", &zeros[..100], b"\r\n"].concat();
    for path in [REGISTER, "/announce"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n");
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        let long = format!("{head}Content-Length: 1073741824\r\n\r\n");
        let endless = format!("{head}X-Long: ");
        for (name, head, piece) in [
            ("chunked", &chunked, &chunk[..]),
            ("1 GB", &long, &zeros[..]),
            ("lines", &head, &line[..]),
            ("one line", &endless, &zeros[..]),
        ] {
            let (sent, answer) = pour(&lists, head, piece).await;
            assert!(sent < MUCH, "{path} {name}: {sent} bytes were taken");
            // The answer is lost if the connection is reset before it is read.
            let is_refusal = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
            assert!(is_refusal, "{path} {name}: {answer}");
            others_are_served(&lists).await;
        }
    }
    lists.close().await;
}

#[tokio::test]
async fn slow_heads_are_closed_and_hold_up_nobody() {
    let state = tempfile::tempdir().expect("a folder");
    let mut web = web::Settings::default();
    web.limits.head = std::time::Duration::from_secs(5);
    let lists = Lists::with(state, web, Guard::none()).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(lists.address).await.expect("it listens");
        stream
            .write_all(b"POST /announce HTTP/1.1\r\nHo")
            .await
            .expect("open");
        slow.push(stream);
    }
    others_are_served(&lists).await;
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        ended.expect("it is closed").ok();
    }
    lists.close().await;
}

async fn raw(lists: &Lists, request: &str) -> Answer {
    let mut stream = TcpStream::connect(lists.address).await.expect("it listens");
    let _ = stream.write_all(request.as_bytes()).await;
    timeout(PATIENCE, read(stream)).await.expect("an answer")
}

#[tokio::test]
async fn heads_that_say_two_things_are_refused() {
    let lists = Lists::open().await;
    let uuid = "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c";
    let register = format!(
        "Address: tw-0.6+udp://connecting-address.invalid:8303\r\nSecret: {uuid}\r\n\
         Challenge-Secret: {uuid}:tw0.6/ipv4\r\nInfo-Serial: 0\r\nContent-Length: 0\r\n"
    );
    for (twice, said) in [
        (
            format!("{register}Secret: 1{}\r\n", &uuid[1..]),
            "Secret: given twice",
        ),
        (
            format!("{register}Info-Serial: 1\r\n"),
            "Info-Serial: given twice",
        ),
        (format!("{register}Content-Length: 5\r\n"), ""),
        (format!("{register}Transfer-Encoding: chunked\r\n"), ""),
        ("X: y\r\n".repeat(100), ""),
    ] {
        let request =
            format!("POST {REGISTER} HTTP/1.1\r\nHost: x\r\n{twice}Connection: close\r\n\r\n");
        let answer = raw(&lists, &request).await;
        assert!(
            (400..500).contains(&answer.status),
            "{twice}: {}",
            answer.head
        );
        let body = String::from_utf8_lossy(&answer.body);
        assert!(body.contains(said), "{twice}: {body}");
    }
    // Without the second line it is understood.
    let request =
        format!("POST {REGISTER} HTTP/1.1\r\nHost: x\r\n{register}Connection: close\r\n\r\n");
    assert_eq!(raw(&lists, &request).await.status, 200);
    lists.close().await;
}

/// A client that is no trusted proxy has the address that it connects from.
#[tokio::test]
async fn forwarded_headers_of_strangers_give_nobody_another_address() {
    let state = tempfile::tempdir().expect("a folder");
    let mut web = web::Settings::default();
    web.limits.requests_per_second = 1;
    let lists = Lists::with(state, web, Guard::none()).await;
    let mut refused = 0;
    for number in 0..60 {
        let request = Request::new("GET", SERVERS)
            .header("X-Forwarded-For", &format!("203.0.113.{number}"))
            .header("Forwarded", &format!("for=203.0.113.{number}"))
            .header("X-Real-IP", &format!("203.0.113.{number}"));
        refused += usize::from(ask(lists.address, &request).await.status == 429);
    }
    assert!(refused > 0, "each had an allowance of its own");
    lists.close().await;
}

#[tokio::test]
async fn announcements_in_other_encodings_and_deep_ones_are_refused() {
    let lists = Lists::open().await;
    let form = |json: &[u8]| {
        let encoded: String = json.iter().map(|byte| format!("%{byte:02X}")).collect();
        Request::new("POST", "/announce")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("json={encoded}"))
    };
    let json = r#"{"action":"delete","port":30000,"name":"ä"}"#;
    let sixteen: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = json.chars().map(|it| it as u8).collect();
    let deep = format!("{{\"a\":{}", "[".repeat(4_000));
    let million = format!("{{\"a\":{}", "[".repeat(1_000_000));
    for (name, json, statuses) in [
        ("UTF-16", &sixteen[..], [400, 400]),
        ("deep", deep.as_bytes(), [400, 400]),
        ("a million deep", million.as_bytes(), [413, 413]),
        // Old games write names in Latin-1: they are read as well as can be.
        ("Latin-1", &latin, [400, 200]),
        ("UTF-8", json.as_bytes(), [200, 200]),
    ] {
        let request = form(json);
        let answer = match name {
            "a million deep" => {
                let (_, answer) = pour(
                    &lists,
                    "POST /announce HTTP/1.1\r\nHost: x\r\nContent-Length: 1000006\r\n\r\n",
                    json,
                )
                .await;
                assert!(answer.is_empty() || answer.contains(" 413 "), "{answer}");
                continue;
            }
            _ => ask(lists.address, &request).await,
        };
        assert!(statuses.contains(&answer.status), "{name}: {}", answer.head);
    }
    others_are_served(&lists).await;
    lists.close().await;
}
