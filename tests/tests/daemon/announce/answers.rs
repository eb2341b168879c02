//! Each row of the table of answers, in `docs/reference/http.md`.

use super::*;
use crate::limits::reached;

/// A port of 70000 was once answered in plain text.
#[tokio::test]
async fn mistakes_in_the_path_the_query_and_the_body_are_answered_with_400_and_their_parameter() {
    let (_daemon, http) = announcing(&[]).await;
    for (port, body, parameter) in [
        ("0", "x", "port"),
        ("70000", "x", "port"),
        ("x", "x", "port"),
        ("7777?ttl=14", "x", "ttl"),
        ("7777?ttl=301", "x", "ttl"),
        ("7777", "", "body"),
    ] {
        let answer = put(http, port, OURS, body).await;
        assert_eq!(answer.status, 400, "{port}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["parameter"], parameter, "{port}");
        assert!(answer.json()["error"].is_string());
    }
    for path in [
        "/api/v1/servers/%00/1",
        "/api/v1/servers/%ff/1",
        "/api/v1/servers//1",
    ] {
        let answer = send(LOCAL, http, Method::PUT, path, &[OURS, JSON], "x").await;
        assert_eq!(
            (answer.status, &answer.json()["parameter"]),
            (400, &"game".into()),
            "{path}"
        );
    }
    assert_eq!(
        delete(http, "70000", OURS).await.json()["parameter"],
        "port"
    );
    for ttl in ["7777?ttl=15", "7777?ttl=300"] {
        assert!(matches!(put(http, ttl, OURS, "x").await.status, 200 | 201));
    }
}

#[tokio::test]
async fn a_missing_or_short_secret_is_answered_with_401() {
    let (_daemon, http) = announcing(&[]).await;
    for secret in [
        ("x-nothing", "1"),
        ("authorization", "Bearer short"),
        ("authorization", "Basic eA=="),
    ] {
        let answer = put(http, "7777", secret, "x").await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(delete(http, "7777", ("x-nothing", "1")).await.status, 401);
}

#[tokio::test]
async fn announcing_is_off_unless_the_operator_turns_it_on() {
    let (_daemon, http) = with_http(&[]).await;
    let answer = put(http, "7777", OURS, "x").await;
    assert_eq!(answer.status, 403);
    let reason = answer.json()["error"].to_string();
    assert!(reason.contains("--announce on"), "{reason}");
    assert!(listed(http).await.is_empty());
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_announce() {
    let (_daemon, http) = announcing(&[]).await;
    for line in [
        ("origin", "https://example.org"),
        ("origin", "null"),
        ("sec-fetch-site", "none"),
    ] {
        let headers = [OURS, JSON, line];
        let answer = send(LOCAL, http, Method::PUT, &path("7777"), &headers, "x").await;
        assert_eq!(answer.status, 403, "{line:?}");
    }
    // A browser asks first, and is not allowed the method.
    let asks = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "PUT"),
    ];
    let answer = send(LOCAL, http, Method::OPTIONS, &path("7777"), &asks, "").await;
    assert_eq!(answer.status, 405);
    for name in [
        "access-control-allow-methods",
        "access-control-allow-origin",
    ] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert!(listed(http).await.is_empty());
}

#[tokio::test]
async fn other_methods_are_answered_with_405_and_what_to_use_on_every_path() {
    let (_daemon, http) = announcing(&[]).await;
    let server = path("7777");
    for (path, methods, allowed) in [
        (&*server, ["GET", "HEAD", "POST", "PATCH"], "PUT, DELETE"),
        // Whoever forgets the game and the port, or mistakes the path.
        (
            "/api/v1/servers",
            ["PUT", "DELETE", "POST", "PATCH"],
            "GET,HEAD",
        ),
        ("/healthz", ["PUT", "DELETE", "POST", "PATCH"], "GET,HEAD"),
        ("/", ["PUT", "DELETE", "POST", "PATCH"], "GET,HEAD"),
    ] {
        for method in methods {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let has_body = method != Method::HEAD;
            let answer = send(LOCAL, http, method, path, &[OURS, JSON], "x").await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, allowed),
                "{path}"
            );
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
            if has_body {
                let reason = answer.json()["error"].to_string();
                assert!(reason.contains("PUT"), "{path} {reason}");
            }
        }
    }
}

