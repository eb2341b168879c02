//! Registry, feeds and clients' lists, held against a model of them.
//!
//! A script of random [`Step`](steps::Step)s drives the real registry, its feeds and the lists of
//! clients, in virtual time, with the bytes that would go over the wire in between. Beside it
//! goes the [`Truth`](truth::Truth): what must be listed, in plain maps. Each list is compared
//! with it whenever it changes, not only in the end: it must be the truth as of some tick.
//!
//! ```text
//!   steps ──┬──▶ Registry ──▶ Feed ──▶ Subscription ──▶ bytes ──▶ ListMessage ──▶ List ──┐
//!           └──▶ Truth ─────▶ Shown, by revision ──────────────────────────────── equal ◀┘
//! ```
//!
//! One thread does all that, and no sockets: what happens when threads meet, and what a network
//! does to the bytes, is for other tests.
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

/// Scripts that have failed once, or would if something were broken: a seed in each line, then
/// what it found. They name the same script only for as long as [`script`] stays as it is.
const SEEDS: &str = include_str!("seeds");

/// Before the seed of a script that is played in a crowded house.
const CROWDED: &str = "crowded ";

/// Steps of fresh random scripts, when `METASERVE_MODEL_STEPS` does not say otherwise.
const STEPS: u64 = 20_000;

/// What is wrong, if anything.
type Verdict = proptest::test_runner::TestCaseResult;

#[test]
fn every_list_is_what_was_published_and_in_the_end_the_truth() {
    // Before a script makes the thread's own numbers predictable.
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

/// Runs the script that `seed` stands for in this house, and gives its length.
///
/// # Panics
/// When something is wrong, with the shortest script that was found to show it.
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
        .expect("nothing is refused");
    let (length, failed) = (Cell::new(None), Cell::new(false));
    let result = runner.run_one(script, |steps| {
        if length.get().is_none() {
            length.set(Some(steps.len() as u64));
        }
        // Epochs are drawn from this.
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
