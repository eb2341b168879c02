//! A certificate is replaced without dropping connections, and trusted in three ways.

use crate::{
    DAEMON, FAST,
    cert::text,
    metrics::{scrape, value},
    with_http,
};
use metaserve::{Connector, Fingerprint, Identity, Role, Trust, tls::certificate::Validity};
use metaserve_tests::{Daemon, Follower, constant};
use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};
use tempfile::tempdir;

fn certificate(directory: &Path) -> Identity {
    Identity::load_or_create(directory, &["localhost".into()]).unwrap()
}

/// Replaces the certificate in `to` with the one in `from`.
fn exchange(from: &Path, to: &Path) {
    for name in ["key.pem", "cert.pem"] {
        fs::rename(from.join(name), to.join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_newcomers_and_drops_no_connection() {
    let [old, new, newest] = [tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap()];
    certificate(old.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| old.path().join(name));
    let files = ["--cert", text(&cert), "--key", text(&key)];
    let mut daemon = Daemon::start(DAEMON, &[&FAST[..], &files].concat()).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(
        connection.clone(),
        constant("stays"),
    ));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["stays"]).await;

    // The daemon notices the change of the files.
    let fingerprint = certificate(new.path()).fingerprint();
    exchange(new.path(), old.path());
    daemon
        .logged(&format!("reloaded fingerprint={fingerprint}"))
        .await;
    shows(&daemon, fingerprint).await;

    // Requested by SIGHUP; an invalid file changes nothing.
    fs::write(&cert, "half written").unwrap();
    daemon.signal("HUP").await;
    daemon.logged("keeping the old certificate").await;
    shows(&daemon, fingerprint).await;
    let fingerprint = certificate(newest.path()).fingerprint();
    exchange(newest.path(), old.path());
    daemon.signal("HUP").await;
    daemon
        .logged(&format!("reloaded fingerprint={fingerprint}"))
        .await;
    shows(&daemon, fingerprint).await;

    assert_eq!(connection.close_reason(), None);
    assert_eq!(client.only().heartbeat, "stays");
}

#[tokio::test]
async fn the_metrics_show_when_the_certificate_expires() {
    let directory = tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    let renew = |years: u64| {
        let length = Duration::from_secs(years * 365 * 24 * 60 * 60);
        let validity = Validity::from(SystemTime::UNIX_EPOCH, length);
        Identity::create(&cert, &key, &["localhost".into()], validity).unwrap();
        length.as_secs_f64()
    };
    let first = renew(90);
    let files = ["--cert", text(&cert), "--key", text(&key)];
    let (mut daemon, address) = with_http(&files).await;
    let told = async || {
        let metric = "metaserve_certificate_expiry_timestamp_seconds";
        value(&scrape(address).await, metric, "")
    };
    assert_eq!(told().await, first);
    let second = renew(100);
    daemon.signal("HUP").await;
    daemon.logged("the certificate was reloaded").await;
    assert_eq!(told().await, second);
}

async fn shows(daemon: &Daemon, fingerprint: Fingerprint) {
    let address = daemon.address.to_string();
    let trust = Trust::Fingerprint(fingerprint);
    let connector = Connector::new(Role::Client, &address, &trust, None).unwrap();
    let connection = connector.connect().await.unwrap();
    assert_eq!(Fingerprint::of_peer(&connection), Some(fingerprint));
}

#[tokio::test]
async fn a_daemon_is_trusted_by_fingerprint_or_by_file_and_not_otherwise() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let file = Trust::file(&daemon.state_dir().join("cert.pem")).unwrap();
    let name = format!("localhost:{}", daemon.address.port());
    let connect = async |trust: &Trust| {
        Connector::new(Role::Client, &name, trust, None)
            .unwrap()
            .connect()
            .await
    };
    connect(&file).await.unwrap();
    connect(&daemon.trust()).await.unwrap();
    for wrong in [
        Trust::Fingerprint(Fingerprint::from_bytes([0; 32])),
        Trust::SystemRoots,
    ] {
        let error = connect(&wrong).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}

/// Writes a certificate as other programs make it, and its key. Returns the two arguments.
fn foreign(directory: &Path, change: impl FnOnce(&mut rcgen::CertificateParams)) -> [String; 4] {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut parameters);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let [cert_file, key_file] = ["cert.pem", "key.pem"].map(|name| directory.join(name));
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::write(&cert_file, certificate.pem()).unwrap();
    let (cert, key) = (text(&cert_file).to_owned(), text(&key_file).to_owned());
    ["--cert".to_owned(), cert, "--key".to_owned(), key]
}

