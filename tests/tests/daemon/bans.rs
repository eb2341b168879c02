//! Banned peers are refused with the reason, and bans can change while the daemon runs.

use crate::{DAEMON, FAST};
use futures::StreamExt;
use metaserve::{
    Close, CloseCode, ConnectError, Connector, Identity, Role,
    protocol::{
        codec,
        heartbeat::FromDaemon,
        relay::{FromRelay, Upsert},
    },
    stream::{self, FrameReader},
};
use metaserve_tests::{
    Daemon, Follower, closed, constant, failing_start,
    http::{Listener, get},
    patiently, run,
};
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;

/// A daemon with a ban file. The test connects over IPv4 and IPv6, so that one of the two can be
/// banned.
struct Guarded {
    daemon: Daemon,
    directory: TempDir,
}

impl Guarded {
    async fn start(bans: &str, further: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bans.txt");
        std::fs::write(&file, bans).unwrap();
        let flag = ["--ban-file", file.to_str().unwrap()];
        let daemon = Daemon::start(DAEMON, &[&FAST[..], &flag, further].concat()).await;
        Self { daemon, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("bans.txt")
    }

    fn write(&self, bans: &str) {
        // Replaced atomically, as the commands do: the file is being watched, and half of it may
        // be valid.
        let new = self.file().with_extension("new");
        std::fs::write(&new, bans).unwrap();
        std::fs::rename(&new, self.file()).unwrap();
    }

    fn connector(&self) -> Connector {
        self.daemon.connector(Role::Client, None)
    }
}

/// The error with which a peer is refused, during or after its handshake.
async fn turned_away(connector: &Connector) -> quinn::ConnectionError {
    match patiently("an answer", connector.connect()).await {
        Ok(connection) => patiently("the daemon's answer", connection.closed()).await,
        Err(ConnectError::Connect { problem, .. }) => problem,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_banned_peer_is_refused_with_the_reason_and_others_are_admitted() {
    let guarded = Guarded::start("127.0.0.0/8 # loopback\n", &[]).await;
    let error = turned_away(&guarded.connector()).await;
    let close = Close::from_peer(&error).unwrap_or_else(|| panic!("{error}"));
    assert_eq!(close.code, CloseCode::Banned);
    assert!(close.reason.contains("banned 127.0.0.0/8"), "{close}");
    guarded.daemon.connect_v6(Role::Client, None).await;
}

#[tokio::test]
async fn a_connected_peer_is_closed_by_a_new_ban_and_returns_when_it_is_lifted() {
    let mut guarded = Guarded::start("# nobody yet\n", &[]).await;
    let connection = guarded.daemon.connect(Role::Heartbeat, None).await;
    let server = tokio::spawn(metaserve_heartbeat::run(
        connection,
        constant("banned soon"),
    ));
    let connection = guarded.daemon.connect_v6(Role::Client, None).await;
    let mut client = Follower::of(metaserve_client::Subscriber::new(connection).run()).await;
    client.until_words(&["banned soon"]).await;

    // The daemon notices the change of the file.
    guarded.write("127.0.0.1\n");
    client.until_words(&[]).await;
    let end = server.await.unwrap().unwrap_err().to_string();
    assert!(end.contains("banned 127.0.0.1/32, which"), "{end}");

    guarded.write("");
    guarded.daemon.logged("bans were reloaded: 0").await;
    let connection = guarded.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("back")));
    client.until_words(&["back"]).await;
}

#[tokio::test]
async fn a_peer_cannot_move_to_a_banned_address() {
    let guarded = Guarded::start("127.0.0.2\n", &[]).await;
    let connector = guarded.daemon.connector(Role::Heartbeat, None);
    let connection = connector.connect().await.unwrap();
    tokio::spawn(metaserve_heartbeat::run(
        connection.clone(),
        constant("moves"),
    ));
    let mut client = Follower::new(&guarded.daemon, None).await;
    client.until_words(&["moves"]).await;
    let socket = std::net::UdpSocket::bind("[::ffff:127.0.0.2]:0").unwrap();
    connector.endpoint().rebind(socket).unwrap();
    assert_eq!(closed(&connection).await.code, CloseCode::Banned);
    client.until_words(&[]).await;
}

#[tokio::test]
async fn a_bad_line_is_named_and_the_old_bans_stay() {
    let mut guarded = Guarded::start("127.0.0.1\n", &[]).await;
    guarded.write("# all of them\nexample.org\n");
    guarded.daemon.signal("HUP").await;
    let line = guarded.daemon.logged("keeping the old bans").await;
    assert!(line.contains("bans.txt, line 2: `example.org`"), "{line}");
    let error = turned_away(&guarded.connector()).await;
    assert_eq!(Close::from_peer(&error).unwrap().code, CloseCode::Banned);
    std::fs::remove_file(guarded.file()).unwrap();
    guarded.daemon.signal("HUP").await;
    guarded.daemon.logged("it must exist").await;
    let error = turned_away(&guarded.connector()).await;
    assert_eq!(Close::from_peer(&error).unwrap().code, CloseCode::Banned);
}

#[tokio::test]
async fn a_bad_file_is_reported_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bans.txt");
    let flag = ["--ban-file", file.to_str().unwrap()];
    let start = async || failing_start(DAEMON, "[::1]:0", directory.path(), &flag).await;
    let complaint = start().await;
    assert!(complaint.contains("bans.txt: it must exist"), "{complaint}");
    std::fs::write(&file, "192.0.2.1\n192.0.2.0/33").unwrap();
    let complaint = start().await;
    assert!(complaint.contains("bans.txt, line 2: "), "{complaint}");
}

