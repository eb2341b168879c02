//! Bad networks: every heartbeat still reaches every list.

use crate::world::World;

/// Makes three servers and two clients.
async fn five() -> World {
    let world = World::with(&["one", "two", "three"], &["reader", "other"]).await;
    world.agree("everybody is there").await;
    world
}

async fn with_loss(of_a_hundred: u32) {
    let mut world = five().await;
    world.net.lose(of_a_hundred);
    world.rounds(10).await;
    world.ends("one");
    world.agree("one has gone").await;
    let place = world.net.place();
    world.client("newcomer", &place);
    world.rounds(3).await;
    world.done(&format!("{of_a_hundred}% loss")).await;
}

#[tokio::test]
async fn one_packet_in_twenty_is_lost() {
    with_loss(5).await;
}

#[tokio::test]
async fn one_packet_in_five_is_lost() {
    with_loss(20).await;
}

/// Runs two servers and a client, each behind its own bad network.
async fn behind(weather: &str, what: &str) {
    let mut world = World::new().await;
    for server in ["one", "two"] {
        let router = world.net.place();
        let place = world.net.behind(&router);
        let daemon = world.weather(&router, &place, weather).await;
        let seen = router.address.into();
        world.server_via(server, &place, daemon, seen, None).await;
    }
    let router = world.net.place();
    let place = world.net.behind(&router);
    let daemon = world.weather(&router, &place, weather).await;
    world.client_via("reader", &place, daemon);
    world.agree("everybody is there").await;
    world.rounds(10).await;
    world.ends("one");
    world.agree("one has gone").await;
    world.done(what).await;
}

// Seed, loss, delay, jitter, reordered, duplicated.

#[tokio::test]
async fn packets_take_200_milliseconds_and_up_to_100_more() {
    behind("1 0 200 100 0 0", "200 ms and jitter").await;
}

#[tokio::test]
async fn one_packet_in_four_is_overtaken() {
    behind("2 0 10 5 25 0", "25% reordered").await;
}

#[tokio::test]
async fn one_packet_in_four_arrives_twice() {
    behind("3 0 10 5 0 25", "25% duplicated").await;
}

#[tokio::test]
async fn everything_at_once() {
    behind(
        "4 5 100 50 10 10",
        "loss, delay, reordering and duplication at once",
    )
    .await;
}

#[tokio::test]
async fn networks_of_256_kilobits_per_second() {
    let mut world = World::new().await;
    world.padding = 1000;
    for server in ["one", "two", "three", "four", "five", "six"] {
        let place = world.net.place();
        world.net.narrow(&place, "256kbit");
        world.server(server, &place).await;
    }
    let place = world.net.place();
    world.net.narrow(&place, "256kbit");
    world.client("reader", &place);
    world.rounds(8).await;
    world.done("256 kbit/s").await;
}
