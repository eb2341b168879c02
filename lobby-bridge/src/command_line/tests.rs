use super::*;
use crate::{settings::Bridge, vcmi};
use metaserve::{PublishAt, Trust, program::settings::Settings as _};
use std::{fs, time::Duration};

fn asked(arguments: &[&str]) -> anyhow::Result<(BridgeSettings, Vec<String>)> {
    match ask([NAME].iter().chain(arguments))? {
        Asked::Service(given, remarks) => Ok((given.settle()?.settings, remarks)),
        Asked::Command(command) => panic!("{command:?}"),
    }
}

/// The settings of a command line.
#[derive(Debug)]
struct Settled {
    vcmi: Option<vcmi::Settings>,
    daemons: Vec<String>,
    publish_at: PublishAt,
    trust: Trust,
}

fn bridge(arguments: &[&str]) -> anyhow::Result<Settled> {
    let settings = asked(arguments)?.0;
    let vcmi = settings.vcmi.lobby(&settings.public_address);
    let Bridge {
        daemons,
        publish_at,
        trust,
        ..
    } = Bridge::of(settings)?;
    Ok(Settled {
        vcmi,
        daemons,
        publish_at,
        trust,
    })
}

fn with_file(text: &str, arguments: &[&str]) -> anyhow::Result<Settled> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bridge.toml");
    fs::write(&path, text).unwrap();
    bridge(&[&["--config", path.to_str().unwrap()], arguments].concat())
}

