use super::*;
use metaserve::Limits;
use std::time::Duration;

fn config(arguments: &[&str]) -> anyhow::Result<Config> {
    let command_line = ["metaserve-daemon", "--state-dir", "/nowhere"]
        .iter()
        .chain(arguments);
    Cli::try_parse_from(command_line)?.serve.config()
}

fn with_file(text: &str, arguments: &[&str]) -> anyhow::Result<Config> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("daemon.toml");
    std::fs::write(&path, text).unwrap();
    config(&[arguments, &["--config", path.to_str().unwrap()]].concat())
}

fn complaint(result: anyhow::Result<Config>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn the_command_line_is_in_order() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn without_arguments_everything_has_a_default() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen, "[::]:4433".parse().unwrap());
    assert_eq!(config.tick, Duration::from_secs(1));
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
    let file = "tick = '200ms'\nmax-heartbeat = 100";
    let config = with_file(file, &["--tick", "300ms"]).unwrap();
    assert_eq!(config.tick, Duration::from_millis(300));
    assert_eq!(config.limits.max_heartbeat_bytes, 100);
    assert_eq!(config.limits.idle_timeout, Duration::from_secs(15));
}

#[test]
fn every_setting_of_the_command_line_is_one_of_the_file() {
    let relay = "ab".repeat(32);
    let file = format!(
        "listen = '127.0.0.1:1'\ncert = 'c'\nkey = 'k'\nstate-dir = 's'\ntick = '20ms'\n\
         min-interval = '1s'\nmax-heartbeat = 1\nidle-timeout = '6s'\nmax-connections = 1\n\
         max-games = 1\nmax-servers-per-relay = 1\nstall-timeout = '1s'\n\
         trust-relay = ['{relay}']\njoin-link = ['oa=quake3://{{address}}']\nsegmentation-offload = 'off'\nthreads = 2\nlog = 'debug'\n\
         log-format = 'json'\nhttp = 'off'\nmax-http-connections = 1\nmax-listeners = 1\n\
         max-servers = 1\nmax-clients = 1\nmax-servers-per-prefix = 1\n\
         max-clients-per-prefix = 1\nmax-listed-per-prefix = 1\ntrusted-prefix = ['none', '192.0.2.0/24=9']\nretry-above-handshakes = 0\n\
         retry-above-per-second = 0\nmax-handshakes = 1\nhello-timeout = '1s'\n\
         heartbeats-per-interval = 1\nsend-window = 16384\nban-file = 'b'"
    );
    let config = with_file(&file, &[]).unwrap();
    assert!(!config.segmentation_offload);
    assert_eq!(config.trust_relay, [relay.parse().unwrap()]);
    assert_eq!(
        config.join_links[&"oa".parse().unwrap()],
        "quake3://{address}"
    );
    assert_eq!(config.certificate, Some(("c".into(), "k".into())));
    assert_eq!(
        file.lines().count(),
        <Cli as clap::CommandFactory>::command()
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
            .count()
            - 1
    );
}

#[test]
fn pools_are_parts_of_all_connections_unless_they_are_given() {
    let limits = config(&["--max-connections", "100"]).unwrap().limits;
    assert_eq!((limits.max_servers, limits.max_clients), (40, 80));
    let file = "max-connections = 100\nmax-servers = 7";
    let limits = with_file(file, &[]).unwrap().limits;
    assert_eq!((limits.max_servers, limits.max_clients), (7, 80));
}

#[test]
fn the_old_name_of_the_limits_per_prefix_sets_those_that_are_not_given() {
    let file = "max-connections-per-prefix = 30";
    let limits = with_file(file, &["--max-clients-per-prefix", "9"]);
    let limits = limits.unwrap().limits;
    assert_eq!(limits.max_servers_per_prefix, 30);
    assert_eq!(limits.max_clients_per_prefix, 9);
}

#[test]
fn trusted_prefixes_are_added_to_the_private_ones_unless_none_are_wanted() {
    let trusts = |arguments: &[&str], address: &str| {
        let trusted = config(arguments).unwrap().trusted;
        trusted.covering(address.parse().unwrap()).is_some()
    };
    assert!(trusts(&[], "127.0.0.1") && !trusts(&[], "192.0.2.1"));
    let hoster = ["--trusted-prefix", "192.0.2.0/24=9"];
    assert!(trusts(&hoster, "127.0.0.1") && trusts(&hoster, "192.0.2.1"));
    let only = [&hoster[..], &["--trusted-prefix", "none"]].concat();
    assert!(!trusts(&only, "127.0.0.1") && trusts(&only, "192.0.2.1"));
}

#[test]
fn complaints_say_what_to_do() {
    let table: [(&[&str], &str); 17] = [
        (&["--cert", "c"], "--cert needs --key"),
        (&["--key", "k"], "--key needs --cert"),
        (&["--tick", "1ms"], "choose 20ms or more"),
        (&["--tick", "soon"], "write a duration as 200ms, 3s or 1m"),
        (&["--idle-timeout", "1s"], "choose 6s or more"),
        (
            &["--min-interval", "1m"],
            "lower the one or raise the other",
        ),
        (&["--max-heartbeat", "0"], "choose 1 to"),
        (&["--http", "on"], "127.0.0.1:8080, or off"),
        (&["--hello-timeout", "0s"], "choose 1s to 60s"),
        (&["--send-window", "1"], "choose 16384 to 16777216"),
        (&["--max-clients", "0"], "choose more"),
        (&["--max-servers", "0"], "choose more"),
        (
            &["--trusted-prefix", "example.net"],
            "192.0.2.0/24, 2001:db8::/32=500 or none",
        ),
        (&["--threads", "0"], "choose 1 or more"),
        (&["--trust-relay", "abc"], "64 hexadecimal digits"),
        (
            &["--join-link", "x=javascript:{address}"],
            "choose the scheme that the game registers",
        ),
        (
            &["--join-link", "x=a:{address},x=b:{address}"],
            "is given twice",
        ),
    ];
    for (arguments, expected) in table {
        let complaint = complaint(config(arguments));
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[test]
fn a_file_with_an_unknown_name_is_refused_with_the_name_and_the_line() {
    let complaint = complaint(with_file("tick = '1s'\ntikc = '1s'", &[]));
    assert!(
        complaint.contains("daemon.toml") && complaint.contains("`tikc`"),
        "{complaint}"
    );
    assert!(complaint.contains("line 2"), "{complaint}");
}

#[test]
fn every_limit_is_a_setting_of_the_same_name_and_explained() {
    let command = <Cli as clap::CommandFactory>::command();
    for limit in crate::rules::Limit::ALL {
        let setting = limit.setting();
        let mut longs = command.get_arguments().filter_map(clap::Arg::get_long);
        assert!(
            longs.any(|long| format!("--{long}") == setting),
            "{setting}"
        );
    }
}
