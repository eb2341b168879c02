//! Behind a reverse proxy, the client is the one that the proxy names, if the operator trusts it.

use super::*;
use crate::limits::reached;

const TRUST: [&str; 2] = ["--http-trusted-proxy", "127.0.0.1"];

/// Announces as a proxy at this address would, with these headers.
async fn proxied(from: [u8; 4], daemon: SocketAddr, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[OURS, JSON], headers].concat();
    send(
        from.into(),
        daemon,
        Method::PUT,
        &path("7777"),
        &headers,
        "words",
    )
    .await
}

const PROXY: [u8; 4] = [127, 0, 0, 1];
const STRANGER: [u8; 4] = [127, 9, 8, 7];

#[tokio::test]
async fn a_trusted_proxy_says_whose_server_it_is_by_its_last_address() {
    let (_daemon, http) = announcing(&TRUST).await;
    for (forwarded, address) in [
        ("192.0.2.1", "192.0.2.1:7777"),
        ("198.51.100.66, 192.0.2.2", "192.0.2.2:7777"),
        ("2001:db8::1", "[2001:db8::1]:7777"),
    ] {
        let answer = proxied(PROXY, http, &[("x-forwarded-for", forwarded)]).await;
        assert_eq!(answer.json()["address"], address, "{forwarded}");
    }
    // Nobody can join there, whatever a proxy says.
    let answer = proxied(PROXY, http, &[("x-forwarded-for", "224.0.0.1")]).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_proxied_request_is_refused_and_never_listed_as_the_proxy() {
    let (daemon, http) = announcing(&[]).await;
    for line in [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 cache"),
        ("x-real-ip", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
    ] {
        let answer = proxied(STRANGER, http, &[line]).await;
        assert_eq!(answer.status, 403);
        let reason = answer.json()["error"].to_string();
        assert!(reason.contains("--http-trusted-proxy"), "{reason}");
    }
    assert!(listed(http).await.is_empty());
    drop(daemon);
    // A trusted one that does not say for whom.
    let (_daemon, http) = announcing(&TRUST).await;
    for lines in [
        &[("host", "list.example.org")][..],
        &[("x-forwarded-for", "unknown")],
        &[("via", "1.1 cache")],
    ] {
        assert_eq!(proxied(PROXY, http, lines).await.status, 403, "{lines:?}");
    }
    assert!(listed(http).await.is_empty());
}

/// Every server behind such a proxy was listed as 127.0.0.1: of nginx without a line for `Host` or
/// `X-Forwarded-For`, of HAProxy without `option forwardfor`, of `ssh -L` and `socat`.
#[tokio::test]
async fn a_proxy_on_the_same_machine_that_hides_its_clients_lists_nobody() {
    let (_daemon, http) = announcing(&[]).await;
    for host in [
        "list.example.org",
        "192.0.2.1:8080",
        "localhost.example.org",
    ] {
        let answer = proxied(PROXY, http, &[("host", host)]).await;
        assert_eq!(answer.status, 403, "{host}");
        let reason = answer.json()["error"].to_string();
        for word in [
            "--http-trusted-proxy",
            "X-Forwarded-For",
            "http://localhost",
        ] {
            assert!(reason.contains(word), "{reason}");
        }
    }
    // As nginx does it by itself.
    let more = "content-type: application/json\r\ncontent-length: 1";
    let old = head(more).replace("HTTP/1.1", "HTTP/1.0") + "x";
    let answer = raw(http, old.as_bytes()).await;
    assert!(answer.contains(" 403 "), "{answer}");
    let removed = send(
        LOCAL,
        http,
        Method::DELETE,
        &path("7777"),
        &[OURS, ("host", "x")],
        "",
    )
    .await;
    assert_eq!(removed.status, 403);
    assert!(listed(http).await.is_empty());
}

/// It had to go through the proxy, under the address that it has there.
#[tokio::test]
async fn a_program_of_the_machine_announces_directly_beside_a_trusted_proxy() {
    let (_daemon, http) = announcing(&TRUST).await;
    for host in ["localhost", "127.0.0.1:8080", "[::1]"] {
        let answer = proxied(PROXY, http, &[("host", host)]).await;
        assert_eq!(answer.json()["address"], "127.0.0.1:7777", "{host}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_name_another_client() {
    let (_daemon, http) = announcing(&TRUST).await;
    let answer = proxied(STRANGER, http, &[("x-forwarded-for", "192.0.2.1")]).await;
    assert_eq!(answer.status, 403);
    let direct = proxied(STRANGER, http, &[]).await;
    assert_eq!(direct.json()["address"], "127.9.8.7:7777");
}

/// Another machine's packets do not come from loopback; here the address of this one does.
#[tokio::test]
async fn plain_http_from_another_machine_is_refused() {
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: this only asks which address a packet would have.
    let outside = probe
        .connect("192.0.2.1:9")
        .and_then(|()| probe.local_addr());
    let Ok(outside) = outside else {
        return; // This machine has no network.
    };
    let everywhere = ["--http", "0.0.0.0:0"];
    let mut daemon = Daemon::start(DAEMON, &[&FAST[..], &everywhere, &ON].concat()).await;
    let http = SocketAddr::new(outside.ip(), daemon.http().await.port());
    let answer = send(
        outside.ip(),
        http,
        Method::PUT,
        &path("7777"),
        &[OURS, JSON],
        "x",
    )
    .await;
    assert_eq!(answer.status, 403);
    let reason = answer.json()["error"].to_string();
    assert!(reason.contains("HTTPS"), "{reason}");
}

/// The guide said: behind a reverse proxy the daemon sees only the proxy's address, ban there.
#[tokio::test]
async fn a_ban_holds_for_a_client_behind_a_proxy_on_every_path_and_for_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let bans = directory.path().join("bans.txt");
    std::fs::write(&bans, "192.0.2.0/24\n").unwrap();
    let flags = [&TRUST[..], &["--ban-file", bans.to_str().unwrap()]].concat();
    let (_daemon, http) = announcing(&flags).await;
    let mut connection = Connection::from(PROXY.into(), http).await.unwrap();
    // Several clients on one connection of the proxy.
    for (client, status) in [
        ("198.51.100.1", 200),
        ("192.0.2.7", 403),
        ("198.51.100.1", 200),
    ] {
        for path in ["/api/v1/servers", "/", "/healthz"] {
            let headers = [("x-forwarded-for", client)];
            let answer = connection.get(path, &headers).await.unwrap();
            assert_eq!(answer.status, status, "{client} {path}");
        }
    }
    let headers = [("x-forwarded-for", "192.0.2.7")];
    let refused = Listener::new(http, "/api/v1/events", &headers).await;
    assert_eq!(refused.err(), Some(403));
    assert_eq!(proxied(PROXY, http, &headers).await.status, 403);
    // An open stream ends when its client is banned.
    let headers = [("x-forwarded-for", "198.51.100.9")];
    let mut listener = Listener::new(http, "/api/v1/events", &headers)
        .await
        .unwrap();
    listener.next().await.unwrap();
    let new = bans.with_extension("new");
    std::fs::write(&new, "198.51.100.9\n").unwrap();
    std::fs::rename(&new, &bans).unwrap();
    assert!(listener.next().await.is_none());
}

#[tokio::test]
async fn places_of_listeners_and_connections_go_by_the_client_behind_the_proxy() {
    let limits = ["--max-listeners", "2", "--max-http-connections", "8"];
    let (_daemon, http) = announcing(&[&TRUST[..], &limits].concat()).await;
    let listen = async |client: &str| {
        let headers = [("x-forwarded-for", client)];
        Listener::new(http, "/api/v1/events", &headers).await
    };
    let mut greedy = [
        listen("192.0.2.1").await.unwrap(),
        listen("192.0.2.1").await.unwrap(),
    ];
    assert_eq!(listen("192.0.2.1").await.err(), Some(503));
    // A lone client gets the place of the greedy one's newest.
    let mut lone = listen("198.51.100.1").await.unwrap();
    lone.next().await.unwrap();
    let [first, second] = &mut greedy;
    second.next().await;
    assert!(second.next().await.is_none());
    first.next().await.unwrap();
    reached(http, "max_listeners").await;
}
