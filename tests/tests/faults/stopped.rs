//! Processes that are stopped for a while and continue, like a suspended laptop or a virtual
//! machine that is moved.

use crate::{truth::IDLE_TIMEOUT, world::World};
use futures::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Shorter than the idle timeout, longer than it, and longer than all timeouts.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
];

/// Makes two servers and two clients, all of which see each other.
async fn world() -> World {
    let mut world = World::with(&["one", "two"], &["reader", "other"]).await;
    world.rounds(2).await;
    world
}

#[tokio::test]
async fn a_stopped_server_is_listed_again_and_stays_listed_for_a_short_pause() {
    join_all(PAUSES.map(async |pause| {
        let mut world = world().await;
        let goes_on = Instant::now() + pause;
        world.signal_server("one", "STOP").await;
        if pause > IDLE_TIMEOUT {
            world.heard("one", false);
            world.silence_is_noticed("a stopped server").await;
        }
        sleep_until(goes_on).await;
        // It cannot have come back by itself.
        world.agree("a stopped server").await;
        world.signal_server("one", "CONT").await;
        world.heard("one", true);
        world.say("one").await;
        let took = world.agree("a server that goes on").await;
        println!("figure: a server stopped for {pause:?}: every list is right after {took:.1?}");
        world.rounds(2).await;
        world.done("a server stopped").await;
    }))
    .await;
}

#[tokio::test]
async fn a_stopped_client_has_the_list_again_and_delays_no_one() {
    join_all(PAUSES.map(async |pause| {
        let mut world = world().await;
        let goes_on = Instant::now() + pause;
        world.signal_client("reader", "STOP").await;
        world.healthy("reader", false);
        while Instant::now() < goes_on {
            world.rounds(1).await;
        }
        world.signal_client("reader", "CONT").await;
        world.healthy("reader", true);
        let took = world.agree("a client that goes on").await;
        println!("figure: a client stopped for {pause:?}: its list is right after {took:.1?}");
        world.rounds(2).await;
        world.done("a client stopped").await;
    }))
    .await;
}

#[tokio::test]
async fn a_stopped_daemon_gets_everybody_back_and_loses_no_one_in_a_short_pause() {
    join_all(PAUSES.map(async |pause| {
        let mut world = world().await;
        world.daemon.signal("STOP").await;
        sleep_until(Instant::now() + pause).await;
        world.daemon.signal("CONT").await;
        world.say("one").await;
        let took = world.agree("a daemon that goes on").await;
        println!("figure: a daemon stopped for {pause:?}: every list is right after {took:.1?}");
        world.rounds(2).await;
        world.done("the daemon stopped").await;
    }))
    .await;
}