/// `openssl req -x509` only makes certificates of authorities.
#[tokio::test]
async fn a_certificate_made_by_openssl_is_trusted_when_named_as_ca_file() {
    let directory = tempdir().unwrap();
    let unlimited = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let files = foreign(directory.path(), |it| it.is_ca = unlimited);
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let mut daemon = Daemon::start(DAEMON, &files).await;
    daemon
        .logged("it is the certificate of an authority (CA:TRUE")
        .await;
    let trust = Trust::file(Path::new(files[1])).unwrap();
    let connect = async |host: &str| {
        let name = format!("{host}:{}", daemon.address.port());
        let connector = Connector::new(Role::Client, &name, &trust, None).unwrap();
        connector.connect().await
    };
    connect("localhost").await.unwrap();
    // The certificate does not have this name.
    let error = connect("127.0.0.1").await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
    let advice = "connect by a name that the certificate has";
    assert!(error.contains(advice), "{error}");
    // Another certificate of that kind is not trusted.
    let other = tempdir().unwrap();
    foreign(other.path(), |it| it.is_ca = unlimited);
    let trust = Trust::file(&other.path().join("cert.pem")).unwrap();
    let name = format!("localhost:{}", daemon.address.port());
    let connector = Connector::new(Role::Client, &name, &trust, None).unwrap();
    connector.connect().await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_that_is_no_longer_valid_is_refused_whatever_its_kind() {
    let directory = tempdir().unwrap();
    foreign(directory.path(), |it| {
        it.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        it.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    let trust = Trust::file(&cert).unwrap();
    let identity = Identity::load(&cert, &key).unwrap();
    // The daemon does not start with such a certificate, so this is another server.
    let secret = metaserve::tls::secret::Secret::load_or_create(directory.path()).unwrap();
    let transport = metaserve::transport::server(&metaserve::Limits::default());
    let config =
        metaserve::tls::server::server_config(&identity, &secret, transport, &Role::ALL).unwrap();
    let server = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let name = format!("localhost:{}", server.local_addr().unwrap().port());
    let accept = tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            drop(incoming.await);
        }
    });
    let connector = Connector::new(Role::Client, &name, &trust, None).unwrap();
    let error = connector.connect().await.unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
    accept.abort();
}

/// Newcomers refused a renewed certificate until its first day had come.
#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_not_used_and_the_old_one_stays() {
    let [old, new] = [tempdir().unwrap(), tempdir().unwrap()];
    let files = foreign(old.path(), |_| {});
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let mut daemon = Daemon::start(DAEMON, &files).await;
    foreign(new.path(), |it| {
        it.not_before = rcgen::date_time_ymd(2200, 1, 1);
        it.not_after = rcgen::date_time_ymd(2201, 1, 1);
    });
    exchange(new.path(), old.path());
    daemon
        .logged("is not valid before 2200-01-01T00:00:00Z")
        .await;
    shows(&daemon, daemon.fingerprint).await;
}

#[tokio::test]
async fn check_names_the_reasons_for_peers_to_refuse_a_certificate() {
    let directory = tempdir().unwrap();
    let check = async |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let files = foreign(directory.path(), change);
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let state = text(directory.path());
        let common = [
            "check",
            "--listen",
            "127.0.0.1:0",
            "--http",
            "off",
            "--state-dir",
            state,
        ];
        metaserve_tests::run(DAEMON, &[&common[..], &files].concat()).await
    };
    let unnamed = check(&|it| it.subject_alt_names.clear()).await;
    assert!(
        unnamed.output.contains("note: it names no host"),
        "{unnamed:?}"
    );
    let early = check(&|it| {
        it.not_before = rcgen::date_time_ymd(2200, 1, 1);
        it.not_after = rcgen::date_time_ymd(2201, 1, 1);
    });
    let early = early.await;
    assert_eq!(early.code, Some(1));
    assert!(
        early.complaint.contains("is not valid before 2200"),
        "{early:?}"
    );
    let fine = check(&|_| {}).await;
    assert!(!fine.output.contains("note:"), "{fine:?}");
}
