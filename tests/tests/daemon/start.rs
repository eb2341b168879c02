//! A daemon that cannot start says why, and what to do.

use crate::DAEMON;
use metaserve_tests::{Daemon, failing_start};
use std::{fs, net::UdpSocket, path::Path};
use tempfile::{TempDir, tempdir};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A certificate that expires in the given year, and its key.
    fn certificate(&self, name: &str, until: i32) -> [String; 2] {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        [
            self.write(&format!("{name}.crt"), &certificate.pem()),
            self.write(&format!("{name}.key"), &key.serialize_pem()),
        ]
    }
}

async fn complaint(arguments: &[&str]) -> String {
    let state = tempdir().unwrap();
    failing_start(DAEMON, "[::1]:0", state.path(), arguments).await
}

#[tokio::test]
async fn wrong_certificate_files_are_reported_with_the_mistake() {
    let files = Files::new();
    let [cert, key] = files.certificate("good", 2100);
    let [other, _] = files.certificate("other", 2100);
    let [old, old_key] = files.certificate("old", 2020);
    let text = files.write("text", "not a certificate");
    let table = [
        (
            "/nowhere/cert",
            &*key,
            "/nowhere/cert: cannot read the file",
        ),
        (&*text, &*key, "text: the file contains no certificate"),
        (&*cert, &*text, "text: the file contains no private key"),
        (&*cert, &*cert, "good.crt: the file contains no private key"),
        (
            &*other,
            &*key,
            "the key does not belong to the certificate in",
        ),
        (
            &*old,
            &*old_key,
            "expired on 2020-01-01T00:00:00Z: renew it",
        ),
    ];
    for (cert, key, expected) in table {
        let complaint = complaint(&["--cert", cert, "--key", key]).await;
        assert!(complaint.contains(expected), "{expected}: {complaint}");
    }
}

#[tokio::test]
async fn contradictions_and_unknown_keys_are_named() {
    let files = Files::new();
    let unknown = files.write("daemon.toml", "tick = '1s'\nmax-hartbeat = 1");
    let table: [(&[&str], &str); 5] = [
        (&["--cert", "c"], "--cert needs --key"),
        (&["--idle-timeout", "2s"], "choose 6s or more"),
        (&["--tick", "1ms"], "choose 20ms or more"),
        (&["--config", &unknown], "`max-hartbeat`"),
        (&["--max-hartbeat", "1"], "--max-heartbeat"),
    ];
    for (arguments, expected) in table {
        let complaint = complaint(arguments).await;
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_what_to_do() {
    let taken = UdpSocket::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let state = tempdir().unwrap();
    let listen = format!("[::]:{port}");
    let complaint = failing_start(DAEMON, &listen, state.path(), &[]).await;
    let expected = format!("UDP port {port} is in use");
    assert!(
        complaint.contains(&expected) && complaint.contains("--listen"),
        "{complaint}"
    );
}

#[tokio::test]
async fn an_unusable_state_directory_is_reported() {
    let files = Files::new();
    files.write("file", "in the way");
    let state = files.path().join("file/state");
    let complaint = failing_start(DAEMON, "[::1]:0", &state, &[]).await;
    assert!(
        complaint.contains("file/state") && complaint.contains("--state-dir"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_damaged_state_directory_is_not_overwritten() {
    let files = Files::new();
    files.write("cert.pem", "damaged");
    let complaint = failing_start(DAEMON, "[::1]:0", files.path(), &[]).await;
    assert!(
        complaint.contains("cert.pem: the file contains no certificate"),
        "{complaint}"
    );
    assert_eq!(
        fs::read_to_string(files.path().join("cert.pem")).unwrap(),
        "damaged"
    );
}

#[tokio::test]
async fn the_state_directory_keeps_the_certificate() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let fingerprint = daemon.fingerprint;
    let again = daemon.kill_and_restart(&[]).await;
    assert_eq!(again.fingerprint, fingerprint);
}

#[tokio::test]
async fn unsupported_keys_are_refused_with_the_supported_kinds() {
    let files = Files::new();
    let [cert, key] = files.certificate("good", 2100);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = files.write("encrypted", encrypted);
    let p521 = files.write("p521", P521);
    let request = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
    let request = files.write("request", request);
    let table = [
        (&cert, &encrypted, "the private key is encrypted"),
        (&cert, &p521, "ECDSA with P-256 or P-384, or Ed25519"),
        (
            &request,
            &key,
            "contains no certificate, but CERTIFICATE REQUEST",
        ),
        (&key, &cert, "contains no certificate, but PRIVATE KEY"),
    ];
    for (cert, key, expected) in table {
        let complaint = complaint(&["--cert", cert, "--key", key]).await;
        assert!(complaint.contains(expected), "{expected}: {complaint}");
    }
}

/// As Notepad and similar editors save them.
#[tokio::test]
async fn files_are_read_as_editors_of_other_systems_save_them() {
    let files = Files::new();
    let [cert, key] = files.certificate("good", 2100);
    let bans = "192.0.2.1\r\n198.51.100.0/24 # floods\r\n";
    let config = format!(
        "cert = '{cert}'\r\nkey = '{key}'\r\nban-file = '{}'\r\n",
        files.path().join("bans").display()
    );
    let utf16 = |text: &str| -> Vec<u8> {
        let marked = format!("\u{feff}{text}");
        marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let utf8 = |text: &str| format!("\u{feff}{text}\u{1a}").into_bytes();
    let [cert_text, key_text] = [&cert, &key].map(|file| fs::read_to_string(file).unwrap());
    for save in [&utf16 as &dyn Fn(&str) -> Vec<u8>, &utf8] {
        for (name, text) in [("bans", bans), ("daemon.toml", &config)] {
            fs::write(files.path().join(name), save(text)).unwrap();
        }
        fs::write(&cert, save(&cert_text)).unwrap();
        fs::write(&key, save(&key_text)).unwrap();
        let config = files.path().join("daemon.toml");
        let state = files.path().join("state");
        let arguments = [
            "check",
            "--http",
            "off",
            "--listen",
            "127.0.0.1:0",
            "--config",
        ];
        let arguments = [
            &arguments[..],
            &[
                config.to_str().unwrap(),
                "--state-dir",
                state.to_str().unwrap(),
            ],
        ]
        .concat();
        let checked = metaserve_tests::run(DAEMON, &arguments).await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.output.contains("2 prefixes"), "{checked:?}");
    }
    let quotes = files.write(
        "quotes.toml",
        "tick = '1s'\nlisten = \u{201c}[::]:1\u{201d}",
    );
    let complaint = complaint(&["--config", &quotes]).await;
    assert!(
        complaint.contains("line 2, character 10 (U+201C) is a typographic quote"),
        "{complaint}"
    );
}

/// Made by `openssl ecparam -name secp521r1 -genkey`; not used anywhere.
const P521: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIA69YlSx93FKBnC8g+\n\
uVmpUJdk3zb5LhseRYUrLwk/WKtpFa6NyIK8FacU/v+BRF8JU+TTQV+BrfhuoUBh\n\
RXhzp0KhgYkDgYYABAFgNP7QsrhvSOns6RTxiCXY+xYLo6/cG6CB2l8yh3INBtPK\n\
ghzSlmA58Nr1d9ywUadWEDRhx5Qh5RxOFSV/KQYuOgBXw5zm2lQMoxwoAApucBBX\n\
5BqazsVHwwfBBrxbHw95aGq+NwUWnfBz0eNDHkL4I83I35PQCUt+68s5aMKqMSVC\n\
nQ==\n\
-----END PRIVATE KEY-----\n";
