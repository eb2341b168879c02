//! The libraries for games do not link what only the daemon needs.

use std::process::Command;

/// The names of the crates that a crate links.
fn linked(package: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}", "-p", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let lines = String::from_utf8(tree.stdout).unwrap();
    lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn games_do_not_pay_for_the_daemon() {
    for package in ["metaserve-heartbeat", "metaserve-client"] {
        let linked = linked(package);
        assert!(
            linked.iter().any(|name| name == "quinn"),
            "the crates of {package} must be found"
        );
        let daemons = [
            "axum",
            "clap",
            "dashmap",
            "ipnet",
            "sea-orm",
            "sqlx",
            "tempfile",
            "toml",
            "x509-parser",
        ];
        for heavy in daemons.iter().chain(&["serde_json", "tracing-subscriber"]) {
            assert!(
                !linked.iter().any(|name| name == heavy),
                "{package} links {heavy}"
            );
        }
    }
}
