//! The files in `deploy/` and the page of metrics agree with the daemon.

use crate::DAEMON;
use metaserve_tests::run;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const PAGE: &str = include_str!("../../../docs/reference/metrics.md");
const DASHBOARDS: [&str; 2] = [
    include_str!("../../../deploy/grafana/metaserve.json"),
    include_str!("../../../deploy/grafana/metaserve-bridge.json"),
];
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");
const CONFIG: &str = include_str!("../../../deploy/config/daemon.toml");

/// The documented metrics with their labels. Another test compares the page with the daemon.
fn metrics() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let is_row = |line: &&str| line.starts_with("| `metaserve_") || line.starts_with("| `process_");
    let rows = PAGE.lines().filter(is_row);
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`');
        let labels = cells.next().unwrap().split([',', ' ', '`']);
        (name, labels.filter(|label| !label.is_empty()).collect())
    })
    .collect()
}

/// The queries of all panels.
fn queries(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("expr", Value::String(query)) => vec![query.clone()],
                _ => queries(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(queries).collect(),
        _ => Vec::new(),
    }
}

/// The words of a query, as Prometheus splits them.
fn words(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The metrics of a query, without the suffixes of histograms.
fn named(query: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &&str| word.starts_with("metaserve_") || word.starts_with("process_");
    let names = words(query).filter(is_name);
    names.map(|name| name.strip_suffix("_bucket").unwrap_or(name))
}

/// The labels by which a query groups.
fn groups(query: &str) -> impl Iterator<Item = &str> {
    let groups = query.split("by (").skip(1);
    groups.flat_map(|rest| words(rest.split(')').next().unwrap()))
}

/// `systemctl reload` fails and says why only if a command before the signal fails.
#[test]
fn a_reload_under_systemd_first_checks_the_settings_of_the_start() {
    let units = [
        include_str!("../../../deploy/systemd/metaserve-daemon.service"),
        include_str!("../../../deploy/systemd/metaserve-lobby-bridge.service"),
        include_str!("../../../deploy/systemd/metaserve-agent.service"),
    ];
    for unit in units {
        assert_checks_first(unit);
    }
}

fn assert_checks_first(unit: &str) {
    let values = |key: &str| -> Vec<&str> {
        let lines = unit.lines();
        lines.filter_map(|line| line.strip_prefix(key)).collect()
    };
    let [start] = values("ExecStart=")[..] else {
        panic!("there must be one command");
    };
    let (program, settings) = start.split_once(' ').unwrap();
    let check = format!("{program} check {settings}");
    assert_eq!(values("ExecReload="), [&check, "/bin/kill -HUP $MAINPID"]);
}

#[test]
fn dashboard_and_alerts_use_existing_metrics() {
    let metrics = metrics();
    let dashboards = DASHBOARDS.iter();
    let queries = dashboards.map(|it| queries(&serde_json::from_str(it).unwrap()));
    let mut all: Vec<_> = queries.flatten().collect();
    assert!(all.len() > 20, "{all:?}");
    // The query of an alert, which may span several lines, is everything up to its `for`.
    let alerts = ALERTS.split("expr:").skip(1);
    all.extend(alerts.map(|rest| rest.split(" for:").next().unwrap().to_owned()));
    let mut shown = BTreeSet::new();
    for query in &all {
        let names: Vec<_> = named(query).collect();
        for name in &names {
            assert!(metrics.contains_key(name), "{name} in {query}");
        }
        for label in groups(query).filter(|label| *label != "instance") {
            let known = names.iter().any(|name| metrics[name].contains(label));
            assert!(known, "{label} in {query}");
        }
        shown.extend(names);
    }
    let left_out: Vec<_> = metrics
        .keys()
        .filter(|name| !shown.contains(**name))
        .collect();
    assert!(left_out.is_empty(), "not on the dashboard: {left_out:?}");
}

#[tokio::test]
async fn the_sample_configuration_shows_every_setting_and_is_valid() {
    // Settings without a default to show.
    let examples = [
        "cert",
        "key",
        "trust-relay",
        "join-link",
        "http-trusted-proxy",
        "trusted-prefix",
        "ban-file",
        "threads",
        "cluster",
        "cluster-member",
        "cluster-key",
        "cluster-ca",
        "cluster-cert",
        "cluster-cert-key",
        "cluster-hold",
        "names-need-ticket",
    ];
    let is_setting =
        |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let settings = CONFIG.lines().filter(is_setting).map(|line| &line[1..]);
    let (shown, defaults): (BTreeSet<_>, Vec<_>) = settings
        .map(|line| (line.split(' ').next().unwrap(), line))
        .unzip();
    let defaults: Vec<_> = defaults
        .into_iter()
        .filter(|line| !examples.contains(&line.split(' ').next().unwrap()))
        .collect();

    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("all.toml"), defaults.join("\n")).unwrap();
    fs::write(path("none.toml"), CONFIG).unwrap();
    let state = path("state");
    let mut said = Vec::new();
    for name in ["all.toml", "none.toml"] {
        let file = path(name);
        let checked = run(DAEMON, &["check", "--config", &file, "--state-dir", &state]).await;
        assert_eq!(checked.code, Some(0), "{name}: {checked:?}");
        // Without the sources of the values, which differ.
        let without_origin = |line: &str| {
            let columns = line.split("  ").filter(|column| !column.is_empty());
            columns.take(2).map(|it| it.trim().to_owned()).collect()
        };
        let lines = checked.output.lines().map(without_origin);
        said.push(lines.skip(1).collect::<Vec<Vec<String>>>());
    }
    assert_eq!(said[0], said[1]);

    let help = run(DAEMON, &["--help"]).await.output;
    let flags = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--"));
    let exist: BTreeSet<_> = flags.filter_map(|flag| flag.split(' ').next()).collect();
    // Settings for the file itself, for the directory that the unit sets, and for people at a
    // terminal.
    let elsewhere = ["config", "state-dir", "log-format"];
    let left_out: Vec<_> = exist
        .iter()
        .filter(|flag| !shown.contains(**flag))
        .collect();
    assert!(
        left_out.iter().all(|flag| elsewhere.contains(flag)),
        "{left_out:?}"
    );
    let unknown: Vec<_> = shown.difference(&exist).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The samples for a cluster are valid once their files exist, and the guide shows what they say.
#[tokio::test]
async fn the_configurations_of_a_member_and_an_edge_are_valid_and_in_the_guide() {
    let guide = include_str!("../../../docs/guide/cluster.md");
    let samples = [
        include_str!("../../../deploy/config/member.toml"),
        include_str!("../../../deploy/config/edge.toml"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let out = path("");
    let made = run(DAEMON, &["cert", "--name", "localhost", "--out", &out]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    fs::copy(path("cert.pem"), path("ca.pem")).unwrap();
    let seed = nkeys::KeyPair::new_user().seed().unwrap();
    for name in ["a.nk", "x.nk"] {
        fs::write(path(name), &seed).unwrap();
    }
    for sample in samples {
        assert!(guide.contains(&format!("```toml\n{sample}```")), "{sample}");
        let sample = sample
            .replace("/etc/metaserve/tls/", &out)
            .replace("/etc/metaserve/nats/", &out)
            .replace(".example.org:4222", ".invalid:4222");
        let (file, state) = (path("daemon.toml"), path("state"));
        fs::write(&file, sample).unwrap();
        let checked = run(DAEMON, &["check", "--config", &file, "--state-dir", &state]).await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
        // Names without an address are no mistake: the daemon would start.
        let tried = checked.output.matches("cannot be reached now").count();
        assert_eq!(tried, 3, "{checked:?}");
    }
}

/// The image's compiler could not build the bridge.
#[test]
fn the_compiler_of_the_image_is_new_enough_for_every_package() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let needed = |package: &str| {
        let manifest = read(package);
        let version = manifest.lines().find_map(|line| {
            let version = line.strip_prefix("rust-version = \"")?;
            Some(version.trim_end_matches('"').to_owned())
        });
        version.map(|version| minor(&version))
    };
    fn minor(version: &str) -> u32 {
        let minor = version.strip_prefix("1.").unwrap().split(['.', '-']).next();
        minor.unwrap().parse().unwrap()
    }
    let packages = ["Cargo.toml", "daemon/Cargo.toml", "lobby-bridge/Cargo.toml"];
    let needed = packages.iter().filter_map(|package| needed(package)).max();
    let dockerfile = read("deploy/Dockerfile");
    let image = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("FROM rust:"));
    assert_eq!(Some(minor(image.unwrap())), needed);
}

#[test]
fn containers_are_given_settings_that_exist() {
    let page = include_str!("../../../docs/reference/settings.md");
    let section = |program: &str| {
        let (_, section) = page.split_once(&format!("## {program}\n")).unwrap();
        section.split("\n## ").next().unwrap()
    };
    let programs = [
        ("METASERVE_AGENT_", section("metaserve-agent")),
        ("METASERVE_BRIDGE_", section("metaserve-lobby-bridge")),
        ("METASERVE_", section("metaserve-daemon")),
    ];
    let files = [
        include_str!("../../../deploy/Dockerfile"),
        include_str!("../../../deploy/compose.yaml"),
        include_str!("../../../deploy/compose-cluster.yaml"),
    ];
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let words = files
        .into_iter()
        .flat_map(|file| file.split(|c| !is_name(c)));
    let mut found = 0;
    for variable in words.filter(|word| word.starts_with("METASERVE_")) {
        let mut programs = programs.iter();
        let program = programs.find_map(|(prefix, page)| {
            let name = variable.strip_prefix(prefix)?;
            Some((page, name))
        });
        let (page, name) = program.unwrap();
        let flag = name.to_lowercase().replace('_', "-");
        assert!(page.contains(&format!("| `--{flag} ")), "{variable}");
        found += 1;
    }
    assert!(found >= 8, "{found}");
}