#[tokio::test]
async fn a_crowd_of_banned_peers_costs_no_handshakes() {
    let guarded = Guarded::start("127.0.0.1\n", &[]).await;
    let connector = guarded.connector();
    let crowd = (0..300).map(|_| turned_away(&connector));
    let answers = futures::future::join_all(crowd).await;
    let told = answers.iter().filter_map(Close::from_peer);
    assert!(told.clone().all(|close| close.code == CloseCode::Banned));
    let refused = answers.iter().filter(|answer| match answer {
        quinn::ConnectionError::ConnectionClosed(close) => {
            close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED
        }
        _ => false,
    });
    let (told, refused) = (told.count(), refused.count());
    assert!(told >= 1 && refused >= 1, "{told} told, {refused} refused");
}

#[tokio::test]
async fn a_relay_lists_no_banned_server() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let trust = ["--trust-relay", &relay.fingerprint().to_string()];
    let guarded = Guarded::start("192.0.2.1\n", &trust).await;
    let connection = guarded.daemon.connect(Role::Relay, Some(&relay)).await;
    let mut out = connection.open_uni().await.unwrap();
    let answers = patiently("answers", connection.accept_uni()).await;
    let mut answers = FrameReader::new(answers.unwrap());
    patiently("a welcome", answers.next(1000)).await.unwrap();
    let mut notice = async || {
        let answer = patiently("a notice", answers.next(1000)).await.unwrap();
        match codec::decode(&answer.unwrap()).unwrap() {
            FromDaemon::Notice(notice) => notice.text.to_owned(),
            other => panic!("{other:?}"),
        }
    };
    for key in 1..=3_u8 {
        let address = SocketAddr::from(([192, 0, 2, key], 7777));
        let upsert = FromRelay::Upsert(Upsert {
            key: key.into(),
            game: "old",
            address,
            heartbeat: &[b'0' + key],
        });
        stream::write(&mut out, upsert).await.unwrap();
    }
    let refused = notice().await;
    assert!(refused.contains("server 1") && refused.contains("banned 192.0.2.1/32"));
    let mut client = Follower::new(&guarded.daemon, None).await;
    client.until_words(&["2", "3"]).await;

    guarded.write("192.0.2.2\n");
    guarded.daemon.signal("HUP").await;
    client.until_words(&["3"]).await;
    assert!(notice().await.contains("server 2"));
}

#[tokio::test]
async fn http_is_closed_to_banned_addresses_as_well() {
    let mut guarded = Guarded::start("", &["--http", "127.0.0.1:0"]).await;
    let address = guarded.daemon.http().await;
    let mut listener = Listener::new(address, "/api/v1/events", &[]).await.unwrap();
    listener.next().await.unwrap();
    guarded.write("127.0.0.1\n");
    guarded.daemon.signal("HUP").await;
    assert!(listener.next().await.is_none());
    let refused = get(address, "/", &[]).await;
    assert_eq!(refused.status, 403);
    let reason = refused.json()["error"].to_string();
    assert!(reason.contains("banned 127.0.0.1/32"), "{reason}");
}

#[tokio::test]
async fn the_commands_ban_and_unban_while_the_daemon_runs() {
    let guarded = Guarded::start("# ours\n10.0.0.0/8 # a remark\n", &[]).await;
    let file = guarded.file();
    let config = guarded.directory.path().join("daemon.toml");
    std::fs::write(&config, format!("ban-file = '{}'", file.display())).unwrap();
    let by_file = ["--ban-file", file.to_str().unwrap()];
    let by_config = ["--config", config.to_str().unwrap()];
    let connection = guarded.daemon.connect(Role::Client, None).await;

    let words = ["ban", "127.0.0.1", "10.1.2.3", "--reason", "a\ntest"];
    let banned = run(DAEMON, &[&words[..], &by_config].concat()).await;
    assert_eq!(banned.code, Some(0), "{banned:?}");
    let said = "127.0.0.1/32 is banned\n10.1.2.3/32 was banned already, with 10.0.0.0/8\n";
    assert_eq!(banned.output, said);
    assert_eq!(closed(&connection).await.code, CloseCode::Banned);
    let text = std::fs::read_to_string(&file).unwrap();
    let (line, rest) = text.rsplit_once(" # ").unwrap();
    assert_eq!(line, "# ours\n10.0.0.0/8 # a remark\n127.0.0.1");
    assert!(rest.ends_with("Z a test\n"), "{rest}");

    let words = ["unban", "127.0.0.1", "10.1.2.3"];
    let unbanned = run(DAEMON, &[&words[..], &by_file].concat()).await;
    assert_eq!(unbanned.code, Some(1), "{unbanned:?}");
    assert!(
        unbanned
            .output
            .contains("10.1.2.3/32 is still banned, with 10.0.0.0/8")
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, "# ours\n10.0.0.0/8 # a remark\n");
}

