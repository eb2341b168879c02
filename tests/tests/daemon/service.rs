//! Notifications to the service manager: when the daemon serves, that it is alive, and that it
//! ends.

use crate::DAEMON;
use metaserve::Role;
use metaserve_tests::{Daemon, Manager, patiently};
use std::{
    os::{
        fd::{AsRawFd, OwnedFd},
        linux::fs::MetadataExt,
        unix::net::UnixStream,
    },
    process::Stdio,
};
use tempfile::{TempDir, tempdir};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// Starts a daemon with a watchdog interval of one second.
async fn start(manager: &Manager) -> Daemon {
    Daemon::start_with(DAEMON, &manager.environment(), &[]).await
}

#[tokio::test]
async fn it_is_ready_when_it_answers_and_sends_its_status() {
    let manager = Manager::new();
    let daemon = start(&manager).await;
    let told = manager.told_otherwise().await;
    assert_eq!(told[0], "READY=1");
    let status = format!("{}", daemon.fingerprint);
    assert!(
        told[1].starts_with("STATUS=serving on") && told[1].ends_with(&status),
        "{told:?}"
    );
    daemon.connect(Role::Client, None).await;
}

#[tokio::test]
async fn a_daemon_that_cannot_start_is_never_ready() {
    let manager = Manager::new();
    let taken = std::net::UdpSocket::bind("[::]:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let state = tempdir().unwrap();
    let environment = [("NOTIFY_SOCKET", manager.path())];
    failing_start_with(&environment, &listen, &state).await;
    assert!(manager.heard_nothing());
}

async fn failing_start_with(environment: &[(&str, &str)], listen: &str, state: &TempDir) {
    let output = Command::new(DAEMON)
        .env_clear()
        .envs(environment.iter().copied())
        .args(["--http", "off", "--listen", listen, "--state-dir"])
        .arg(state.path())
        .kill_on_drop(true)
        .output();
    let output = patiently("its refusal", output).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn it_keeps_signalling_that_it_is_alive() {
    let manager = Manager::new();
    let _daemon = start(&manager).await;
    let mut signs = 0;
    while signs < 3 {
        signs += usize::from(manager.told().await == ["WATCHDOG=1"]);
    }
}

#[tokio::test]
async fn reloading_and_stopping_are_notified() {
    let manager = Manager::new();
    let mut daemon = start(&manager).await;
    assert_eq!(manager.told_otherwise().await[0], "READY=1");
    daemon.signal("HUP").await;
    let reloading = manager.told_otherwise().await;
    assert_eq!(reloading[0], "RELOADING=1");
    assert!(reloading[1].starts_with("MONOTONIC_USEC="), "{reloading:?}");
    assert_eq!(manager.told_otherwise().await[0], "READY=1");
    daemon.signal("TERM").await;
    assert_eq!(manager.told_otherwise().await, ["STOPPING=1"]);
    assert_eq!(daemon.ended().await, Some(0));
}

#[tokio::test]
async fn lines_for_the_journal_begin_with_their_priority() {
    let (journal, error) = UnixStream::pair().unwrap();
    let error = OwnedFd::from(error);
    let found = std::fs::metadata(format!("/proc/self/fd/{}", error.as_raw_fd())).unwrap();
    let stream = format!("{}:{}", found.st_dev(), found.st_ino());
    let state = tempdir().unwrap();
    let _process = Command::new(DAEMON)
        .env_clear()
        .env("JOURNAL_STREAM", stream)
        .args(["--http", "off", "--listen", "127.0.0.1:0", "--state-dir"])
        .arg(state.path())
        .stdout(Stdio::null())
        .stderr(error)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    journal.set_nonblocking(true).unwrap();
    let journal = tokio::net::UnixStream::from_std(journal).unwrap();
    let mut lines = BufReader::new(journal).lines();
    let line = patiently("a line", lines.next_line())
        .await
        .unwrap()
        .unwrap();
    assert!(
        line.starts_with("<6>listening address=127.0.0.1:"),
        "{line}"
    );
}
