//! The libraries for games do not link what only the daemon needs, and log filters know the crates
//! that log.

use metaserve::program::log::TARGETS;
use std::{collections::BTreeSet, process::Command};

/// The names of the crates in a tree of dependencies.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-e", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let lines = String::from_utf8(tree.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// The names of the crates that a crate links.
fn linked(package: &str) -> BTreeSet<String> {
    tree(&["-p", package])
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
            "metaserve-ticket",
            "pasetors",
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

/// The known targets of log filters, in which a mistyped name is looked up.
#[test]
fn every_crate_that_logs_is_a_known_target_of_log_filters() {
    let programs = [
        "metaserve-agent",
        "metaserve-daemon",
        "metaserve-lobby-bridge",
    ];
    let linked: BTreeSet<_> = programs
        .iter()
        .flat_map(|program| linked(program))
        .collect();
    let mut logging = tree(&["--workspace", "-i", "tracing", "--depth", "1"]);
    // They log nothing themselves.
    for silent in ["tracing", "tracing-subscriber"] {
        assert!(logging.remove(silent));
    }
    let logging = logging.iter().filter(|name| linked.contains(*name));
    let mut targets: BTreeSet<_> = logging.map(|name| name.replace('-', "_")).collect();
    // The target of sqlx's lines about queries, whichever of its crates logs them.
    targets.insert("sqlx".to_owned());
    assert_eq!(targets, TARGETS.map(str::to_owned).into());
}
