//! A daemon that lists no servers, not yet or no longer, refuses announcements and says when to try
//! again.

use super::*;
use metaserve_tests::closed;

/// The settings of a member whose NATS server does not exist. It joins alone after some seconds.
const ALONE: [&str; 6] = [
    "--cluster",
    "nats://127.0.0.1:1",
    "--cluster-member",
    "a",
    "--idle-timeout",
    "6s",
];

#[tokio::test]
async fn a_member_of_a_cluster_refuses_until_it_has_joined() {
    let refused = async {
        loop {
            let (daemon, http) = announcing(&ALONE).await;
            let answer = put(http, "7777", OURS, "x").await;
            // On a busy machine, a daemon may have joined by now: then another one tries.
            if answer.status != 201 {
                break (daemon, http, answer);
            }
        }
    };
    let (mut daemon, http, answer) = patiently("a refusal", refused).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    assert!(answer.json()["error"].to_string().contains("joining"));
    assert_eq!(delete(http, "7777", OURS).await.status, 503);
    daemon.logged("joined the cluster").await;
    assert_eq!(put(http, "7777", OURS, "x").await.status, 201);
}

#[tokio::test]
async fn an_edge_refuses_and_names_who_does_not() {
    let (_daemon, http) = announcing(&[&ALONE[..], &["--cluster-role", "edge"]].concat()).await;
    for answer in [
        put(http, "7777", OURS, "x").await,
        delete(http, "7777", OURS).await,
    ] {
        assert_eq!(answer.status, 403);
        let reason = answer.json()["error"].to_string();
        assert!(reason.contains("announce to another member"), "{reason}");
    }
}

/// The daemon answered 201, and the server was on no list.
#[tokio::test]
async fn a_daemon_that_stops_refuses_a_request_whose_body_comes_meanwhile() {
    let stopped = async {
        loop {
            if let Some(answer) = stopping().await {
                break answer;
            }
        }
    };
    let answer = patiently("an answer", stopped).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 10\r\n"), "{answer}");
    assert!(answer.contains("the daemon is stopping"), "{answer}");
}

/// What a daemon answers whose end begins between the head and the body of a request. None if the
/// machine is so busy that the daemon has ended before.
async fn stopping() -> Option<String> {
    let (daemon, http) = announcing(&[]).await;
    let peer = daemon.connect(Role::Client, None).await;
    let mut stream = TcpStream::connect(http).await.unwrap();
    let more = "content-type: application/json\r\ncontent-length: 1\r\nexpect: 100-continue";
    stream.write_all(head(more).as_bytes()).await.unwrap();
    let mut bytes = [0; 25];
    stream.read_exact(&mut bytes).await.ok()?;
    assert_eq!(&bytes, b"HTTP/1.1 100 Continue\r\n\r\n");
    daemon.signal("TERM").await;
    // Peers are told when the end has begun.
    closed(&peer).await;
    stream.write_all(b"x").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer).filter(|it| !it.is_empty())
}
