//! A certificate is exchanged without dropping anybody, and trusted in three ways.

use crate::{
    DAEMON, FAST,
    cert::text,
    metrics::{scrape, value},
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

/// Puts the certificate in `from` in the place of that in `to`.
fn exchange(from: &Path, to: &Path) {
    for name in ["key.pem", "cert.pem"] {
        fs::rename(from.join(name), to.join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_newcomers_and_nobody_is_dropped() {
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

    // Found by looking at the files.
    let fingerprint = certificate(new.path()).fingerprint();
    exchange(new.path(), old.path());
    daemon
        .logged(&format!("reloaded fingerprint={fingerprint}"))
        .await;
    shows(&daemon, fingerprint).await;

    // Asked for by SIGHUP; a file that is no good changes nothing.
    fs::write(&cert, "half written").unwrap();
    daemon.signal("HUP").await;
    daemon.logged("the old certificate stays in use").await;
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
async fn the_end_of_the_certificate_in_use_is_told() {
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
    let http = ["--http", "127.0.0.1:0"];
    let mut daemon = Daemon::start(DAEMON, &[&FAST[..], &files, &http].concat()).await;
    let address = daemon.http().await;
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