#[tokio::test]
async fn another_secret_is_answered_with_404_and_409_and_changes_nothing() {
    let (_daemon, http) = announcing(&[]).await;
    put(http, "7777", OURS, "ours").await;
    assert_eq!(delete(http, "7777", THEIRS).await.status, 404);
    let answer = put(http, "7777", THEIRS, "theirs").await;
    assert_eq!(answer.status, 409);
    let left: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&left), "{left}");
    assert_eq!(put(http, "7777", OURS, "ours").await.status, 200);
    // Two ports with one secret are two servers.
    assert_eq!(put(http, "7778", OURS, "more").await.status, 201);
    delete(http, "7777", OURS).await;
    assert_eq!(put(http, "7777", THEIRS, "theirs").await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_answered_with_413_whether_or_not_it_says_so() {
    let (_daemon, http) = announcing(&["--max-heartbeat", "100"]).await;
    assert_eq!(put(http, "7777", OURS, &"x".repeat(100)).await.status, 201);
    for length in [101, 1_000_000] {
        let answer = put(http, "7777", OURS, &"x".repeat(length)).await;
        assert_eq!(answer.status, 413, "{length}");
    }
    let json = "content-type: application/json";
    let chunk = format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(101));
    let chunked = head(&format!("{json}\r\ntransfer-encoding: chunked")) + &chunk;
    let answer = raw(http, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let lies = head(&format!("{json}\r\ncontent-length: 99999999999"));
    let answer = raw(http, lies.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    reached(http, "max_heartbeat").await;
}

#[tokio::test]
async fn a_body_in_pieces_is_one_heartbeat() {
    let (_daemon, http) = announcing(&[]).await;
    let pieces = "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let chunked = head("content-type: application/octet-stream\r\ntransfer-encoding: chunked");
    let answer = raw(http, (chunked + pieces).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(listed(http).await[0]["heartbeat_base64"], "YWJj");
}

#[tokio::test]
async fn another_type_or_an_encoded_body_is_answered_with_415() {
    let (_daemon, http) = announcing(&[]).await;
    for headers in [
        &[OURS][..],
        &[OURS, ("content-type", "text/plain")],
        &[OURS, JSON, ("content-encoding", "gzip")],
    ] {
        let answer = send(LOCAL, http, Method::PUT, &path("7777"), headers, "x").await;
        assert_eq!(answer.status, 415, "{headers:?}");
    }
}

/// The test waits for the daemon's own 5 s.
#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_with_408() {
    let (_daemon, http) = announcing(&[]).await;
    let slow = head("content-type: application/json\r\ncontent-length: 10") + "{";
    let answer = raw(http, slow.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(listed(http).await.is_empty());
}

#[tokio::test]
async fn a_change_that_comes_too_soon_is_answered_with_429_and_shown_afterwards() {
    let slow = [
        "--http",
        "127.0.0.1:0",
        "--tick",
        "20ms",
        "--min-interval",
        "60s",
        "--idle-timeout",
        "60s",
    ];
    let mut daemon = Daemon::start(DAEMON, &[&slow[..], &ON].concat()).await;
    let http = daemon.http().await;
    assert_eq!(put(http, "7777", OURS, "first").await.status, 201);
    let answer = put(http, "7777", OURS, "second").await;
    assert_eq!(answer.status, 429);
    let left: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=45).contains(&left), "{left}");
    // It stays listed with the first, and "first" changes nothing.
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["first"]).await;
    assert_eq!(put(http, "7777", OURS, "first").await.status, 200);
    reached(http, "min_interval").await;
}

#[tokio::test]
async fn the_65th_server_of_an_address_is_answered_with_429_and_holds_nothing() {
    let (_daemon, http) = announcing(&["--trusted-prefix", "none"]).await;
    let mut connection = Connection::from(LOCAL, http).await.unwrap();
    let headers = [OURS, JSON];
    let mut announce = async |port: u16| {
        let path = path(&port.to_string());
        let answer = connection.send(Method::PUT, &path, &headers, "x").await;
        answer.unwrap()
    };
    for port in 1..=64 {
        assert_eq!(announce(port).await.status, 201, "{port}");
    }
    for port in [65, 66] {
        let answer = announce(port).await;
        assert_eq!(answer.status, 429);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        let reason = answer.json()["error"].to_string();
        assert!(reason.contains("64 servers of 127.0.0.1"), "{reason}");
    }
    assert_eq!(announce(1).await.status, 200);
    let metrics = scrape(http).await;
    assert_eq!(value(&metrics, "metaserve_announced_servers", ""), 64.0);
    assert_eq!(value(&metrics, "metaserve_servers_waiting", ""), 0.0);
    delete(http, "64", OURS).await;
    assert_eq!(announce(65).await.status, 201);
}

#[tokio::test]
async fn an_address_that_announces_too_often_is_answered_with_429_before_its_body_is_read() {
    let limits = [
        "--announces-per-prefix",
        "1",
        "--announces-at-once",
        "2",
        "--max-listed-per-prefix",
        "5",
    ];
    let (_daemon, http) = announcing(&limits).await;
    let mut connection = Connection::from(LOCAL, http).await.unwrap();
    let headers = [OURS, JSON];
    let mut answers = Vec::new();
    let often = async {
        while !answers.contains(&429) {
            let sent = connection
                .send(Method::PUT, &path("7777"), &headers, "x")
                .await;
            answers.push(sent.unwrap().status);
        }
    };
    patiently("a refusal", often).await;
    assert!(answers.len() > 2, "{answers:?}");
    // The body of a further one never comes, and is not awaited: there is an answer for which the
    // daemon has no timer.
    let waits = head("content-type: application/json\r\ncontent-length: 10");
    let answer = async {
        loop {
            let answer = raw(http, waits.as_bytes()).await;
            if answer.starts_with("HTTP/1.1 429") {
                break answer.to_lowercase();
            }
        }
    };
    let answer = patiently("429 without a body", answer).await;
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    reached(http, "announces_per_prefix").await;
    // Other addresses are not affected.
    let other = [127, 9, 8, 7].into();
    let answer = send(other, http, Method::PUT, &path("7778"), &headers, "x").await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn too_many_servers_or_games_are_answered_with_503() {
    for (limits, name) in [
        (["--max-announced", "1"], "max_announced"),
        (["--max-games", "1"], "max_games"),
    ] {
        let (_daemon, http) = announcing(&limits).await;
        assert_eq!(put(http, "1", OURS, "x").await.status, 201);
        let another = "/api/v1/servers/another-game/2";
        let answer = send(LOCAL, http, Method::PUT, another, &[OURS, JSON], "x").await;
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        reached(http, name).await;
        assert_eq!(put(http, "1", OURS, "x").await.status, 200);
    }
}
