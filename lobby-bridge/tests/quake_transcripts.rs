//! Plays every recorded conversation with the master, which must answer as specified. The time is
//! that of the conversation, so nothing waits.

#![forbid(unsafe_code)]

mod quake_transcript;

use std::{fs, path::PathBuf};

use metaserve_lobby_bridge::{
    command_line::{self, Asked},
    quake::{Dialect, Master, Rules},
};
use quake_transcript::{Player, Transcript};

fn transcripts(dialect: Dialect) -> Vec<Transcript> {
    let all = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let directory = all.join(dialect.name());
    let entries = fs::read_dir(&directory).expect("the transcripts are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a readable file"));
    let read = |path| read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    paths.iter().map(read).collect()
}

/// The rules of a command line: those of the transcript, or any address and the defaults.
fn rules(dialect: Dialect, settings: Option<&[String]>) -> Rules {
    let any = ["--quake3-addresses".to_owned(), "any".to_owned()];
    let flag = format!("--{}", dialect.name());
    let start = ["bridge", &flag, "127.0.0.1:0"].map(str::to_owned);
    let line = start.iter().chain(settings.unwrap_or(&any));
    match command_line::ask(line) {
        Ok(Asked::Service(given, _)) => {
            let settings = given.settle().expect("valid settings").settings;
            let master = settings.quake.master(dialect);
            master.expect("it is enabled").rules
        }
        other => panic!("{other:?}"),
    }
}

fn are_answered_as_specified(dialect: Dialect, least: usize) {
    let transcripts = transcripts(dialect);
    let mut failed = Vec::new();
    for transcript in &transcripts {
        let master = Master::new(rules(dialect, transcript.settings.as_deref()), [7; 32]);
        if let Err(error) = Player::new(master).play(&transcript.steps) {
            failed.push(format!("{}: {error}", transcript.scenario));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(
        transcripts.len() >= least,
        "only {} transcripts",
        transcripts.len()
    );
}

#[test]
fn every_transcript_is_answered_as_specified() {
    are_answered_as_specified(Dialect::Quake3, 48);
}

#[test]
fn every_transcript_of_quakeworld_is_answered_as_specified() {
    are_answered_as_specified(Dialect::QuakeWorld, 15);
}

#[test]
fn every_transcript_of_quake_ii_is_answered_as_specified() {
    are_answered_as_specified(Dialect::Quake2, 18);
}

#[test]
fn every_transcript_of_goldsrc_is_answered_as_specified() {
    are_answered_as_specified(Dialect::GoldSrc, 28);
}

/// The page has a row for each script of the suite of another master.
#[test]
fn every_script_of_the_suite_has_a_transcript_or_says_why_not() {
    let page = include_str!("../../docs/specifications/quake3-master.md");
    let (_, table) = page
        .split_once("| script | asserts | here |\n")
        .expect("the table");
    let rows = table.lines().skip(1).take_while(|it| it.starts_with('|'));
    let scenarios: Vec<_> = transcripts(Dialect::Quake3)
        .into_iter()
        .map(|it| it.scenario)
        .collect();
    let (mut rows_seen, mut played) = (0, 0);
    for row in rows {
        let here = row
            .trim_end_matches(" |")
            .rsplit("| ")
            .next()
            .expect("a cell");
        let names = here.split(", ").map(|it| it.trim_matches('`'));
        for name in names.filter(|it| it.starts_with("suite-")) {
            assert!(scenarios.iter().any(|it| it == name), "{row}");
            played += 1;
        }
        rows_seen += 1;
    }
    assert_eq!(rows_seen, 20);
    let all = scenarios.iter().filter(|it| it.starts_with("suite-"));
    assert_eq!(
        played,
        all.count(),
        "each transcript of the suite is in the table"
    );
}
