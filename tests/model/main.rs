//! The registry, feeds and clients' lists, compared with a model of them.
//!
//! A script of random [`Step`](steps::Step)s drives the real registry, its feeds and the lists of
//! clients, in virtual time, with the bytes that would be sent in between. The
//! [`Truth`](truth::Truth) is maintained beside it: what must be listed, in plain maps. Each list
//! is compared with it after every change, not only at the end: it must be the truth as of some
//! tick.
//!
//! ```text
//!   steps ──┬──▶ Registry ──▶ Feed ──▶ Subscription ──▶ bytes ──▶ ListMessage ──▶ List ──┐
//!           └──▶ Truth ─────▶ Shown, by revision ──────────────────────────────── equal ◀┘
//! ```
//!
//! All of it runs in one thread without sockets. Other tests cover what happens between threads,
//! and what a network does to the bytes.
#![forbid(unsafe_code)]

mod client;
mod oracle;
mod steps;
mod truth;
mod world;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use std::{cell::Cell, env};
use steps::{House, script};
use world::World;

/// Seeds of scripts that have failed, or that fail when something is broken: one per line,
/// followed by what it found. A seed names the same script only as long as [`script`] does not
/// change.
const SEEDS: &str = include_str!("seeds");

/// Precedes the seed of a script with a crowded house.
const CROWDED: &str = "crowded ";

/// The number of steps in new random scripts, unless `METASERVE_MODEL_STEPS` is set.
const STEPS: u64 = 20_000;

/// What is wrong, if anything.
type Verdict = proptest::test_runner::TestCaseResult;

#[test]
fn every_list_is_a_published_one_and_the_final_one_is_the_truth() {
    // Created before a script makes the thread's own random numbers predictable.
    let mut seeds = fastrand::Rng::new();
    for line in SEEDS.lines().filter(|line| !line.starts_with('#')) {
        let (house, rest) = match line.strip_prefix(CROWDED) {
            Some(rest) => (House::Crowded, rest),
            None => (House::Roomy, line),
        };
        let seed = rest.split_whitespace().next().unwrap_or_default();
        let seed = u64::from_str_radix(seed, 16).expect("a line begins with a seed");
        run(seed, house);
    }
    let steps = env::var("METASERVE_MODEL_STEPS");
    let steps = steps.map_or(STEPS, |steps| steps.parse().expect("a number of steps"));
    let (mut done, mut scripts) = (0, 0_u64);
    while done < steps {
        let house = match scripts % 2 {
            0 => House::Roomy,
            _ => House::Crowded,
        };
        done += run(seeds.u64(..), house);
        scripts += 1;
    }
    println!("{done} steps in {scripts} random scripts");
}

/// Runs the script of this seed and house, and returns its length.
///
/// # Panics
/// When something is wrong, with the shortest failing script that was found.
fn run(seed: u64, house: House) -> u64 {
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_shrink_time: 10_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let script = script(house)
        .new_tree(&mut runner)
        .expect("no script is rejected");
    let (length, failed) = (Cell::new(None), Cell::new(false));
    let result = runner.run_one(script, |steps| {
        if length.get().is_none() {
            length.set(Some(steps.len() as u64));
        }
        // Epochs use this generator.
        fastrand::seed(seed);
        let verdict = World::new(house).play(&steps);
        if verdict.is_err() && !failed.replace(true) {
            println!("seed {seed:016x} ({house:?}) fails; looking for a shorter script");
        }
        verdict
    });
    match result {
        Ok(_) => length.get().unwrap_or(0),
        Err(TestError::Fail(reason, steps)) => panic!(
            "{reason}\nafter these steps:\n{}\nKeep the seed: add a line with {}{seed:016x} \
             and what it found to tests/model/seeds",
            steps
                .iter()
                .map(|step| format!("  {step:?}\n"))
                .collect::<String>(),
            if house == House::Crowded { CROWDED } else { "" },
        ),
        Err(TestError::Abort(reason)) => panic!("seed {seed:016x}: {reason}"),
    }
}
