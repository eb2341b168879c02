use super::*;
use crate::command_line::CommandLine;
use clap::CommandFactory;
use metaserve::{
    Limit,
    program::settings::{DeclaredSetting, Settings as _},
};

fn settings(arguments: &[&str]) -> anyhow::Result<Settings> {
    let words = ["metaserve-daemon", "--state-dir", "/nowhere"];
    Settings::parse(words.iter().chain(arguments))
}

fn with_file(text: &str, arguments: &[&str]) -> anyhow::Result<Settings> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("daemon.toml");
    std::fs::write(&path, text).unwrap();
    settings(&[arguments, &["--config", path.to_str().unwrap()]].concat())
}

fn complaint(result: anyhow::Result<Settings>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn the_command_line_is_valid() {
    CommandLine::command().debug_assert();
}

#[test]
fn without_arguments_everything_has_a_default() {
    let settings = settings(&[]).unwrap();
    assert_eq!(settings.listen, "[::]:4433".parse().unwrap());
    assert_eq!(settings.tick, Duration::from_secs(1));
    assert_eq!(settings.live.limits, Limits::default());
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
    let file = "tick = '200ms'\nmax-heartbeat = 100";
    let settings = with_file(file, &["--tick", "300ms"]).unwrap();
    assert_eq!(settings.tick, Duration::from_millis(300));
    assert_eq!(settings.live.limits.max_heartbeat_bytes, 100);
    assert_eq!(settings.live.limits.idle_timeout, Duration::from_secs(15));
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
         heartbeats-per-interval = 1\nsend-window = 16384\nban-file = 'b'\n\
         cluster = ['nats://h:1']\ncluster-name = 'n'\ncluster-member = 'm'\ncluster-key = 'k'\n\
         cluster-ca = 'c'\ncluster-cert = 'c'\ncluster-cert-key = 'k'\ncluster-role = 'member'\n\
         cluster-hold = '1s'\ncluster-keep = '1s'\ncluster-bans = 'off'\ncluster-max-servers = 1\n\
         names = 'on'\nnames-need-ticket = ['k']\nnames-audience = 'a'\nmax-claims = 1\n\
         max-claims-per-peer = 1\nmax-watches = 1\nmax-orders = 1\nmax-orders-per-host = 1\n\
         max-resolvers = 1\nmax-offers = 1\nmax-requests-per-peer = 1\nrequests-per-second = 1\n\
         requests-at-once = 1\nannounce = 'off'\nhttp-trusted-proxy = ['127.0.0.0/8']\n\
         max-announced = 1\nannounces-per-prefix = 1\nannounces-at-once = 1"
    );
    let settings = with_file(&file, &[]).unwrap();
    assert!(!settings.segmentation_offload);
    assert_eq!(settings.live.trust_relay, [relay.parse().unwrap()]);
    assert_eq!(
        settings.live.join_links()[&"oa".parse().unwrap()],
        "quake3://{address}"
    );
    let certificate = (Path::new("c"), Path::new("k"));
    assert_eq!(settings.certificate(), Some(certificate));
    let declared = Settings::declared();
    let shown = declared.iter().filter(|it| !it.is_hidden);
    assert_eq!(file.lines().count(), shown.count());
}

#[test]
fn a_daemon_is_in_a_cluster_only_when_nats_servers_are_named() {
    assert!(!settings(&[]).unwrap().cluster.is_on());
    let urls = "nats://127.0.0.1:1,tls://n2:4222";
    let cluster = settings(&["--cluster", urls, "--cluster-member", "a"]);
    let cluster = cluster.unwrap().cluster;
    assert_eq!(cluster.servers.len(), 2);
    assert_eq!(cluster.name.as_str(), "metaserve");
    assert_eq!(cluster.role, ClusterRole::Member);
    let hold = cluster.hold(Duration::from_secs(15));
    assert_eq!(hold, Duration::from_secs(30));
}

#[test]
fn pools_are_parts_of_all_connections_unless_they_are_given() {
    let settings = settings(&["--max-connections", "100"]);
    let limits = settings.unwrap().live.limits;
    assert_eq!((limits.max_servers, limits.max_clients), (40, 80));
    let file = "max-connections = 100\nmax-servers = 7";
    let limits = with_file(file, &[]).unwrap().live.limits;
    assert_eq!((limits.max_servers, limits.max_clients), (7, 80));
}

#[test]
fn the_old_name_of_the_limits_per_prefix_sets_those_that_are_not_given() {
    let file = "max-connections-per-prefix = 30";
    let limits = with_file(file, &["--max-clients-per-prefix", "9"]);
    let limits = limits.unwrap().live.limits;
    assert_eq!(limits.max_servers_per_prefix, 30);
    assert_eq!(limits.max_clients_per_prefix, 9);
}

