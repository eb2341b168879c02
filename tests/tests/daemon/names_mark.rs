//! Without the file of the high-water mark no epoch is granted, and none is ever smaller.

use crate::{
    DAEMON,
    metrics::{scrape, value},
    names::ON,
};
use metaserve::names::{Answer, Refusal};
use metaserve_tests::{Daemon, RawNames, patiently, run};
use std::{fs, net::SocketAddr};

/// Waits until the metric says whether epochs can be reserved.
async fn can_reserve(http: SocketAddr, wanted: f64) {
    let search =
        async { while value(&scrape(http).await, "metaserve_names_can_reserve", "") != wanted {} };
    patiently("the metric", search).await;
}

#[tokio::test]
async fn a_daemon_that_cannot_write_its_mark_refuses_and_grants_once_it_can() {
    // Without names there is no file yet, and without a secret nobody has ever held anything.
    let daemon = Daemon::start(DAEMON, &[]).await;
    let in_the_way = daemon.state_dir().join("names.new");
    let killed = daemon.kill().await;
    fs::remove_file(in_the_way.with_file_name("secret.key")).unwrap();
    fs::write(&in_the_way, "").unwrap();
    let arguments = [&ON[..], &["--http", "127.0.0.1:0"]].concat();
    let mut daemon = killed.restart(&arguments).await;
    let http = daemon.http().await;
    let line = daemon.logged("cannot reserve epochs").await;
    assert!(line.contains("let the daemon's user write to"), "{line}");
    can_reserve(http, 0.0).await;
    let mut peer = RawNames::new(&daemon).await;
    match peer.claim(1, "a", b"").await {
        Answer::Refused {
            refusal: Refusal::NoEpochs,
            again: Some(_),
            why,
            ..
        } => assert!(why.contains("cannot reserve epochs"), "{why}"),
        other => panic!("{other:?}"),
    }
    fs::remove_file(&in_the_way).unwrap();
    daemon.logged("epochs can be reserved again").await;
    can_reserve(http, 1.0).await;
    peer.granted(1, "a", b"").await;
    let lines = daemon.said();
    assert!(
        !lines.iter().any(|line| line.contains("cannot reserve")),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn a_restarted_daemon_says_what_is_wrong_with_its_mark_and_recovers_when_it_is_restored() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    RawNames::new(&daemon).await.granted(1, "a", b"").await;
    let directory = daemon.state_dir().to_str().unwrap().to_owned();
    let mark = daemon.state_dir().join("names/mark");
    let check = [&["check", "--state-dir", &directory], &ON[..]].concat();
    let checked = run(DAEMON, &check).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let shown = format!("epochs: {}, the next is ", mark.display());
    assert!(checked.output.contains(&shown), "{checked:?}");

    let copy = fs::read(&mark).unwrap();
    let killed = daemon.kill().await;
    fs::write(&mark, &copy[..copy.len() / 2]).unwrap();
    let mut daemon = killed.restart(&ON).await;
    let line = daemon.logged("cannot reserve epochs").await;
    let why = format!("{}: the file is cut short or damaged", mark.display());
    assert!(line.contains(&why), "{line}");
    let checked = run(DAEMON, &check).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.complaint.contains(&why), "{checked:?}");

    fs::write(&mark, &copy).unwrap();
    daemon.logged("epochs can be reserved again").await;
    let after = fs::read(&mark).unwrap();
    assert_ne!(after, copy, "a block was reserved");
}
