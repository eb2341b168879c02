//! The sample of the configuration file, as the package installs it.

use crate::{AGENT, process::Home};
use metaserve_tests::run;
use std::collections::BTreeSet;

const CONFIG: &str = include_str!("../../../deploy/config/agent.toml");

/// The lines of the sample, with those that are switched off.
fn all_lines() -> impl Iterator<Item = &'static str> {
    let is_switched_off = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    let lines = CONFIG.lines();
    lines.map(move |line| {
        if is_switched_off(line) {
            &line[1..]
        } else {
            line
        }
    })
}

/// What `check` says of this file.
async fn checked(file: &str) -> String {
    let home = Home::new();
    home.write(file);
    let (file, state) = (home.file(), home.state());
    let [file, state] = [&file, &state].map(|it| it.to_str().unwrap());
    let ended = run(AGENT, &["check", "--config", file, "--state-dir", state]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.output
}

#[tokio::test]
async fn the_sample_configuration_is_valid_as_it_is_and_with_everything_switched_on() {
    assert!(checked(CONFIG).await.contains("the agent would start"));
    // Settings without a default: they need something that is not here.
    let needs_more = |line: &&str| line.starts_with("fingerprint") || line.starts_with("ca ");
    let all: Vec<_> = all_lines().filter(|line| !needs_more(line)).collect();
    let said = checked(&all.join("\n")).await;
    for line in [
        "server arena: listed in openarena with port 27960",
        "server mine: listed in my-game with port 7777; tells its state over HTTP",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[tokio::test]
async fn the_sample_configuration_shows_every_setting() {
    let help = run(AGENT, &["--help"]).await.output;
    let flags = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--"));
    let exist: BTreeSet<_> = flags.filter_map(|flag| flag.split(' ').next()).collect();
    let shown: BTreeSet<_> = all_lines()
        .filter_map(|line| line.split([' ', ']']).next())
        .map(|word| word.trim_start_matches('['))
        .collect();
    // Settings for the file itself, for the directory that the unit sets, and for people at a
    // terminal.
    let elsewhere = ["config", "state-dir", "log-format"];
    let left_out: Vec<_> = exist
        .iter()
        .filter(|flag| !shown.contains(*flag) && !elsewhere.contains(flag))
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}
