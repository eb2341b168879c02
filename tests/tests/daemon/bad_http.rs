//! HTTP clients that send absurd requests, are slow, or come in a crowd get a clear answer, and
//! nobody else is affected.

use crate::with_http;
use metaserve::Role;
use metaserve_tests::{
    Follower, constant,
    http::{Listener, get, get_in_the_end},
    patiently,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const EVENTS: &str = "/api/v1/events";

/// Reads everything that is answered until the daemon closes the connection.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset also ends the connection.
    let _ = patiently("the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn absurd_queries_are_refused_with_the_name_of_the_parameter() {
    let (_daemon, address) = with_http(&[]).await;
    let long = "x".repeat(3000);
    for (query, parameter) in [
        ("limit=", "limit"),
        ("limit=1e3", "limit"),
        ("limit=-1&game=chess", "limit"),
        ("after=18446744073709551616", "after"),
        ("after=%F0%9F%8E%B2", "after"),
        ("game=a%0d%0ab", "game"),
        (&*format!("game={long}"), "game"),
        (&*format!("q={long}"), "q"),
    ] {
        let refused = get(address, &format!("/api/v1/servers?{query}"), &[]).await;
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.json()["parameter"], parameter, "{query}");
    }
    for query in ["colour=red", "__proto__=1", "&&=&"] {
        let refused = get(address, &format!("/api/v1/servers?{query}"), &[]).await;
        assert_eq!(refused.status, 400, "{query}");
        let reason = refused.json()["error"].to_string();
        assert!(reason.contains("unknown parameter"), "{query}: {reason}");
    }
    // Of a repeated parameter the last one counts, and invalid escapes are plain text.
    for query in ["limit=1&limit=2", "q=%", "q=%zz", "q=+"] {
        let answered = get(address, &format!("/api/v1/servers?{query}"), &[]).await;
        assert_eq!(answered.status, 200, "{query}");
    }
}

#[tokio::test]
async fn request_heads_that_are_too_long_or_invalid_are_refused() {
    let (_daemon, address) = with_http(&[]).await;
    let many = "x-more: 1\r\n".repeat(100);
    let long = "x".repeat(40_000);
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "4"),
        ("\u{16}\u{3}\u{1} is TLS\r\n\r\n".to_owned(), "400"),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), "400"),
        (
            "POST / HTTP/1.1\r\nhost: it\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                .to_owned(),
            "405",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Writing fails when the daemon has closed the connection.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = answer(&mut stream).await;
        let begin = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&begin), "{head:.30}: {answer}");
    }
    assert_eq!(get(address, "/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_request_sent_byte_by_byte_is_given_up_and_others_are_served() {
    let limits = ["--hello-timeout", "1s", "--max-http-connections", "2"];
    let (_daemon, address) = with_http(&limits).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    get_in_the_end(address, "/healthz").await;
    let (mut read, mut write) = slow.split();
    let mut answer = Vec::new();
    let trickle = async {
        // The pause makes the request slow.
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let end = async {
        tokio::select! {
            end = read.read_to_end(&mut answer) => end,
            () = trickle => unreachable!("it never ends"),
        }
    };
    // Closed or reset, with or without an answer: the connection has ended.
    let _ = patiently("the end", end).await;
    get_in_the_end(address, "/healthz").await;
}

#[tokio::test]
async fn listeners_above_the_limit_are_refused_with_the_reason() {
    let limits = ["--max-http-connections", "40", "--max-listeners", "10"];
    let (daemon, address) = with_http(&limits).await;
    let mut client = Follower::new(&daemon, None).await;
    let listen = async |_| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {EVENTS} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut begin = [0; 12];
        patiently("an answer", stream.read_exact(&mut begin))
            .await
            .unwrap();
        match &begin {
            b"HTTP/1.1 200" => Some(stream),
            b"HTTP/1.1 503" => {
                let reason = answer(&mut stream).await;
                assert!(reason.contains("(--max-"), "{reason}");
                None
            }
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    };
    let crowd = futures::future::join_all((0..80).map(listen)).await;
    assert_eq!(crowd.iter().flatten().count(), 10);

    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("unharmed")));
    client.until_words(&["unharmed"]).await;
    drop(crowd);
    let again = async {
        loop {
            if let Ok(listener) = Listener::new(address, EVENTS, &[]).await {
                break listener;
            }
        }
    };
    let mut again = patiently("a free place", again).await;
    assert_eq!(again.next().await.unwrap().name, "snapshot");
}