#[test]
fn trusted_prefixes_are_added_to_the_private_ones_unless_none_are_wanted() {
    let trusts = |arguments: &[&str], address: &str| {
        let trusted = settings(arguments).unwrap().live.trusted();
        trusted.covering(address.parse().unwrap()).is_some()
    };
    assert!(trusts(&[], "127.0.0.1") && !trusts(&[], "192.0.2.1"));
    let hoster = ["--trusted-prefix", "192.0.2.0/24=9"];
    assert!(trusts(&hoster, "127.0.0.1") && trusts(&hoster, "192.0.2.1"));
    let only = [&hoster[..], &["--trusted-prefix", "none"]].concat();
    assert!(!trusts(&only, "127.0.0.1") && trusts(&only, "192.0.2.1"));
}

/// The 64 servers of an address, announced every 5 s as they were told, were refused 429 in turn.
#[test]
fn the_servers_of_an_address_may_be_announced_as_often_as_they_are_told() {
    let limits = settings(&["--announce", "on"]).unwrap().live.limits;
    let every = announce::announce_every(*announce::TTLS.start()).as_secs_f64();
    let sent = limits.max_listed_per_prefix as f64 / every;
    assert!(f64::from(limits.announces_per_prefix) >= sent, "{sent}");
    // All of them at once, twice: after a restart, and with a change.
    assert!(limits.announces_at_once as usize >= 2 * limits.max_listed_per_prefix);
    for (rate, fits) in [("13", true), ("12", false)] {
        let given = settings(&["--announce", "on", "--announces-per-prefix", rate]);
        assert_eq!(given.is_ok(), fits, "{rate}");
    }
    // Without announcements it does not matter.
    assert!(settings(&["--announces-per-prefix", "1"]).is_ok());
}

#[test]
fn complaints_say_what_to_do() {
    let table: [(&[&str], &str); 25] = [
        (&["--cert", "c"], "--cert needs --key"),
        (&["--key", "k"], "--key needs --cert"),
        (&["--tick", "1ms"], "choose 20ms or more"),
        (&["--tick", "soon"], "write a duration like 200ms, 3s or 1m"),
        (&["--idle-timeout", "1s"], "choose 6s or more"),
        (
            &["--min-interval", "1m"],
            "lower the first or raise the second",
        ),
        (&["--max-heartbeat", "0"], "choose 1 or more, up to 1048576"),
        (&["--http", "on"], "127.0.0.1:8080, or off"),
        (&["--hello-timeout", "0s"], "choose 1s or more, up to 1m"),
        (
            &["--send-window", "1"],
            "choose 16384 or more, up to 16777216",
        ),
        (&["--max-clients", "0"], "choose 1 or more"),
        (&["--max-servers", "0"], "choose 1 or more"),
        (
            &["--trusted-prefix", "example.net"],
            "192.0.2.0/24, 2001:db8::/32=500 or none",
        ),
        (&["--threads", "0"], "choose 1 or more"),
        (&["--threads", "100000"], "choose 64 or less, down to 1"),
        (&["--trust-relay", "abc"], "64 hexadecimal digits"),
        (
            &["--join-link", "x=javascript:{address}"],
            "choose the scheme that the game registers",
        ),
        (
            &["--join-link", "x=a:{address},x=b:{address}"],
            "is given twice",
        ),
        (&["--cluster", "localhost"], "write a URL like"),
        (
            &["--cluster-member", "a"],
            "--cluster-member needs --cluster",
        ),
        (
            &["--cluster", "nats://h", "--cluster-cert", "c"],
            "needs --cluster-cert-key",
        ),
        (&["--cluster-name", "A"], "a-z, 0-9 and -"),
        (&["--cluster-hold", "0s"], "choose 1s or more, up to 1h"),
        (&["--cluster-role", "king"], "member, edge"),
        (
            &["--announce", "on", "--max-listed-per-prefix", "1000"],
            "raise --announces-per-prefix to 200",
        ),
    ];
    for (arguments, expected) in table {
        let complaint = complaint(settings(arguments));
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
    let declared = Settings::declared();
    let is_limit = |it: &&DeclaredSetting| it.section.as_deref() == Some("Limits");
    let limits: Vec<_> = declared.iter().filter(is_limit).collect();
    assert_eq!(limits.len(), Limit::ALL.len());
    for (limit, it) in Limit::ALL.iter().zip(limits) {
        assert_eq!(limit.setting(), format!("--{}", it.name));
        assert!(it.is_live && it.bounds.is_some() && !it.explanation.is_empty());
    }
}
