//! What the running program counts, as Prometheus reads it: real datagrams and requests move the
//! counters, hostile ones too.

#![forbid(unsafe_code)]
#![cfg(unix)]

mod bridge;
mod peers;

use std::{collections::BTreeSet, fs, io::Read, net::TcpStream};

use bridge::Bridge;
use peers::{Peer, Tee, http, info, launcher};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_page_documents_exactly_the_metrics_of_the_bridge() {
    let page = include_str!("../../../docs/reference/metrics.md");
    let explained: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with("metaserve_bridge_") || name.starts_with("process_"))
        .filter(|name| cfg!(target_os = "linux") || !name.starts_with("process_"))
        .collect();
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let text = bridge.get("/metrics");
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(body.ends_with("# EOF\n"));
    let series = body.lines().filter(|line| !line.starts_with('#'));
    let exist: BTreeSet<_> = series
        .map(|line| line.split(['{', ' ']).next().expect("a name").to_owned())
        .collect();
    assert_eq!(explained, exist);
}

#[test]
fn health_is_told_and_other_paths_say_where_the_metrics_are() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    assert!(bridge.get("/healthz").ends_with("alive\n"));
    assert!(bridge.get("/readyz").ends_with("ready\n"));
    let other = bridge.get("/");
    assert!(
        other.starts_with("HTTP/1.1 404 ") && other.contains("/metrics"),
        "{other}"
    );
}

