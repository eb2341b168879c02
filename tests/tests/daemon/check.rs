//! `metaserve-daemon check`: what would be wrong is known before the daemon is stopped for it.

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
async fn it_says_what_the_daemon_would_do_and_does_nothing() {
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
        format!("state directory: {}, which is to be made", state.display()),
        "certificate: its own, which is to be made".to_owned(),
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
async fn beside_a_running_daemon_it_finds_its_port_and_its_certificate() {
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
async fn all_that_is_wrong_is_named_at_once() {
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
        "HTTP cannot be served on 192.0.2.1:80",
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
async fn a_file_that_cannot_be_understood_is_named_with_the_line() {
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
