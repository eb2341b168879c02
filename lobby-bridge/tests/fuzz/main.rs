//! The fuzz targets, on a stable compiler: each is run over its corpus, and over mutations of it that
//! are the same in each run. `METASERVE_FUZZ_ROUNDS` is how many: for a long run, see
//! `lobby-bridge/fuzz/README.md`.

#![forbid(unsafe_code)]

mod mutation;
#[expect(
    unreachable_pub,
    reason = "for libFuzzer they are a crate of their own"
)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use mutation::mutated;
use targets::TARGETS;

/// How many mutations of its corpus each target is run over.
const ROUNDS: u64 = 2_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target's corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder().join("corpus").join(name)).expect("a corpus");
    let mut files: Vec<_> = files.map(|it| it.expect("a file").path()).collect();
    files.sort();
    let inputs: Vec<_> = files.iter().map(|it| fs::read(it).expect("text")).collect();
    assert!(inputs.len() >= 5, "{name} has too few inputs");
    inputs
}

/// An input that is being tried. Says what it is if the target panics.
struct Tried<'a>(&'a [u8]);

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: b\"{}\"", self.0.escape_ascii());
        }
    }
}

/// Runs a target over its corpus and mutations of it.
fn holds(name: &str) {
    let target = TARGETS.iter().find(|(it, _)| *it == name);
    let (_, run) = target.expect("a target");
    let run = |input: &[u8]| {
        let _tried = Tried(input);
        run(input);
    };
    let corpus = corpus(name);
    corpus.iter().for_each(|input| run(input));
    let rounds = std::env::var("METASERVE_FUZZ_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |it| it.parse().expect("a number"));
    for round in 0..rounds {
        let mut rng = Rng::with_seed(round);
        let [seed, other] = [(); 2].map(|()| rng.usize(..corpus.len()));
        run(&mutated(&corpus[seed], &corpus[other], &mut rng));
    }
}

#[test]
fn the_packets_of_aleph_one_are_read_wherever_they_are_cut() {
    holds("aleph_one_frames");
}

#[test]
fn the_list_of_ddnet_stands_any_request() {
    holds("ddnet");
}

#[test]
fn the_frames_of_vcmi_are_read_wherever_they_are_cut() {
    holds("frames");
}

#[test]
fn the_hall_of_aleph_one_stands_any_packet() {
    holds("hall");
}

#[test]
fn the_lobby_of_vcmi_stands_any_frame() {
    holds("lobby");
}

#[test]
fn the_list_of_luanti_stands_any_announcement() {
    holds("luanti");
}

#[test]
fn the_masters_of_quake_stand_any_datagram() {
    holds("quake");
}

/// A target without a test, a program or a word in the README would never be run.
#[test]
fn every_target_has_a_program_a_corpus_a_test_and_a_word_in_the_readme() {
    let [manifest, readme] = ["Cargo.toml", "README.md"].map(|file| {
        let file = folder().join(file);
        fs::read_to_string(file).expect("text")
    });
    let mut programs = BTreeSet::new();
    for (name, _) in TARGETS {
        let program = fs::read_to_string(folder().join(format!("targets/{name}.rs")));
        let wanted = format!(
            "//! See `src/{name}.rs`.\n\n#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|input: &[u8]| \
             metaserve_lobby_bridge_fuzz::{name}::fuzz(input));\n"
        );
        assert_eq!(program.expect("a program"), wanted);
        let bin = format!("name = \"{name}\"\npath = \"targets/{name}.rs\"");
        assert!(manifest.contains(&bin), "{bin}");
        assert!(readme.contains(&format!("* `{name}`: ")), "{name}");
        let test = format!("holds(\"{name}\");");
        assert!(include_str!("main.rs").contains(&test), "{test}");
        programs.insert(format!("{name}.rs"));
    }
    let found = fs::read_dir(folder().join("targets")).expect("a folder");
    let found = found.map(|it| it.expect("a file").file_name().into_string().expect("text"));
    assert_eq!(found.collect::<BTreeSet<_>>(), programs);
}
