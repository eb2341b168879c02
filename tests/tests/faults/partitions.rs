//! Faults of networks: they are partitioned and joined again.

use crate::{
    truth::{GONE_WITHIN, IDLE_TIMEOUT},
    world::World,
};
use std::time::{Duration, Instant};

#[tokio::test]
async fn every_list_is_right_after_a_partition_of_thirty_seconds() {
    let mut world = World::new().await;
    let [far, near, far_client, near_client] = [(); 4].map(|()| world.net.place());
    world.server("far", &far).await;
    world.server("near", &near).await;
    world.client("far_client", &far_client);
    world.client("near_client", &near_client);
    world.rounds(2).await;

    let cut = Instant::now();
    for place in [&far, &far_client] {
        world.net.wire(place, "down");
    }
    world.heard("far", false);
    world.healthy("far_client", false);
    world.silence_is_noticed("a partition").await;
    world.rounds(2).await;
    // Heartbeats of this time reach no one yet.
    world.say("far").await;
    tokio::time::sleep(Duration::from_secs(30).saturating_sub(cut.elapsed())).await;

    for place in [&far, &far_client] {
        world.net.wire(place, "up");
    }
    world.heard("far", true);
    world.healthy("far_client", true);
    let took = world.agree("together again").await;
    println!("figure: a partition of 30 s: every list is right {took:.1?} after it");
    world.rounds(2).await;
    world.done("before and after a partition").await;
}

#[tokio::test]
async fn a_server_that_cannot_be_heard_leaves_and_comes_back() {
    let mut world = World::new().await;
    let [mute, other, reader] = [(); 3].map(|()| world.net.place());
    world.server("mute", &mute).await;
    world.server("other", &other).await;
    world.client("reader", &reader);
    world.rounds(2).await;
    world.net.lose_all("input", &mute);
    world.heard("mute", false);
    world.silence_is_noticed("a server that only hears").await;
    world.rounds(2).await;
    world.net.open();
    world.heard("mute", true);
    world.agree("it is heard again").await;
    world.done("a server that only hears").await;
}

#[tokio::test]
async fn a_server_that_hears_nothing_leaves_and_comes_back() {
    let mut world = World::new().await;
    let [deaf, other, reader] = [(); 3].map(|()| world.net.place());
    world.server("deaf", &deaf).await;
    world.server("other", &other).await;
    world.client("reader", &reader);
    world.rounds(2).await;
    world.net.lose_all("output", &deaf);
    let cut = Instant::now();
    // It is alive and heard until it gives up the connection, which takes one idle timeout. From
    // then on it is silent, and the daemon notices that after another idle timeout.
    let gone = |list: &crate::truth::Shown| list.iter().all(|(_, it)| !it.starts_with("deaf"));
    world.until("reader", "it is gone", gone).await;
    let took = cut.elapsed();
    println!("figure: a server that only speaks: off every list after {took:.1?}");
    assert!(took <= IDLE_TIMEOUT + GONE_WITHIN, "{took:?}");
    world.heard("deaf", false);
    world.rounds(2).await;
    world.net.open();
    world.heard("deaf", true);
    world.agree("it hears again").await;
    world.done("a server that only speaks").await;
}

#[tokio::test]
async fn a_client_that_could_not_be_heard_is_right_again() {
    let mut world = World::new().await;
    let [server, mute, reader] = [(); 3].map(|()| world.net.place());
    world.server("one", &server).await;
    world.client("mute", &mute);
    world.client("reader", &reader);
    world.rounds(2).await;
    world.net.lose_all("input", &mute);
    world.healthy("mute", false);
    world.rounds(20).await;
    world.net.open();
    world.healthy("mute", true);
    world.agree("it is heard again").await;
    world.done("a client that only hears").await;
}
