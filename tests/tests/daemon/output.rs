//! A program does not need a reader for its output and log, and a full disk does not end a
//! service.

use crate::{DAEMON, FAST};
use metaserve::{Connector, Fingerprint, Role, Trust};
use metaserve_tests::{Daemon, Manager, patiently};
use std::{
    fs::{self, File},
    io::{PipeReader, Read, pipe},
    net::SocketAddr,
    process::Stdio,
};
use tempfile::tempdir;
use tokio::process::{Child, Command};

/// A full disk.
fn full() -> Stdio {
    File::create("/dev/full").unwrap().into()
}

/// A pipe whose reader has closed it.
fn closed() -> Stdio {
    pipe().unwrap().1.into()
}

/// Runs the daemon's binary to its end. Returns its exit code and its error output.
async fn run(arguments: &[&str], output: Stdio) -> (Option<i32>, String) {
    let ended = Command::new(DAEMON)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
        .wait_with_output();
    let ended = patiently("its end", ended).await.unwrap();
    let complaint = String::from_utf8(ended.stderr).unwrap();
    (ended.status.code(), complaint)
}

/// Starts a daemon with a service manager, and waits until it serves.
async fn serve(output: Stdio, log: Stdio, arguments: &[&str]) -> (Child, Manager, Connector) {
    let manager = Manager::new();
    let state = tempdir().unwrap();
    let process = Command::new(DAEMON)
        .env_clear()
        .env("NOTIFY_SOCKET", manager.path())
        .args(["--listen", "127.0.0.1:0", "--http", "off", "--state-dir"])
        .arg(state.path())
        .args(arguments)
        .stdout(output)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let told = manager.told().await;
    let status = told[1].strip_prefix("STATUS=serving on ").unwrap();
    let (address, rest) = status.split_once(" (UDP), certificate ").unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let fingerprint: Fingerprint = rest.parse().unwrap();
    let trust = Trust::Fingerprint(fingerprint);
    let connector = Connector::new(Role::Client, &address.to_string(), &trust, None).unwrap();
    (process, manager, connector)
}

async fn ends_in_order(mut process: Child) {
    let id = process.id().unwrap().to_string();
    let kill = Command::new("kill").arg(id).status().await.unwrap();
    assert!(kill.success());
    let ended = patiently("its end", process.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// The daemon did not start, or died at the first line, when its output could not be written.
#[tokio::test]
async fn a_daemon_serves_although_its_output_and_log_cannot_be_written_or_read() {
    for (output, log) in [(full(), full()), (closed(), closed())] {
        let (process, _manager, connector) = serve(output, log, &[]).await;
        connector.connect().await.unwrap();
        ends_in_order(process).await;
    }
}

/// Players lost the list because somebody had pressed Ctrl-S.
#[tokio::test]
async fn a_stuck_reader_of_the_log_costs_lines_and_nothing_else() {
    let (mut reader, log) = pipe().unwrap();
    let noisy = ["--log", "trace"];
    let (process, _manager, connector) = serve(Stdio::null(), log.into(), &noisy).await;
    // More than pipe and queue can hold: about 25 KB of lines for each connection.
    for _ in 0..200 {
        let connection = connector.connect().await.unwrap();
        connection.close(0_u32.into(), b"");
    }
    let reading = std::thread::spawn(move || read_until(&mut reader, "lines of the log were lost"));
    connector.connect().await.unwrap();
    let told = tokio::task::spawn_blocking(|| reading.join().unwrap());
    let told = patiently("the loss to be told", told).await.unwrap();
    assert!(told.contains("it was not read fast enough"), "{told}");
    ends_in_order(process).await;
}

/// The line with this text. The rest is read until the end and discarded.
fn read_until(log: &mut PipeReader, text: &str) -> String {
    let mut read = String::new();
    let mut piece = [0; 65536];
    loop {
        let length = log.read(&mut piece).unwrap();
        assert!(length > 0, "the log ended");
        read.push_str(&String::from_utf8_lossy(&piece[..length]));
        let whole = read.rfind('\n').map_or("", |end| &read[..end]);
        if let Some(line) = whole.lines().find(|line| line.contains(text)) {
            let line = line.to_owned();
            let mut rest = log.try_clone().unwrap();
            std::thread::spawn(move || std::io::copy(&mut rest, &mut std::io::sink()));
            return line;
        }
    }
}

#[tokio::test]
async fn commands_end_quietly_at_a_closed_pipe_and_report_a_full_disk() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let address = daemon.address.to_string();
    let fingerprint = daemon.fingerprint.to_string();
    let certificate = daemon.state_dir().join("cert.pem");
    let state = tempdir().unwrap();
    let list = ["list", "--daemon", &address, "--fingerprint", &fingerprint];
    let json = [&list[..], &["--json"]].concat();
    let free = ["--listen", "127.0.0.1:0", "--http", "off", "--state-dir"];
    let check = [&["check"], &free[..], &[state.path().to_str().unwrap()]].concat();
    let commands: [&[&str]; 8] = [
        &["--help"],
        &["--version"],
        &["man"],
        &["completions", "bash"],
        &["cert", "--show", certificate.to_str().unwrap()],
        &list,
        &json,
        &check,
    ];
    for arguments in commands {
        let quiet = (Some(0), String::new());
        assert_eq!(run(arguments, closed()).await, quiet, "{arguments:?}");
        let (code, complaint) = run(arguments, full()).await;
        assert_eq!(code, Some(1), "{arguments:?}");
        let expected = "error: cannot write to standard output: No space left";
        assert!(
            complaint.starts_with(expected),
            "{arguments:?}: {complaint}"
        );
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_written_still_sets_the_exit_code() {
    let bans = tempdir().unwrap();
    let file = bans.path().join("bans");
    fs::write(&file, "nonsense").unwrap();
    let file = file.to_str().unwrap();
    let table: [(&[&str], i32); 4] = [
        (&["--nonsense"], 2),
        (&["--tick", "1ms"], 2),
        (&["--log", "inof"], 2),
        (&["check", "--ban-file", file, "--http", "off"], 1),
    ];
    for (arguments, code) in table {
        for log in [full(), closed()] {
            let ended = Command::new(DAEMON)
                .env_clear()
                .env("HOME", bans.path())
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(log)
                .kill_on_drop(true)
                .status();
            let ended = patiently("its end", ended).await.unwrap();
            assert_eq!(ended.code(), Some(code), "{arguments:?}");
        }
    }
}

/// `list --follow | head -3` ran forever.
#[tokio::test]
async fn following_a_list_ends_when_its_reader_is_gone() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (address, fingerprint) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    let (mut reader, output) = pipe().unwrap();
    let mut list = Command::new(DAEMON)
        .env_clear()
        .args(["list", "--follow", "--json", "--daemon", &address])
        .args(["--fingerprint", &fingerprint])
        .stdout(output)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let read = tokio::task::spawn_blocking(move || reader.read(&mut [0; 4096]).unwrap());
    assert!(patiently("the list", read).await.unwrap() > 0);
    // The reader is gone. The next change reveals that.
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(
        connection,
        metaserve_tests::constant("new"),
    ));
    let ended = patiently("its end", list.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}
