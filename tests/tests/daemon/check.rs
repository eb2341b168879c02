//! `metaserve-daemon check`: finds mistakes before the daemon is stopped for a restart.

use crate::DAEMON;
use metaserve_tests::{Daemon, Ended, run};
use std::{fs, path::Path};
use tempfile::tempdir;

async fn check(state: &Path, arguments: &[&str]) -> Ended {
    let common = [
        "check",
        "--listen",
        "127.0.0.1:0",
        "--state-dir",
        state.to_str().unwrap(),
    ];
    run(DAEMON, &[&common[..], arguments].concat()).await
}

#[tokio::test]
async fn it_reports_what_the_daemon_would_do_and_changes_nothing() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("daemon.toml");
    let relay = "ab".repeat(32);
    fs::write(&file, format!("http = 'off'\ntrust-relay = ['{relay}']")).unwrap();
    let state = directory.path().join("state");
    let file = file.to_str().unwrap();
    let checked = check(&state, &["--config", file]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for line in [
        format!("configuration file: {file}"),
        "listen: 127.0.0.1:0 (UDP)".to_owned(),
        "http: off".to_owned(),
        format!(
            "state directory: {}, which will be created",
            state.display()
        ),
        "certificate: self-signed, will be created".to_owned(),
        format!("trusted relay: {relay}"),
        "the daemon would start".to_owned(),
    ] {
        assert!(
            checked.output.lines().any(|said| said == line),
            "{line}: {checked:?}"
        );
    }
    assert!(!state.exists());
}

#[tokio::test]
async fn beside_a_running_daemon_it_reports_the_used_port_and_the_certificate() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let listen = format!("[::]:{}", daemon.address.port());
    let state = daemon.state_dir().to_str().unwrap();
    let arguments = [
        "check",
        "--http",
        "off",
        "--listen",
        &listen,
        "--state-dir",
        state,
    ];
    let checked = run(DAEMON, &arguments).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.output.contains("which is in use now"),
        "{checked:?}"
    );
    assert!(
        checked.output.contains(&daemon.fingerprint.to_string()),
        "{checked:?}"
    );
}

#[tokio::test]
async fn all_mistakes_are_reported_at_once() {
    let directory = tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let make = async |days: &str, cert: &str, key: &str| {
        let names = ["cert", "--name", "localhost", "--days", days];
        let files = ["--cert", cert, "--key", key];
        assert_eq!(
            run(DAEMON, &[&names[..], &files].concat()).await.code,
            Some(0)
        );
    };
    make("1", &path("a.crt"), &path("a.key")).await;
    make("1", &path("b.crt"), &path("b.key")).await;
    fs::write(path("state"), "in the way").unwrap();
    let (cert, key) = (path("a.crt"), path("b.key"));
    let wrong = [
        "--cert",
        &cert,
        "--key",
        &key,
        "--log",
        "a=b=c",
        "--http",
        "192.0.2.1:80",
    ];
    let checked = check(Path::new(&path("state")), &wrong).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for problem in [
        "the key does not belong to the certificate in",
        "is neither a level",
        "cannot serve HTTP on 192.0.2.1:80",
        "the state directory",
        "4 problems",
    ] {
        assert!(
            checked.complaint.contains(problem),
            "{problem}: {checked:?}"
        );
    }
    assert!(!checked.output.contains("would start"), "{checked:?}");
}

#[tokio::test]
async fn a_mistake_in_a_file_is_reported_with_its_line() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("daemon.toml");
    fs::write(&file, "tick = '1s'\ntikc = '1s'").unwrap();
    let checked = check(directory.path(), &["--config", file.to_str().unwrap()]).await;
    assert_eq!(checked.code, Some(1));
    let complaint = checked.complaint;
    assert!(
        complaint.contains("daemon.toml") && complaint.contains("line 2"),
        "{complaint}"
    );
}

/// The row of a setting in the table: its value and source.
fn row(checked: &Ended, setting: &str) -> String {
    let mut lines = checked.output.lines();
    let line = lines.find(|line| line.split(' ').next() == Some(setting));
    line.unwrap().split_once(' ').unwrap().1.trim().to_owned()
}

#[tokio::test]
async fn it_shows_the_values_in_force_and_their_sources() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("daemon.toml");
    fs::write(&file, "http = 'off'\nmax-games = 7\ntick = 2").unwrap();
    let file = file.to_str().unwrap();
    let checked = check(directory.path(), &["--config", file, "--tick", "300ms"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let row = |setting| row(&checked, setting);
    assert!(row("max-games").ends_with(&format!("  {file}, line 2")));
    assert!(row("tick").starts_with("300ms  ") && row("tick").ends_with("  --tick"));
    assert!(row("max-servers").ends_with("  default"));
}

const FIVE_MISTAKES: &str = "max-listenrs = 5\nthreads = 100000\ntick = true\nmax-games = 5\n\
                             max-games = 6\ncert = 'chain.pem'";

#[tokio::test]
async fn five_mistakes_in_a_file_are_five_lines_of_check_and_of_the_start() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("daemon.toml");
    fs::write(&file, FIVE_MISTAKES).unwrap();
    let file = file.to_str().unwrap();
    let checked = check(directory.path(), &["--config", file]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let state = directory.path().to_str().unwrap();
    let started = run(DAEMON, &["--state-dir", state, "--config", file]).await;
    assert_eq!(started.code, Some(2), "{started:?}");
    for mistake in [
        "line 1: `max-listenrs` is not a setting: did you mean `max-listeners`?",
        "line 2: `threads`: 100000 is out of range: choose 64 or less, down to 1",
        "line 3: `tick`: write a duration in quotes",
        "line 5: `max-games` is given twice",
        "line 6: --cert needs --key",
    ] {
        let mistake = format!("{file}, {mistake}");
        assert!(
            checked.complaint.contains(&mistake),
            "{mistake}: {checked:?}"
        );
        assert!(
            started.complaint.contains(&mistake),
            "{mistake}: {started:?}"
        );
    }
    assert!(checked.complaint.contains("5 problems"), "{checked:?}");
    assert!(started.complaint.contains("5 mistakes"), "{started:?}");
}

#[tokio::test]
async fn a_variable_that_names_no_setting_prevents_the_start() {
    let output = tokio::process::Command::new(DAEMON)
        .env_clear()
        .env("METASERVE_MAX_GAME", "5")
        .args(["--state-dir", "/nowhere"])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let meant = "METASERVE_MAX_GAME: no such setting: did you mean METASERVE_MAX_GAMES?";
    assert!(said.contains(meant), "{said}");
}

#[tokio::test]
async fn a_cluster_is_described_and_a_url_without_protection_is_named() {
    let directory = tempdir().unwrap();
    let arguments = [
        "--cluster-hold",
        "40s",
        "--cluster-member",
        "a",
        "--cluster",
    ];
    let checked = check(
        directory.path(),
        &[&arguments[..], &["nats://0.0.0.0:1,nats://127.0.0.1:1"]].concat(),
    )
    .await;
    assert!(
        checked.output.contains("cluster: a in metaserve"),
        "{checked:?}"
    );
    assert!(
        checked.output.contains("stay for 40s, or 10m"),
        "{checked:?}"
    );
    let named = checked
        .output
        .matches("leads to another machine without TLS");
    assert_eq!(named.count(), 1, "{checked:?}");
}