#[tokio::test]
async fn a_temporary_ban_says_until_when_and_ends_by_itself() {
    let mut guarded = Guarded::start("", &[]).await;
    let file = guarded.file();
    let by_file = ["--ban-file", file.to_str().unwrap()];
    let words = ["ban", "127.0.0.1", "--for", "2d", "--reason", "spam"];
    let banned = run(DAEMON, &[&words[..], &by_file].concat()).await;
    let (_, until) = banned.output.trim().rsplit_once(" until ").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with(&format!("127.0.0.1 until {until} # ")),
        "{text}"
    );
    guarded.daemon.logged("bans were reloaded: 1").await;
    let close = Close::from_peer(&turned_away(&guarded.connector()).await).unwrap();
    let told = format!("banned 127.0.0.1/32 until {until}, which");
    assert!(close.reason.contains(&told), "{close}");

    let list = run(DAEMON, &[&["ban", "list"][..], &by_file].concat()).await;
    let lines: Vec<_> = list.output.lines().collect();
    assert!(lines[0].starts_with("PREFIX "), "{list:?}");
    assert!(
        lines[1].contains(until)
            && (lines[1].contains("  2days  ") || lines[1].contains("  1day 23h  ")),
        "{list:?}"
    );
    assert!(lines[1].ends_with("Z spam"), "{list:?}");

    // From here on the file does not change: only time passes.
    #[expect(clippy::disallowed_methods, reason = "the daemon uses the same clock")]
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(3);
    let soon = humantime::format_rfc3339_seconds(soon);
    guarded.write(&format!("127.0.0.1 until {soon}\n127.0.0.2\n"));
    guarded.daemon.logged("bans were reloaded").await;
    let let_in = async {
        loop {
            let Ok(connection) = guarded.connector().connect().await else {
                continue;
            };
            let mut follower = metaserve_client::Subscriber::new(connection).run();
            if let Some(Ok(_)) = follower.next().await {
                break;
            }
        }
    };
    patiently("the end of the ban", let_in).await;
}

#[tokio::test]
async fn an_expired_line_bans_nobody_and_is_removed_on_request() {
    let over = "127.0.0.0/8 until 2026-01-01T00:00:00Z # long ago\n";
    let guarded = Guarded::start(&format!("# ours\n{over}192.0.2.1\n"), &[]).await;
    guarded.daemon.connect(Role::Client, None).await;
    let file = guarded.file();
    let by_file = ["--ban-file", file.to_str().unwrap()];
    let list = run(DAEMON, &[&["ban", "list"][..], &by_file].concat()).await;
    assert!(list.output.contains("ended"), "{list:?}");
    let cleared = run(DAEMON, &[&["unban", "--expired"][..], &by_file].concat()).await;
    assert_eq!(cleared.output, "removed 1 line whose time was over\n");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, "# ours\n192.0.2.1\n");
}

#[tokio::test]
async fn a_command_that_cannot_ban_says_what_is_missing() {
    for (arguments, expected) in [
        (&["ban", "192.0.2.7"][..], "--ban-file"),
        (
            &["ban", "example.org", "--ban-file", "b"],
            "neither an address nor a prefix",
        ),
        (
            &["ban", "192.0.2.7", "--for", "soon"],
            "write a time like 30m, 2h or 7d",
        ),
        (&["ban", "192.0.2.7", "--for", "0s"], "at least 1s"),
        (&["ban", "192.0.2.7", "--for", "900y"], "omit the time"),
        (&["ban", "list"], "--ban-file"),
        (&["ban", "list", "--ban-file", "/nowhere/b"], "/nowhere/b"),
        (&["unban", "--ban-file", "b"], "CIDR"),
        (&["ban", "--ban-file", "b"], "CIDR"),
        (
            &["unban", "192.0.2.7", "--ban-file", "/nowhere/b"],
            "/nowhere/b",
        ),
        (
            &["ban", "192.0.2.7", "--config", "/nowhere/c"],
            "/nowhere/c",
        ),
    ] {
        let refused = run(DAEMON, arguments).await;
        assert_ne!(refused.code, Some(0), "{arguments:?}");
        assert!(
            refused.complaint.contains(expected),
            "{expected}: {refused:?}"
        );
    }
}
