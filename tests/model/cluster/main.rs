//! The registries of a cluster, compared with a model of what they must show.
//!
//! A script of random [`Step`](steps::Step)s drives several registries. What each one's own feed
//! says goes to the others as messages, which the script loses, doubles, and delivers in any order;
//! a gap is closed by a snapshot. After every tick the list of a member is compared with a pure
//! function of what it knows: what its own servers say, and what other members have stated. At the
//! end all lists are the same.
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
use steps::script;
use world::World;

/// What is wrong, if anything.
type Verdict = TestCaseResult;

proptest! {
    #![proptest_config(Config {
        cases: 300,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    })]

    #[test]
    fn every_member_shows_what_the_owners_say_and_all_show_the_same_in_the_end(
        steps in script()
    ) {
        World::new().play(&steps)?;
    }
}