#[test]
fn a_server_of_quake_is_counted_from_its_heartbeat_to_its_end() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let server = Peer::of(bridge.quake3);
    server.says("heartbeat QuakeArena-1\n");
    bridge.until_all(&[
        (
            r#"registrations_total{protocol="quake3",outcome="unproved"}"#,
            1.0,
        ),
        (r#"questions_total{protocol="quake3",outcome="asked"}"#, 1.0),
        (r#"servers{protocol="quake3",family="ipv4"}"#, 0.0),
    ]);
    server.answers();
    bridge.until_all(&[
        (r#"servers{protocol="quake3",family="ipv4"}"#, 1.0),
        (r#"servers{protocol="quake3",family="ipv6"}"#, 0.0),
        (r#"servers{protocol="quakeworld",family="ipv4"}"#, 0.0),
        (
            r#"registrations_total{protocol="quake3",outcome="listed"}"#,
            1.0,
        ),
        (
            r#"questions_total{protocol="quake3",outcome="answered"}"#,
            1.0,
        ),
        (r#"open_questions{protocol="quake3"}"#, 0.0),
        (r#"saves_total{protocol="quake3",outcome="ok"}"#, 1.0),
    ]);
    let client = Peer::of(bridge.quake3);
    client.says("getservers 71 empty full");
    let list = client.hears();
    bridge.until_all(&[
        (r#"lists_total{protocol="quake3"}"#, 1.0),
        (r#"list_bytes_total{protocol="quake3"}"#, list.len() as f64),
        // The heartbeat, the answer and the request.
        (
            r#"datagrams_total{protocol="quake3",outcome="accepted"}"#,
            3.0,
        ),
    ]);
    assert!(bridge.value(r#"saved_timestamp_seconds{protocol="quake3"}"#) > 1.0e9);
    server.says("heartbeat QuakeArena-1\n");
    server.answers();
    bridge.until(
        r#"registrations_total{protocol="quake3",outcome="kept"}"#,
        1.0,
    );
}

#[test]
fn datagrams_that_nobody_wants_are_counted_by_the_reason() {
    let state = folder();
    let bridge = Bridge::start(
        state.path(),
        &["--quake3-lists", "1", "--quake3-reject", "Nexuiz"],
    );
    let count = |outcome| format!(r#"datagrams_total{{protocol="quake3",outcome="{outcome}"}}"#);
    let refused = |why| format!(r#"registrations_total{{protocol="quake3",outcome="{why}"}}"#);
    let peer = Peer::of(bridge.quake3);
    for garbage in [
        &b"hello"[..],
        b"",
        b"\xff\xff\xff\xffgetstatus",
        &[0xff; 2_048],
    ] {
        peer.sends(garbage);
    }
    bridge.until(&count("malformed"), 4.0);
    Peer::of(bridge.quakeworld).sends(b"hello");
    bridge.until(
        r#"datagrams_total{protocol="quakeworld",outcome="malformed"}"#,
        1.0,
    );
    peer.sends(&[0xff; 2_049]);
    bridge.until(&count("unreadable"), 1.0);
    // Nobody was asked; and a foreign challenge.
    peer.says(&info("abcdefghijk"));
    bridge.until(&count("unasked"), 1.0);
    peer.says("heartbeat QuakeArena-1\n");
    peer.hears();
    peer.says(&info("abcdefghijk"));
    bridge.until(&count("unasked"), 2.0);
    peer.says("heartbeat Unheard-1\n");
    bridge.until(&refused("game"), 1.0);
    peer.says("heartbeat QuakeArena-1\n");
    bridge.until(&refused("rate"), 1.0);
    for _ in 0..3 {
        peer.says("getservers 71 empty full");
    }
    bridge.until(&count("rate"), 2.0);
    peer.says("getservers Nexuiz 3 empty full");
    bridge.until(&count("game"), 1.0);
    bridge.until_all(&[
        (r#"servers{protocol="quake3",family="ipv4"}"#, 0.0),
        (r#"lists_total{protocol="quake3"}"#, 1.0),
        (r#"open_questions{protocol="quake3"}"#, 1.0),
    ]);
    // It does not answer in time: 2 s at least, and the counter says so without another datagram.
    bridge.until_all(&[
        (
            r#"questions_total{protocol="quake3",outcome="unanswered"}"#,
            1.0,
        ),
        (r#"open_questions{protocol="quake3"}"#, 0.0),
    ]);
}

/// Heartbeats from 100,000 addresses, each of another host: what a master remembers of them is
/// bounded, and none of them is lost to the counters.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_from_a_hundred_thousand_addresses_is_counted_and_takes_little_memory() {
    const FLOOD: u32 = 100_000;
    /// So many at once, which the system can hold.
    const AT_ONCE: u32 = 200;
    /// Far more than 4,096 questions need, and far less than 100,000 would.
    const MOST_BYTES: f64 = 24.0 * 1024.0 * 1024.0;
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let accepted = r#"datagrams_total{protocol="quake3",outcome="accepted"}"#;
    let flood = |from: u32, count: u32| {
        for number in from..from + count {
            let peer = Peer::at(number, bridge.quake3);
            peer.says("heartbeat DarkPlaces\n");
            if (number + 1) % AT_ONCE == 0 {
                bridge.until(accepted, f64::from(number + 1));
            }
        }
    };
    // Whatever grows with the first ones stays.
    flood(0, 10_000);
    let before = bridge.total("process_resident_memory_bytes");
    flood(10_000, FLOOD - 10_000);
    let grown = bridge.total("process_resident_memory_bytes") - before;
    assert!(grown < MOST_BYTES, "it has grown by {grown} bytes");
    bridge.until_all(&[
        (
            r#"registrations_total{protocol="quake3",outcome="unproved"}"#,
            f64::from(FLOOD),
        ),
        (r#"servers{protocol="quake3",family="ipv4"}"#, 0.0),
    ]);
    let open = bridge.value(r#"open_questions{protocol="quake3"}"#);
    assert!(open <= 4_096.0, "{open}");
    // A real server is listed meanwhile, and everything else ends.
    let server = Peer::of(bridge.quake3);
    server.says("heartbeat QuakeArena-1\n");
    server.answers();
    bridge.until(r#"servers{protocol="quake3",family="ipv4"}"#, 1.0);
    bridge.until(r#"open_questions{protocol="quake3"}"#, 0.0);
}

#[test]
fn servers_beyond_what_an_address_may_have_are_counted() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &["--quake3-per-address", "2"]);
    let peers: Vec<Peer> = (0..5).map(|_| Peer::of(bridge.quake3)).collect();
    for peer in &peers {
        peer.says("heartbeat DarkPlaces\n");
    }
    bridge.until(
        r#"registrations_total{protocol="quake3",outcome="full"}"#,
        3.0,
    );
    bridge.until(
        r#"registrations_total{protocol="quake3",outcome="unproved"}"#,
        2.0,
    );
}

#[test]
fn a_server_of_ddnet_is_counted_with_its_requests_and_lists() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let count = |outcome| format!(r#"registrations_total{{protocol="ddnet",outcome="{outcome}"}}"#);
    let mut tee = Tee::new();
    assert!(tee.asks(bridge.lists, "").contains("need_challenge"));
    tee.is_challenged();
    for _ in 0..2 {
        assert!(tee.asks(bridge.lists, "").contains("success"));
    }
    bridge.until_all(&[
        (&count("unproved"), 1.0),
        (&count("listed"), 1.0),
        (&count("kept"), 1.0),
        (r#"questions_total{protocol="ddnet",outcome="asked"}"#, 1.0),
        (r#"servers{protocol="ddnet",family="ipv4"}"#, 1.0),
    ]);
    let list = http(bridge.lists, "GET /ddnet/15/servers.json", "", "");
    let (_, body) = list.split_once("\r\n\r\n").expect("a body");
    bridge.until_all(&[
        (r#"lists_total{protocol="ddnet"}"#, 1.0),
        (r#"list_bytes_total{protocol="ddnet"}"#, body.len() as f64),
        (r#"requests_total{protocol="ddnet",status="200"}"#, 4.0),
    ]);
    http(bridge.lists, "POST /ddnet/15/register", "", "");
    http(bridge.lists, "PUT /ddnet/15/register", "", "");
    tee.asks(bridge.lists, "Content-Encoding: gzip\r\n");
    bridge.until_all(&[
        (&count("malformed"), 1.0),
        (&count("method"), 1.0),
        (&count("body"), 1.0),
        (r#"requests_total{protocol="ddnet",status="400"}"#, 1.0),
        (r#"requests_total{protocol="ddnet",status="405"}"#, 1.0),
        (r#"requests_total{protocol="ddnet",status="415"}"#, 1.0),
    ]);
    tee.asks(bridge.lists, "Action: delete\r\n");
    tee.asks(bridge.lists, "Action: delete\r\n");
    bridge.until_all(&[
        (&count("unlisted"), 1.0),
        (&count("not_listed"), 1.0),
        (r#"servers{protocol="ddnet",family="ipv4"}"#, 0.0),
    ]);
    bridge.until_some(r#"saves_total{protocol="ddnet",outcome="ok"}"#);
}

#[test]
fn a_server_of_luanti_that_does_not_answer_is_counted() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let count =
        |outcome| format!(r#"registrations_total{{protocol="luanti",outcome="{outcome}"}}"#);
    // Nobody answers at this port.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = silent.local_addr().expect("an address").port();
    let json = format!(
        r#"{{"action":"start","port":{port},"name":"x","description":"","version":"5.15.0","proto_min":37,
        "proto_max":50,"uptime":1,"game_time":1,"clients":0,"clients_max":8,"gameid":"devtest",
        "mapgen":"v7","clients_list":[]}}"#
    );
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body =
        format!("--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{json}\r\n--b--\r\n");
    let answer = http(bridge.lists, "POST /announce", form, &body);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    bridge.until_all(&[
        (&count("unproved"), 1.0),
        (r#"requests_total{protocol="luanti",status="202"}"#, 1.0),
        (r#"questions_total{protocol="luanti",outcome="asked"}"#, 1.0),
        (&count("unanswered"), 1.0),
        (
            r#"questions_total{protocol="luanti",outcome="unanswered"}"#,
            1.0,
        ),
        (r#"open_questions{protocol="luanti"}"#, 0.0),
        (r#"servers{protocol="luanti",family="ipv4"}"#, 0.0),
    ]);
    http(bridge.lists, "POST /announce", form, "nonsense");
    http(bridge.lists, "GET /list", "", "");
    bridge.until_all(&[
        (&count("malformed"), 1.0),
        (r#"lists_total{protocol="luanti"}"#, 1.0),
    ]);
}

#[test]
fn bans_are_counted_and_do_not_keep_the_operator_out() {
    let state = folder();
    let bans = state.path().join("bans.txt");
    fs::write(&bans, "127.0.0.1\n").expect("a file");
    let bridge = Bridge::start(state.path(), &["--ban-file", bans.to_str().expect("text")]);
    bridge.until("bans", 1.0);
    let peer = Peer::of(bridge.quake3);
    peer.says("heartbeat QuakeArena-1\n");
    assert!(http(bridge.lists, "GET /list", "", "").starts_with("HTTP/1.1 403 "));
    drop(launcher(bridge.vcmi));
    bridge.until_all(&[
        (
            r#"datagrams_total{protocol="quake3",outcome="banned"}"#,
            1.0,
        ),
        (r#"banned_total{protocol="quake3"}"#, 1.0),
        (r#"banned_total{protocol="luanti"}"#, 1.0),
        (r#"banned_total{protocol="vcmi"}"#, 1.0),
        (r#"requests_total{protocol="luanti",status="403"}"#, 1.0),
    ]);
}

#[test]
fn players_and_places_are_counted() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &["--vcmi-half-open", "1"]);
    let ann = launcher(bridge.vcmi);
    bridge.until_all(&[
        (r#"connections{protocol="vcmi"}"#, 1.0),
        (r#"players{protocol="vcmi"}"#, 1.0),
        (r#"players{protocol="aleph_one"}"#, 0.0),
    ]);
    drop(ann);
    bridge.until_all(&[
        (r#"connections{protocol="vcmi"}"#, 0.0),
        (r#"players{protocol="vcmi"}"#, 0.0),
    ]);
    // The first one says nothing, and the place for those is taken.
    let _first = TcpStream::connect(bridge.vcmi).expect("it listens");
    let mut second = TcpStream::connect(bridge.vcmi).expect("it listens");
    assert_eq!(second.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    bridge.until(
        r#"connections_refused_total{setting="vcmi-half-open",outcome="refused"}"#,
        1.0,
    );
}

#[test]
fn a_state_that_cannot_be_kept_is_counted() {
    let state = folder();
    // A file in the place of the folder: root may write into any folder.
    let file = state.path().join("file");
    fs::write(&file, "").expect("a file");
    let database = format!("sqlite:{}", state.path().join("accounts").display());
    let bridge = Bridge::start(&file, &["--database", &database]);
    let mut tee = Tee::new();
    tee.asks(bridge.lists, "");
    tee.is_challenged();
    tee.asks(bridge.lists, "");
    bridge.until(r#"saves_total{protocol="ddnet",outcome="failed"}"#, 1.0);
    assert_eq!(
        bridge.value(r#"saved_timestamp_seconds{protocol="ddnet"}"#),
        0.0
    );
}

/// A peer cannot put a word of its own into the metrics.
#[test]
fn no_text_of_a_peer_is_a_label() {
    let state = folder();
    let bridge = Bridge::start(state.path(), &[]);
    let server = Peer::of(bridge.quake3);
    server.says("heartbeat Evil-1\n");
    server.says("heartbeat DarkPlaces\n");
    let question = String::from_utf8_lossy(&server.hears()).into_owned();
    let challenge = question.rsplit_once(' ').expect("a challenge").1;
    server.says(&format!(
        "infoResponse\n\\gamename\\Evil\\protocol\\3\\clients\\1\\sv_maxclients\\8\\hostname\\Evil\
         \\challenge\\{challenge}"
    ));
    http(bridge.lists, "GET /ddnet/Evil", "Evil: Evil\r\n", "");
    http(bridge.lists, "EVIL /announce", "", "Evil");
    bridge.until(r#"servers{protocol="quake3",family="ipv4"}"#, 1.0);
    bridge.until(r#"requests_total{protocol="luanti",status="405"}"#, 1.0);
    let text = bridge.get("/metrics").to_lowercase();
    assert!(
        !text.contains("evil") && !text.contains("127.0.0.1"),
        "{text}"
    );
}
