//! `metaserve-daemon cert`: a self-signed certificate in one command.

use crate::DAEMON;
use metaserve::{Connector, Role, Trust};
use metaserve_tests::{Daemon, run};
use std::{fs, path::Path};
use tempfile::tempdir;

/// The rest of the output's line that starts with `word`.
fn said<'a>(output: &'a str, word: &str) -> &'a str {
    let said = output.lines().find_map(|line| line.strip_prefix(word));
    said.unwrap_or_else(|| panic!("no {word:?} in {output}"))
        .trim()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_used_by_the_daemon_and_trusted_by_clients() {
    let directory = tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    let names = [
        "--name",
        "localhost",
        "--name",
        "192.0.2.7",
        "--name",
        "2001:db8::1",
    ];
    let out = ["cert", "--out", text(directory.path()), "--days", "30"];
    let made = run(DAEMON, &[&out[..], &names].concat()).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert_eq!(
        said(&made.output, "names:"),
        "localhost, 192.0.2.7, 2001:db8::1"
    );
    let until = said(&made.output, "valid until:");
    assert!(
        until.ends_with("(30 days left)") || until.ends_with("(29 days left)"),
        "{until}"
    );

    let files = ["--cert", text(&cert), "--key", text(&key)];
    let daemon = Daemon::start(DAEMON, &files).await;
    assert_eq!(
        said(&made.output, "fingerprint (SHA-256):"),
        daemon.fingerprint.to_string()
    );
    let by_name = format!("localhost:{}", daemon.address.port());
    let trust = Trust::file(&cert).unwrap();
    let connector = Connector::new(Role::Client, &by_name, &trust, None).unwrap();
    connector.connect().await.unwrap();

    let shown = run(DAEMON, &["cert", "--show", text(&cert)]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(made.output.ends_with(&shown.output), "{made:?} {shown:?}");
}

#[tokio::test]
#[cfg(unix)]
async fn only_the_owner_can_read_the_key_but_everybody_the_certificate() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempdir().unwrap();
    let [cert, key] = ["my.crt", "my.key"].map(|name| directory.path().join(name));
    let files = [
        "cert",
        "--name",
        "localhost",
        "--cert",
        text(&cert),
        "--key",
        text(&key),
    ];
    assert_eq!(run(DAEMON, &files).await.code, Some(0));
    let readers = |path| fs::metadata(path).unwrap().permissions().mode() & 0o044;
    assert_eq!((readers(&cert) > 0, readers(&key)), (true, 0));
}

#[tokio::test]
async fn existing_files_are_overwritten_only_with_force() {
    let directory = tempdir().unwrap();
    let key = directory.path().join("key.pem");
    fs::write(&key, "mine").unwrap();
    let make = [
        "cert",
        "--name",
        "localhost",
        "--out",
        text(directory.path()),
    ];
    let refused = run(DAEMON, &make).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.complaint.contains("key.pem exists"), "{refused:?}");
    assert!(refused.complaint.contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&key).unwrap(), "mine");

    let forced = run(DAEMON, &[&make[..], &["--force"]].concat()).await;
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(fs::read_to_string(&key).unwrap().contains("PRIVATE KEY"));
}

#[tokio::test]
async fn arguments_that_make_no_certificate_are_reported() {
    let directory = tempdir().unwrap();
    let out = text(directory.path());
    let no_certificate = directory.path().join("text");
    fs::write(&no_certificate, "text").unwrap();
    let table: [(&[&str], &str); 6] = [
        (
            &["--name", "two words", "--out", out],
            "\"two words\" is neither a host name nor an IP",
        ),
        (
            &["--name", "localhost", "--days", "0", "--out", out],
            "--days",
        ),
        (&["--name", "localhost", "--cert", "c"], "--key <FILE>"),
        (
            &["--name", "localhost", "--cert", "c", "--key", "c"],
            "the same file",
        ),
        (
            &["--show", text(&no_certificate)],
            "text: the file contains no certificate",
        ),
        (&[], "<--name <DNS-or-IP>|--show <FILE>>"),
    ];
    for (arguments, expected) in table {
        let refused = run(DAEMON, &[&["cert"], arguments].concat()).await;
        assert!(matches!(refused.code, Some(1 | 2)), "{arguments:?}");
        assert!(
            refused.complaint.contains(expected),
            "{arguments:?}: {refused:?}"
        );
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
