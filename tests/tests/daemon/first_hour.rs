//! A newcomer's mistakes are told on standard error, with what to do, by programs that set up
//! nothing for it: what cannot heal ends them, what can is waited for.

use crate::{DAEMON, FAST};
use metaserve::Backoff;
use metaserve_client::Status;
use metaserve_heartbeat::Connector;
use metaserve_tests::{Daemon, constant, patiently, run};
use quinn::crypto::rustls::QuicServerConfig;
use std::{net::UdpSocket, path::Path, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    sync::mpsc,
};

/// A game server or client without a log; see `src/first_hour.rs`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_first-hour-under-test");

/// A program that runs, and what it says on standard error.
struct Program {
    _process: Child,
    complaints: Lines<BufReader<ChildStderr>>,
    heard: Vec<String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .env_clear()
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let complaints = BufReader::new(process.stderr.take().unwrap()).lines();
        Self {
            _process: process,
            complaints,
            heard: Vec::new(),
        }
    }

    /// Waits for this text, and sees that nothing is said twice.
    async fn says(&mut self, text: &str) {
        loop {
            let line = patiently(text, self.complaints.next_line()).await;
            let line = line.unwrap().expect("the program goes on");
            assert!(line.starts_with("metaserve: "), "{line}");
            assert!(!self.heard.contains(&line), "{line} again");
            self.heard.push(line.clone());
            if line.contains(text) {
                return;
            }
        }
    }
}

/// Something that answers with a certificate like this, and says no word of ours: the certificate,
/// and where it is reached.
fn stranger(change: impl FnOnce(&mut rcgen::CertificateParams), alpn: &[u8]) -> (String, String) {
    let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    change(&mut parameters);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let chain = vec![certificate.der().clone()];
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let tls = QuicServerConfig::try_from(tls).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let at = endpoint.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move { drop(incoming.await) });
        }
    });
    (certificate.pem(), at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_problem_that_cannot_heal_ends_a_program_with_one_sentence() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let address = daemon.address.to_string();
    let right = daemon.fingerprint.to_string();
    let wrong = "ab".repeat(32);
    let url = format!("https://{address}/");
    let write = format!("is a URL, not HOST:PORT: write \"{address}\"");
    let shown = format!("its certificate has the fingerprint {right}, expected {wrong}");
    let (_, elsewhere) = stranger(|_| (), b"h3");
    let not_spoken = format!("{elsewhere} does not speak metaserve-");
    let long = "t".repeat(65);
    let table: [[&str; 4]; 8] = [
        [&address, &wrong, "tag", &shown],
        [
            &address,
            "system",
            "tag",
            "trust a self-signed certificate by its fingerprint",
        ],
        [&elsewhere, &wrong, "tag", &not_spoken],
        [&url, &right, "tag", &write],
        ["localhost", &right, "tag", "write \"localhost:4433\""],
        [&address, "abc", "tag", "this has 3 digits"],
        [
            &address,
            "missing.pem",
            "tag",
            "missing.pem: cannot read the file",
        ],
        [
            &address,
            &right,
            &long,
            "it has 65 bytes; a tag is 1 to 64 bytes",
        ],
    ];
    for [daemon, trust, game, says] in table {
        for role in ["server", "client"] {
            let ended = run(PROGRAM, &[role, daemon, trust, game, "5"]).await;
            let complaint = ended.complaint;
            assert_eq!(ended.code, Some(1), "{complaint}");
            let last = complaint.lines().last().unwrap();
            assert!(last.starts_with("Error: "), "{complaint}");
            assert!(last.contains(says), "{complaint} without {says}");
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_down_is_told_once_and_so_is_its_return() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (address, trust) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    let killed = daemon.kill().await;
    let mut programs =
        ["server", "client"].map(|role| Program::start(&[role, &address, &trust, "tag", "5"]));
    for program in &mut programs {
        program
            .says("metaserve: the daemon has not answered yet")
            .await;
        let silence = format!("metaserve: nothing answers on UDP at {address}: check");
        program.says(&silence).await;
    }
    let _daemon = killed.restart(&FAST).await;
    for program in &mut programs {
        program
            .says("metaserve: live: connected to the daemon")
            .await;
    }
}

#[tokio::test]
async fn another_service_that_says_nothing_is_told_like_a_daemon_that_is_down() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut client = Program::start(&["client", &address, &"ab".repeat(32), "tag", "5"]);
    client.says("the daemon has not answered yet").await;
    client.says("nothing answers on UDP").await;
}

/// The clock of the program, or the certificate, may be set right.
#[tokio::test]
async fn a_certificate_out_of_its_time_is_told_with_the_clock_and_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    let table = [
        (
            2001,
            2020,
            "its certificate has expired, according to this machine's clock",
        ),
        (
            2200,
            2300,
            "its certificate is not valid yet, according to this machine's clock",
        ),
    ];
    for (from, to, says) in table {
        let dates = |it: &mut rcgen::CertificateParams| {
            (it.not_before, it.not_after) = (year(from), year(to));
        };
        let (certificate, at) = stranger(dates, b"metaserve-client/1");
        std::fs::write(&file, certificate).unwrap();
        let mut client = Program::start(&["client", &at, file.to_str().unwrap(), "tag", "5"]);
        client.says(says).await;
    }
}

