//! Settings change while the daemon runs, and a mistake in them changes nothing.

use crate::DAEMON;
use metaserve::{CloseCode, Connector, Identity, Role};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, constant, http::get, patiently, raw_peer};
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;
use tokio::sync::mpsc;

struct Configured {
    daemon: Daemon,
    http: SocketAddr,
    directory: TempDir,
}

impl Configured {
    async fn start(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("daemon.toml");
        std::fs::write(&file, settings).unwrap();
        let flags = ["--http", "127.0.0.1:0", "--config", file.to_str().unwrap()];
        let mut daemon = Daemon::start(DAEMON, &flags).await;
        let http = daemon.http().await;
        Self {
            daemon,
            http,
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("daemon.toml")
    }

    async fn reload(&mut self, settings: &str, logged: &str) -> String {
        std::fs::write(self.file(), settings).unwrap();
        self.daemon.signal("HUP").await;
        self.daemon.logged(logged).await
    }

    /// The value of a limit in the daemon's metrics.
    async fn limit(&self, name: &str) -> f64 {
        let answer = get(self.http, "/metrics", &[]).await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let series = format!("metaserve_limit{{limit=\"{name}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }

    /// What a newcomer is told whose heartbeat is too long: the notice has the limit.
    async fn welcomes_with(&self) -> String {
        let connection = self.daemon.connect(Role::Heartbeat, None).await;
        let (hear, mut notices) = mpsc::unbounded_channel();
        let publisher = Publisher::new(connection).on_notice(move |notice| drop(hear.send(notice)));
        tokio::select! {
            end = publisher.run(constant(vec![b'x'; 2000])) => panic!("it ended: {end:?}"),
            notice = patiently("a notice", notices.recv()) => notice.unwrap().text,
        }
    }
}

#[tokio::test]
async fn limits_change_for_newcomers_and_settings_that_need_a_restart_are_named() {
    let mut it = Configured::start("max-heartbeat = 1000\nmax-games = 5").await;
    assert!(it.welcomes_with().await.contains("accepts 1000"));
    let settings = "max-heartbeat = 1500\nmax-games = 5\nthreads = 2\ntick = '2s'\nlog = 'info'";
    let line = it.reload(settings, "configuration was reloaded").await;
    assert!(line.ends_with("--max-heartbeat changed"), "{line}");
    let line = it.daemon.logged("needs a restart").await;
    assert!(line.ends_with("--tick, --threads"), "{line}");
    assert_eq!(it.limit("max_heartbeat").await, 1500.0);
    assert!(it.welcomes_with().await.contains("accepts 1500"));
}

#[tokio::test]
async fn a_mistake_is_reported_by_file_and_line_and_changes_nothing() {
    let mut it = Configured::start("max-heartbeat = 1000").await;
    let table = [
        ("max-heartbeat = 2000\nmax-hartbeat = 1", "line 2"),
        ("max-heartbeat = 2000\n\nmax-games = 'all'", "line 3"),
        (
            "max-heartbeat = 2000\nidle-timeout = '1s'",
            "choose 6s or more",
        ),
        ("max-heartbeat = 2000\nlog = 'a=b=c'", "a=b=c"),
    ];
    for (settings, expected) in table {
        let line = it
            .reload(settings, "keeping the running configuration")
            .await;
        let whole = match line.contains(expected) {
            true => line,
            false => it.daemon.logged(expected).await,
        };
        assert!(whole.contains(expected), "{whole}");
        assert_eq!(it.limit("max_heartbeat").await, 1000.0, "{settings}");
    }
    std::fs::remove_file(it.file()).unwrap();
    it.daemon.signal("HUP").await;
    let line = it.daemon.logged("keeping the running configuration").await;
    assert!(line.contains("daemon.toml"), "{line}");
}

#[tokio::test]
async fn a_reload_can_trust_a_relay_and_stop_trusting_it() {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let mut it = Configured::start("").await;
    let stranger = it.daemon.connect(Role::Relay, Some(&relay)).await;
    let close = raw_peer(&stranger, b"").await;
    assert_eq!(close.code, CloseCode::UnauthorisedRelay);
    let trusting = format!("trust-relay = ['{}']", relay.fingerprint());
    it.reload(&trusting, "--trust-relay changed").await;
    let trusted = it.daemon.connect(Role::Relay, Some(&relay)).await;
    it.daemon.logged("a trusted relay has connected").await;
    it.reload("", "--trust-relay changed").await;
    let close = raw_peer(&trusted, b"").await;
    assert_eq!(close.code, CloseCode::UnauthorisedRelay);
}

#[tokio::test]
async fn a_reload_can_change_the_log_filter() {
    let mut it = Configured::start("").await;
    it.reload("log = 'debug'", "configuration was reloaded")
        .await;
    let connector: Connector = it.daemon.connector(Role::Client, None);
    let _client = connector.connect().await.unwrap();
    it.daemon.logged("DEBUG").await;
}

#[tokio::test]
async fn an_unknown_target_in_the_log_filter_is_reported() {
    let mut it = Configured::start("log = 'info,metaserve_deamon=debug'").await;
    let line = it.daemon.logged("unknown target metaserve_deamon").await;
    assert!(line.contains("did you mean `metaserve_daemon`?"), "{line}");
    it.reload("log = 'info,quinm=debug'", "unknown target quinm")
        .await;
}

#[tokio::test]
async fn the_page_gets_the_join_links_and_a_reload_changes_them() {
    let mut it = Configured::start("join-link = ['oa=quake3://{address}']").await;
    let links = async |http| get(http, "/page.json", &[]).await.json()["join_links"].clone();
    assert_eq!(links(it.http).await["oa"], "quake3://{address}");
    let settings = "join-link = ['tf=steam://connect/{address}']";
    let line = it.reload(settings, "configuration was reloaded").await;
    assert!(line.ends_with("--join-link changed"), "{line}");
    let changed = links(it.http).await;
    assert_eq!(
        changed,
        serde_json::json!({"tf": "steam://connect/{address}"})
    );
    let mistake = "join-link = ['tf=javascript:alert({address})']";
    it.reload(mistake, "choose the scheme that the game registers")
        .await;
    assert_eq!(links(it.http).await, changed);
}
