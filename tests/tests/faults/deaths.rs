//! Faults of processes: they are killed.

use crate::world::World;

#[tokio::test]
async fn a_killed_server_leaves_and_a_restarted_one_takes_its_own_place() {
    let mut world = World::new().await;
    let [victim, returns, other, reader] = [(); 4].map(|()| world.net.place());
    let identity = tempfile::tempdir().unwrap();
    world.server("victim", &victim).await;
    let daemon = world.address(&returns);
    let seen = returns.address.into();
    let known = Some(identity.path());
    world
        .server_via("returns", &returns, daemon, seen, known)
        .await;
    world.server("other", &other).await;
    world.client("reader", &reader);
    world.rounds(2).await;

    world.killed("victim").await;
    // At no time is it listed twice, beside its former self.
    world.killed("returns").await;
    world
        .server_via("returns", &returns, daemon, seen, known)
        .await;
    world.say("returns").await;
    world.silence_is_noticed("a killed server").await;
    world.rounds(2).await;
    world.done("servers killed").await;
}

#[tokio::test]
async fn killed_clients_affect_no_one() {
    let mut world = World::new().await;
    let [server, reader, other] = [(); 3].map(|()| world.net.place());
    world.server("one", &server).await;
    world.client("reader", &reader);
    for round in 0..10 {
        let name = format!("client {round}");
        world.client(&name, &other);
        world.rounds(1).await;
        world.client_killed(&name).await;
    }
    world.rounds(2).await;
    world.done("clients killed").await;
}

#[tokio::test]
async fn a_restarted_daemon_gets_everybody_back() {
    let mut world = World::with(&["one", "two", "three"], &["reader", "other"]).await;
    world.rounds(2).await;
    let mut world = world.daemon_killed_and_started_again().await;
    world.say("one").await;
    let took = world.agree("everybody is back").await;
    println!("figure: a killed daemon: every list is right {took:.1?} after it is back");
    world.rounds(2).await;
    world.done("the daemon killed").await;
}