#[tokio::test]
async fn a_heartbeat_that_is_too_long_is_told_though_nobody_listens_to_notices() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (address, trust) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    let mut server = Program::start(&["server", &address, &trust, "tag", "9000"]);
    server
        .says("a heartbeat of 9000 bytes was left out, the daemon accepts 8192: shorten it")
        .await;
}

/// A peer of a daemon that is gone notices soon.
const SOON_GONE: [&str; 2] = ["--idle-timeout", "6s"];

/// Quick attempts, so that the test is not spent in waiting.
fn impatient() -> Backoff {
    let soon = Duration::from_millis(20);
    Backoff::new(soon, soon)
}

/// A bridge serves its players whatever becomes of the list.
#[tokio::test]
async fn an_error_of_a_closure_never_ends_a_program() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let connector = Connector::to(daemon.address.to_string()).fingerprint("ab".repeat(32));
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = metaserve_heartbeat::maintain(move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    });
    let server = server
        .backoff(impatient())
        .on_status(move |status| drop(tell.send(status)))
        .run(constant("here"));
    let server = tokio::spawn(server);
    let mut failures = 0;
    while failures < 5 {
        let status = patiently("a status", told.recv())
            .await
            .expect("it goes on");
        failures += u32::from(matches!(status, Status::Waiting { .. }));
    }
    assert!(!server.is_finished());
}

/// Settings that were right once stay: the daemon's operator may mend what is wrong there.
#[tokio::test]
async fn a_server_that_was_live_waits_for_its_daemon_though_another_one_stands_in_its_place() {
    let daemon = Daemon::start(DAEMON, &SOON_GONE).await;
    let connector = Connector::to(daemon.address.to_string()).fingerprint(daemon.fingerprint);
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = metaserve_heartbeat::maintain(connector)
        .backoff(impatient())
        .on_status(move |status| drop(tell.send(status)))
        .run(constant("here"));
    let server = tokio::spawn(server);
    let mut until = async |what: &str, is: fn(&Status) -> bool| {
        loop {
            let status = patiently(what, told.recv()).await.expect("it goes on");
            if is(&status) {
                return;
            }
        }
    };
    let is_live = |status: &Status| matches!(status, Status::Live { .. });
    let is_distrusted = |status: &Status| matches!(status, Status::Waiting { error, .. } if error.contains("is not trusted"));
    until("the server to be live", is_live).await;
    let state = daemon.state_dir().to_owned();
    let aside = tempfile::tempdir().unwrap();
    let killed = daemon.kill().await;
    move_all(&state, aside.path());
    let stranger = killed.restart(&SOON_GONE).await;
    for _ in 0..5 {
        until("the server to see the stranger", is_distrusted).await;
    }
    let killed = stranger.kill().await;
    let theirs = tempfile::tempdir().unwrap();
    move_all(&state, theirs.path());
    move_all(aside.path(), &state);
    let _daemon = killed.restart(&SOON_GONE).await;
    until("the server to be live again", is_live).await;
    assert!(!server.is_finished());
}

/// Moves all that a daemon has made: its certificate, and the secret by which peers of an earlier one
/// would know it without that.
fn move_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
