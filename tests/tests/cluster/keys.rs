//! `cluster-config`: keys, and a configuration of NATS that knows them.

use crate::{DAEMON, members::Member};
use metaserve_tests::{Ended, Nats, run};
use std::{fs, path::Path};

async fn make(out: &Path, arguments: &[&str]) -> Ended {
    let out = ["--out", out.to_str().unwrap()];
    run(DAEMON, &[&["cluster-config"], arguments, &out].concat()).await
}

/// The users in the configuration.
fn users(out: &Path) -> String {
    let config = fs::read_to_string(out.join("nats.conf")).unwrap();
    let at = config.find("authorization {").unwrap();
    config[at..].to_owned()
}

#[tokio::test]
async fn each_key_has_the_rights_of_its_daemon_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("nats");
    let made = make(&out, &["--members", "a,b", "--edges", "x"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let nats = Nats::start(3, &users(&out)).await;
    let key = |name: &str| out.join(format!("{name}.nk")).to_str().unwrap().to_owned();
    let state = directory.path().to_str().unwrap();
    let check = async |name: &str, role: &str, key: &str| {
        let urls = nats.urls();
        let arguments = [
            "check",
            "--listen",
            "127.0.0.1:0",
            "--http",
            "off",
            "--state-dir",
            state,
            "--cluster",
            &urls,
            "--cluster-member",
            name,
            "--cluster-role",
            role,
            "--cluster-key",
            key,
        ];
        run(DAEMON, &arguments).await
    };
    for (name, role) in [("a", "member"), ("b", "member"), ("x", "edge")] {
        let checked = check(name, role, &key(name)).await;
        assert_eq!(checked.code, Some(0), "{name}: {checked:?}");
    }
    let checked = check("b", "member", &key("a")).await;
    let named = "may not publish to ms.metaserve.m.b:";
    assert!(checked.complaint.contains(named), "{checked:?}");
    let checked = check("x", "member", &key("x")).await;
    let named = "may not publish to ms.metaserve.m.x:";
    assert!(checked.complaint.contains(named), "{checked:?}");

    let [a, x] = ["a", "x"].map(key);
    let a = Member::joined(&nats, "a", &["--cluster-key", &a]).await;
    let edge = ["--cluster-role", "edge", "--cluster-key", &x];
    let x = Member::joined(&nats, "x", &edge).await;
    a.sees("x", "heard").await;
    x.sees("a", "heard").await;
}

#[cfg(unix)]
#[tokio::test]
async fn keys_are_for_their_owner_and_are_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("nats");
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(make(&out, &["--members", "a"]).await.code, Some(0));
    let seed = read("a.nk");
    let mode = fs::metadata(out.join("a.nk")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let public = nkeys::KeyPair::from_seed(seed.trim()).unwrap().public_key();
    let more = ["--members", "a,b", "--nats", "n1,n2", "--cluster-name", "l"];
    assert_eq!(make(&out, &more).await.code, Some(0));
    assert_eq!(read("a.nk"), seed);
    let config = read("nats.conf");
    for part in [
        &public,
        "\"ms.l.m.b\"",
        "routes: [\"nats://n1:6222\"",
        "cert_file",
    ] {
        assert!(config.contains(part), "{part}: {config}");
    }
    assert!(!config.contains(seed.trim()));

    for (name, text, complaint) in [
        ("a.nk", "mine", "holds no key"),
        ("nats.conf", "mine", "was not made by this command"),
    ] {
        fs::write(out.join(name), text).unwrap();
        let made = make(&out, &["--members", "a"]).await;
        assert_eq!(made.code, Some(1), "{made:?}");
        assert!(made.complaint.contains(complaint), "{made:?}");
        assert_eq!(read(name), text);
        fs::remove_file(out.join(name)).unwrap();
    }
    let twice = make(&out, &["--members", "a", "--edges", "a"]).await;
    assert!(twice.complaint.contains("a is named twice"), "{twice:?}");
}

/// `deploy/nats/nats.conf`, with keys that nobody has.
#[tokio::test]
async fn the_example_is_what_the_command_writes() {
    let directory = tempfile::tempdir().unwrap();
    let hosts = "n1.example.org,n2.example.org,n3.example.org";
    let arguments = ["--members", "a,b,c", "--edges", "x,y", "--nats", hosts];
    let made = make(directory.path(), &arguments).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let config = fs::read_to_string(directory.path().join("nats.conf")).unwrap();
    let lines = config.lines().map(|line| match line.split_once("nkey: U") {
        Some((before, _)) => format!("{before}nkey: U...\n"),
        None => format!("{line}\n"),
    });
    let config: String = lines.collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nats/nats.conf");
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&file, &config).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == config,
        "write it again with WRITE_PAGES=1: {config}"
    );
}

/// The certificate that `cert` makes serves NATS clients and routes.
#[tokio::test]
async fn nats_servers_trust_each_other_and_daemons_trust_them_by_one_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap().to_owned();
    let made = run(DAEMON, &["cert", "--name", "127.0.0.1", "--out", &out]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let hosts = ["--nats", "127.0.0.1", "--tls", &out];
    let made = make(
        directory.path(),
        &[&["--members", "a,b"], &hosts[..]].concat(),
    )
    .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let config = fs::read_to_string(directory.path().join("nats.conf")).unwrap();
    let tls = config
        .lines()
        .find(|line| line.starts_with("tls {"))
        .unwrap();
    let nats = Nats::start_with(3, &format!("{tls}\n{}", users(directory.path())), tls).await;
    let [a, b, ca] = ["a.nk", "b.nk", "cert.pem"].map(|name| format!("{out}/{name}"));
    let urls = [0, 1].map(|index| nats.url(index).replace("nats://", "tls://"));
    let arguments = ["--cluster-ca", &ca, "--cluster-key", &a];
    let a = Member::start_at(&urls[0], "a", &arguments).await;
    let arguments = ["--cluster-ca", &ca, "--cluster-key", &b];
    let b = Member::start_at(&urls[1], "b", &arguments).await;
    // Each at another NATS server, so the routes work as well.
    a.sees("b", "heard").await;
    b.sees("a", "heard").await;
}

#[tokio::test]
async fn the_members_are_listed_for_people_and_scripts() {
    let nats = Nats::one().await;
    let a = Member::joined(&nats, "a", &[]).await;
    let b = Member::joined(&nats, "b", &[]).await;
    a.sees("b", "heard").await;
    let http = a.http.to_string();
    let listed = run(DAEMON, &["list", "--members", &http]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let mut lines = listed.output.lines();
    assert_eq!(lines.next(), Some("member a of metaserve"));
    assert!(lines.next().unwrap().starts_with("NAME"), "{listed:?}");
    let words: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(words[..5], ["b", "member", "heard", "0", "0"], "{listed:?}");
    assert_eq!(lines.next(), None);
    let listed = run(DAEMON, &["list", "--members", &http, "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed.output).unwrap();
    assert_eq!(listed["members"][0]["name"], "b");
    drop(b);

    let mut alone = metaserve_tests::Daemon::start(DAEMON, &["--http", "127.0.0.1:0"]).await;
    let http = alone.http().await.to_string();
    let listed = run(DAEMON, &["list", "--members", &http]).await;
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(listed.complaint.contains("is in no cluster"), "{listed:?}");
    drop(alone);
    let listed = run(DAEMON, &["list", "--members", &http]).await;
    assert!(
        listed
            .complaint
            .contains("name the address of the daemon's --http"),
        "{listed:?}"
    );
}
