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

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseResult},
};
use std::sync::atomic::{AtomicUsize, Ordering};
use steps::script;
use world::World;

/// What is wrong, if anything.
type Verdict = TestCaseResult;

/// How many clients were given a delta by another member than the one that they came from.
static RESUMED: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(Config {
        cases: 1000,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    })]

    fn every_member_shows_what_the_owners_say_and_all_show_the_same_in_the_end(
        steps in script()
    ) {
        let mut world = World::new();
        world.play(&steps)?;
        RESUMED.fetch_add(world.resumed, Ordering::Relaxed);
    }
}

#[test]
fn lists_of_members_and_of_clients_that_move_between_them_are_what_the_owners_say() {
    every_member_shows_what_the_owners_say_and_all_show_the_same_in_the_end();
    let resumed = RESUMED.load(Ordering::Relaxed);
    println!("{resumed} clients went on at another member by a delta");
    assert!(resumed > 0, "clients are never given a delta");
}
