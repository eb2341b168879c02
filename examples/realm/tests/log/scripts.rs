//! Long stories, made up by chance: every command that is accepted is done once and in order, and
//! no character is ever in two zones, whichever owners are frozen and come back.
//!
//! The zones of these stories are tiny: commands are said aloud by their numbers, or lead to
//! another zone. A player's sheet counts what was done, and is carried along.

mod owner;
mod story;

use self::story::Step;
use crate::stage::Stage;
use proptest::test_runner::{Config, TestRunner};

/// Tells so many stories, each to a log of its own.
fn tell(stories: u32, stage: impl Fn() -> Stage) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: stories,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = proptest::collection::vec(Step::any(), 1..200);
    TestRunner::new(config)
        .run(&steps, |steps| {
            runtime.block_on(story::tell(stage(), steps))
        })
        .unwrap();
}

#[test]
fn every_command_is_done_once_and_in_order_in_memory() {
    tell(300, Stage::memory);
}

#[test]
#[ignore = "needs redis-server: tests/live.sh realm"]
fn every_command_is_done_once_and_in_order_in_redis() {
    tell(30, Stage::redis);
}