/// Returns an error with its causes, as an operator reads it.
fn chain(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn a_protocol_runs_when_its_address_is_given() {
    let bridge = bridge(&["--vcmi", "[::]:5002"]).unwrap();
    let vcmi = bridge.vcmi.unwrap();
    assert_eq!(vcmi.listen, "[::]:5002".parse().unwrap());
    assert_eq!(
        (vcmi.limits.capacity, vcmi.health_check),
        (50, Duration::from_secs(30))
    );
    assert!(bridge.daemons.is_empty());
}

#[test]
fn a_former_module_name_still_selects_its_log_lines() {
    let vcmi = ["--vcmi", "[::]:5002", "--log"];
    let filter = "info,metaserve_lobby_bridge::myth=debug";
    let (settings, _) = asked(&[&vcmi[..], &[filter]].concat()).unwrap();
    assert_eq!(
        settings.live.log,
        "info,metaserve_lobby_bridge::aleph_one=debug"
    );
}

#[test]
fn at_least_one_protocol_must_be_enabled() {
    let error = chain(&bridge(&[]).unwrap_err());
    assert!(error.starts_with("no lobby is enabled"), "{error}");
}

#[test]
fn the_command_line_wins_over_the_file() {
    let file = "vcmi = \"127.0.0.1:1\"\nvcmi-capacity = 7\nvcmi-healthcheck = \"1m\"\n\
                public-address = [\"192.0.2.1\", \"2001:db8::1\"]\ndaemon = \"list.example:7500\"";
    let bridge = with_file(file, &["--vcmi-capacity", "9"]).unwrap();
    let vcmi = bridge.vcmi.unwrap();
    assert_eq!(
        (vcmi.limits.capacity, vcmi.health_check),
        (9, Duration::from_secs(60))
    );
    assert_eq!(vcmi.public_addresses.len(), 2);
    assert_eq!(bridge.daemons, ["list.example:7500"]);
    assert_eq!(bridge.publish_at, PublishAt::One);
}

#[test]
fn several_daemons_are_named_with_commas_or_in_a_list() {
    let vcmi = ["--vcmi", "[::]:1"];
    let several = [
        "--daemon",
        "a.example:1,b.example:2",
        "--publish-at",
        "every",
    ];
    let bridge = bridge(&[&vcmi[..], &several].concat()).unwrap();
    assert_eq!(bridge.daemons, ["a.example:1", "b.example:2"]);
    assert_eq!(bridge.publish_at, PublishAt::Every);
    let file = "daemon = [\"a.example:1\", \"b.example:2\"]";
    let bridge = with_file(file, &vcmi).unwrap();
    assert_eq!(bridge.daemons, ["a.example:1", "b.example:2"]);
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let error = chain(&with_file("vcmi = \"[::]:1\"\nvcmi-capacty = 3", &[]).unwrap_err());
    assert!(
        error.contains("bridge.toml") && error.contains("vcmi-capacty"),
        "{error}"
    );
}

#[test]
fn times_are_seconds_or_have_units() {
    for (text, seconds) in [("10", 10), ("30s", 30), ("1m 30s", 90)] {
        let bridge = bridge(&["--vcmi", "[::]:1", "--vcmi-healthcheck", text]).unwrap();
        assert_eq!(
            bridge.vcmi.unwrap().health_check,
            Duration::from_secs(seconds)
        );
    }
    let bridge = with_file("vcmi = \"[::]:1\"\nvcmi-healthcheck = 12", &[]).unwrap();
    assert_eq!(bridge.vcmi.unwrap().health_check, Duration::from_secs(12));
}

#[test]
fn invalid_settings_are_refused_with_a_reason() {
    let vcmi = ["--vcmi", "[::]:1"];
    // (arguments, what the error names)
    let table: [(&[&str], &str); 8] = [
        (&["--vcmi-healthcheck", "9"], "choose 10s or more"),
        (&["--vcmi-healthcheck", "soon"], "--vcmi-healthcheck"),
        (&["--vcmi-capacity", "0"], "vcmi-capacity"),
        (&["--daemon", "list.example"], "--daemon"),
        (&["--daemon", "list.example:0"], "--daemon"),
        (&["--daemon", "list.example:1,none"], "give `none` alone"),
        (&["--fingerprint", "12ab"], "--fingerprint"),
        (
            &["--config", "/does/not/exist.toml"],
            "/does/not/exist.toml",
        ),
    ];
    for (arguments, named) in table {
        let error = chain(&bridge(&[&vcmi[..], arguments].concat()).unwrap_err());
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn a_master_for_no_servers_is_refused() {
    let error = bridge(&["--quake3", "[::]:27950", "--quake3-servers", "0"]).unwrap_err();
    let error = chain(&error);
    assert!(error.contains("--quake3-servers"), "{error}");
}

#[test]
fn fingerprints_are_read_with_or_without_colons() {
    let fingerprint = "ab:".repeat(31) + "AB";
    let bridge = bridge(&["--vcmi", "[::]:1", "--fingerprint", &fingerprint]).unwrap();
    let pinned = metaserve::Fingerprint::from_bytes([0xab; 32]);
    assert!(matches!(bridge.trust, Trust::Fingerprints(it) if it == [pinned]));
}

#[test]
fn old_words_mean_the_new_options() {
    let words = [
        "logging=warning",
        "port=5003",
        "capacity=60",
        "healthcheck=20",
    ];
    let bridge = bridge(&words).unwrap();
    let vcmi = bridge.vcmi.unwrap();
    assert_eq!(vcmi.listen, "[::]:5003".parse().unwrap());
    assert_eq!(
        (vcmi.limits.capacity, vcmi.health_check),
        (60, Duration::from_secs(20))
    );
    let (settings, remarks) = asked(&words).unwrap();
    assert_eq!((&*settings.live.log, remarks.len()), ("warn", 0));
}

#[test]
fn one_old_word_enables_the_lobby_at_its_old_port() {
    let bridge = bridge(&["capacity=60"]).unwrap();
    assert_eq!(bridge.vcmi.unwrap().listen, "[::]:5002".parse().unwrap());
    let least = self::bridge(&["capacity=1", "healthcheck=10"]).unwrap();
    let vcmi = least.vcmi.unwrap();
    let read = (vcmi.limits.capacity, vcmi.health_check);
    assert_eq!(read, (1, Duration::from_secs(10)));
    let remarks = asked(&["capacity=1", "healthcheck=10"]).unwrap().1;
    assert_eq!(remarks.len(), 0);
    for (word, level) in [
        ("debug", "debug"),
        ("info", "info"),
        ("warning", "warn"),
        ("error", "error"),
        ("critical", "error"),
    ] {
        let (settings, remarks) = asked(&[&format!("logging={word}")]).unwrap();
        assert_eq!((&*settings.live.log, remarks.len()), (level, 0));
    }
    assert_eq!(
        BridgeSettings::defaults().state_dir.as_os_str(),
        "bridge-state"
    );
}

#[test]
fn limits_of_half_open_connections_follow_the_capacity() {
    let limits = |arguments: &[&str]| {
        let arguments = [&["--vcmi", "[::]:1"], arguments].concat();
        let limits = bridge(&arguments).unwrap().vcmi.unwrap().limits;
        let (each, all) = (limits.undecided_per_host, limits.undecided);
        (limits.capacity, limits.clients_per_host, each, all)
    };
    assert_eq!(limits(&[]), (50, 50, 64, 512));
    let many = ["--vcmi-capacity", "1000"];
    assert_eq!(limits(&many), (1_000, 1_000, 1_000, 2_000));
    let few = ["--vcmi-per-address", "3", "--vcmi-half-open", "9"];
    assert_eq!(limits(&few), (50, 3, 64, 9));
}

#[test]
fn without_settings_the_vcmi_lobby_has_its_defaults() {
    let vcmi = bridge(&["--vcmi", "[::]:5002"]).unwrap().vcmi.unwrap();
    let defaults = vcmi::Settings::default();
    assert_eq!(vcmi.limits, defaults.limits);
    assert_eq!(
        (vcmi.listen, vcmi.health_check, vcmi.statistics),
        (defaults.listen, defaults.health_check, defaults.statistics)
    );
}

#[test]
fn flags_override_old_words_and_these_override_the_file() {
    let file = "vcmi-capacity = 1\nvcmi-healthcheck = 11";
    let arguments = ["--vcmi-capacity", "3", "capacity=2", "healthcheck=22"];
    let vcmi = with_file(file, &arguments).unwrap().vcmi.unwrap();
    assert_eq!(
        (vcmi.limits.capacity, vcmi.health_check),
        (3, Duration::from_secs(22))
    );
}

#[test]
fn remarks_of_the_old_program_are_repeated() {
    let words = ["port=0", "capacity=0", "healthcheck=9", "colour=red"];
    let bridge = bridge(&words).unwrap();
    let vcmi = bridge.vcmi.unwrap();
    assert_eq!(vcmi.listen.port(), 5002);
    assert_eq!(
        (vcmi.limits.capacity, vcmi.health_check),
        (50, Duration::from_secs(30))
    );
    assert_eq!(
        asked(&words).unwrap().1,
        [
            "Cannot listen port 0, continue with default 5002",
            "Cannot limit connections capacity with 0, continue with default 50",
            "Too frequent timer for healthcheck, continue with default 30",
        ]
    );
}

/// A mistyped command opened a lobby to everybody.
#[test]
fn an_unknown_word_is_an_error() {
    for (arguments, named) in [
        (&["acount", "list"][..], "'account'"),
        (&["acount", "list", "--vcmi", "[::]:1"], "'account'"),
        (&["verbose", "port=5002"], "'verbose'"),
        (&["port=5002", "verbose"], "'port=5002'"),
        (&["port=5002", "account", "list"], "'port=5002'"),
        (&["account"], "list"),
        (&["--state-dir", "x", "hub", "lst"], "'list'"),
    ] {
        let error = bridge(arguments).unwrap_err();
        let Some(error) = error.downcast_ref::<clap::Error>() else {
            panic!("{arguments:?}: {error}");
        };
        assert_eq!(error.exit_code(), 2, "{arguments:?}");
        let error = error.to_string();
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn options_stand_before_or_after_a_command() {
    for line in [
        "--state-dir x account list",
        "account --state-dir x list",
        "account list --state-dir x",
        "--aleph-one 127.0.0.1:6321 hub add hub.example 4226 --state-dir x",
        "--ban-file x ban 192.0.2.1",
        "ban list --ban-file x",
    ] {
        let asked = ask([NAME].into_iter().chain(line.split(' '))).unwrap();
        let Asked::Command(command) = asked else {
            panic!("{line}: {asked:?}");
        };
        let values = command.given().apart().unwrap().values.to_string();
        assert!(values.contains(" x "), "{line}: {values}");
    }
}

#[test]
fn every_setting_of_aleph_one_has_its_former_name() {
    let settings = BridgeSettings::declared();
    let settings = settings
        .iter()
        .filter(|it| it.name.starts_with("aleph-one"));
    let settings: Vec<_> = settings.collect();
    assert_eq!(settings.len(), 26);
    for it in settings {
        let former = it.name.replacen("aleph-one", "myth", 1);
        assert_eq!(it.aliases, [former]);
    }
}

/// The sample configuration that packages install.
const SAMPLE: &str = include_str!("../../../deploy/config/bridge.toml");

#[test]
fn the_sample_configuration_shows_every_setting_and_is_valid() {
    let is_setting =
        |line: &&str| !line.starts_with("# ") && !line.starts_with("#   ") && line.contains(" = ");
    let lines = SAMPLE.lines().filter(is_setting);
    let lines: Vec<_> = lines.map(|line| line.trim_start_matches('#')).collect();
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let mut shown: Vec<_> = lines.iter().map(|line| name(line)).collect();
    shown.sort();
    // The unit sets the first, and the second is for people at a terminal.
    let elsewhere = ["state-dir", "log-format"];
    let declared = BridgeSettings::declared().into_iter().map(|it| it.name);
    let mut declared: Vec<_> = declared.filter(|it| !elsewhere.contains(&&**it)).collect();
    declared.sort();
    assert_eq!(shown, declared);

    // Its fingerprint is not valid, and excludes `ca`.
    let lines = lines.iter().filter(|line| name(line) != "fingerprint");
    let text = lines.copied().collect::<Vec<_>>().join("\n");
    for text in [text.replace("aleph-one", "myth"), text, SAMPLE.to_owned()] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let (settings, _) = asked(&["--config", path]).unwrap();
        assert_eq!(settings.vcmi.vcmi, "[::]:5002".parse().ok());
    }
}
