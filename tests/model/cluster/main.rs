//! The registries of a cluster, compared with a model of what they must show.
//!
//! A script of random [`Step`](steps::Step)s drives several registries. What each one's own feed
//! says goes to the others as messages, which the script loses, doubles, and delivers in any order;
//! a gap is closed by a snapshot. After every tick the list of a member is compared with a pure
//! function of what it knows: what its own servers say, and what other members have stated. At the
//! end all lists are the same. Clients go from member to member: with their first frame they have
//! the list of the member that they have come to.
//!
//! ```text
//!   steps ──▶ Registry ── own feed ──▶ messages ──▶ Replica ──▶ Registry of another member
//!                └──▶ Feed ── equal ── shown(own servers, replicas)
//! ```
#![forbid(unsafe_code)]

mod shown;
mod steps;
#[expect(
    dead_code,
    reason = "rows and the limit on games are the other model's"
)]
#[path = "../truth.rs"]
mod truth;
mod world;

use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use std::{cell::Cell, env};
use steps::script;
use world::World;

/// What is wrong, if anything.
type Verdict = TestCaseResult;

/// How many scripts are played, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 300;

#[test]
fn every_member_and_every_client_that_moves_shows_what_the_owners_say() {
    let cases = env::var("PROPTEST_CASES").ok();
    let mut runner = TestRunner::new(Config {
        cases: cases.and_then(|it| it.parse().ok()).unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let (moved, resumed) = (Cell::new(0), Cell::new(0));
    let verdict = runner.run(&script(), |steps| {
        let mut world = World::new();
        world.play(&steps)?;
        moved.set(moved.get() + world.moved);
        resumed.set(resumed.get() + world.resumed);
        Ok(())
    });
    if let Err(error) = verdict {
        panic!("{error}");
    }
    let (moved, resumed) = (moved.get(), resumed.get());
    println!("of {moved} clients that moved, {resumed} were told what is different");
    assert!(resumed > 0, "clients are never told what is different");
}
