//! The connection to NATS: keys, rights and certificates, as `check` finds them.

use crate::DAEMON;
use metaserve_tests::{Daemon, Ended, Nats, run};
use std::{fs, path::Path};

/// What `check` says of member `a`.
async fn check(nats: &Nats, more: &[&str]) -> Ended {
    let state = nats.directory().join("state");
    let urls = nats.urls();
    let common = ["check", "--listen", "127.0.0.1:0", "--http", "off"];
    let member = ["--cluster-member", "a", "--state-dir"];
    let state = [state.to_str().unwrap(), "--cluster", &urls];
    run(DAEMON, &[&common[..], &member, &state, more].concat()).await
}

/// A key for a user of NATS: writes the seed to a file, and returns its path and the public key.
pub(crate) fn key(directory: &Path) -> (String, String) {
    let pair = nkeys::KeyPair::new_user();
    let file = directory.join("key.nk");
    fs::write(&file, pair.seed().unwrap()).unwrap();
    (file.to_str().unwrap().to_owned(), pair.public_key())
}

#[tokio::test]
async fn check_names_each_server_that_answers() {
    let mut nats = Nats::three().await;
    nats.kill(2).await;
    let checked = check(&nats, &[]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for index in 0..2 {
        let line = format!("{}: nats-server", nats.url(index));
        assert!(checked.output.contains(&line), "{checked:?}");
    }
    let away = format!(
        "note: {} cannot be reached now: nothing listens",
        nats.url(2)
    );
    assert!(checked.output.contains(&away), "{checked:?}");
}

#[tokio::test]
async fn a_key_that_nats_does_not_know_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let (file, public) = key(directory.path());
    let known = nkeys::KeyPair::new_user().public_key();
    let users = |key: &str| format!("authorization {{ users = [ {{ nkey: {key} }} ] }}");
    let nats = Nats::start(1, &users(&known)).await;
    let checked = check(&nats, &["--cluster-key", &file]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let says = "does not know the key of --cluster-key";
    assert!(checked.complaint.contains(says), "{checked:?}");
    let checked = check(&nats, &[]).await;
    assert!(
        checked.complaint.contains("name this daemon's key"),
        "{checked:?}"
    );

    let nats = Nats::start(1, &users(&public)).await;
    let checked = check(&nats, &["--cluster-key", &file]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.output.contains(&format!("key: {public}")),
        "{checked:?}"
    );
    fs::write(&file, "no key").unwrap();
    let checked = check(&nats, &["--cluster-key", &file]).await;
    assert!(
        checked.complaint.contains("holds neither the seed"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn missing_rights_are_named_with_their_subjects() {
    let directory = tempfile::tempdir().unwrap();
    let (file, public) = key(directory.path());
    let rights = "{ publish: [\"ms.metaserve.hello\", \"ms.metaserve.inbox.>\"], \
                  subscribe: [\"ms.metaserve.m.*\", \"ms.metaserve.e.*\", \"ms.metaserve.inbox.a.>\", \
                  \"ms.metaserve.sync.a\"] }";
    let users =
        format!("authorization {{ users = [ {{ nkey: {public}, permissions: {rights} }} ] }}");
    let nats = Nats::start(1, &users).await;
    let checked = check(&nats, &["--cluster-key", &file]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for missing in [
        "may not subscribe to ms.metaserve.hello:",
        "may not publish to ms.metaserve.sync.a:",
        "may not publish to ms.metaserve.m.a:",
        "3 problems",
    ] {
        assert!(
            checked.complaint.contains(missing),
            "{missing}: {checked:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_takes_short_messages_only_is_not_used_and_named() {
    let nats = Nats::start(1, "max_payload: 60KB").await;
    let checked = check(&nats, &[]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let says = "it takes messages of 61440 bytes at most: set max_payload to 1MB";
    assert!(checked.complaint.contains(says), "{checked:?}");
    let urls = nats.urls();
    let settings = crate::members::arguments(&urls, "a", &[]);
    let mut daemon = Daemon::start(DAEMON, &settings).await;
    let line = daemon.logged("is not used").await;
    let says = "the NATS server n0 is not used, since it takes messages of 61440 bytes at most";
    assert!(line.contains(says), "{line}");
}

/// Certificates that openssl would make: an authority, and a server's for `localhost`.
struct Certificates {
    authority: String,
    server: [String; 2],
}

fn certificates(directory: &Path, name: &str) -> Certificates {
    let write = |file: &str, text: String| {
        let path = directory.join(file).to_str().unwrap().to_owned();
        fs::write(&path, text).unwrap();
        path
    };
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    Certificates {
        authority: write("ca.pem", signed.pem()),
        server: [
            write("server.pem", server.pem()),
            write("server.key", key.serialize_pem()),
        ],
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_a_mistake_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let Certificates {
        authority,
        server: [cert, key],
    } = certificates(directory.path(), "127.0.0.1");
    let tls = format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}");
    let nats = Nats::start(1, &tls).await;
    let checked = check(&nats, &[]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let says =
        "from an authority that is not trusted here: name the authority's file with --cluster-ca";
    assert!(checked.complaint.contains(says), "{checked:?}");
    let checked = check(&nats, &["--cluster-ca", &authority]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let other = tempfile::tempdir().unwrap();
    let Certificates {
        authority,
        server: [cert, key],
    } = certificates(other.path(), "elsewhere.example");
    let nats = Nats::start(
        1,
        &format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}"),
    )
    .await;
    let checked = check(&nats, &["--cluster-ca", &authority]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.complaint.contains("is for another name"),
        "{checked:?}"
    );

    let plain = Nats::one().await;
    let url = plain.url(0).replace("nats://", "tls://");
    let checked = check(&nats, &["--cluster-ca", &authority, "--cluster", &url]).await;
    assert!(
        checked.complaint.contains("does not speak TLS"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_from_a_mistake() {
    let nats = Nats::one().await;
    nats.signal(0, "STOP").await;
    let checked = check(&nats, &[]).await;
    nats.signal(0, "CONT").await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.output.contains("cannot be reached now: no answer"),
        "{checked:?}"
    );
}
