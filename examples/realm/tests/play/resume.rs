//! Sessions over breaks.

use crate::{player::Socket, world::World};
use realm::{
    command::Happening,
    log::Log,
    messages::{Down, Up},
    play,
    testing::FaultyLog,
};
use serde_json::json;
use std::time::Duration;

fn say(text: &str) -> serde_json::Value {
    json!({ "type": "say", "scope": "zone", "text": text })
}

#[tokio::test]
async fn a_browser_that_sends_all_again_after_a_break_does_nothing_twice() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "Bob").await;
    let (mut ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    for seq in 1..=3 {
        ann.does(seq, say(&format!("word {seq}"))).await;
    }
    // Nobody knows whether the fourth has arrived.
    ann.command(4, say("word 4")).await;
    drop(ann);
    let mut ann = Socket::hello(&gateway, &world.ticket("ann"), Some(&session)).await;
    assert_eq!(ann.ready().await, session);
    let accepted = ann.enter("Ann").await;
    assert!((3..=4).contains(&accepted), "{accepted}");
    for seq in 1..=5 {
        ann.does(seq, say(&format!("word {seq}"))).await;
    }
    let heard = bob.heard_until("word 5").await;
    assert_eq!(heard, ["word 1", "word 2", "word 3", "word 4", "word 5"]);
}

#[tokio::test]
async fn a_session_goes_on_at_another_gateway_when_its_own_is_killed() {
    let (world, _host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    let (mut ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, say("word 1")).await;
    ann.command(2, say("word 2")).await;
    gateway.kill().await;
    drop(ann);
    let mut ann = Socket::hello(&other, &world.ticket("ann"), Some(&session)).await;
    assert_eq!(ann.ready().await, session);
    ann.enter("Ann").await;
    for seq in 1..=3 {
        ann.does(seq, say(&format!("word {seq}"))).await;
    }
    assert_eq!(
        bob.heard_until("word 3").await,
        ["word 1", "word 2", "word 3"]
    );
}

#[tokio::test]
async fn what_is_whispered_while_a_gateway_is_away_is_heard_at_the_next_one() {
    let (world, _host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    let (ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    gateway.kill().await;
    drop(ann);
    let whisper = json!({ "type": "say", "scope": { "to": "Ann" }, "text": "psst" });
    bob.does(1, whisper).await;
    let mut ann = Socket::hello(&other, &world.ticket("ann"), Some(&session)).await;
    ann.ready().await;
    ann.enter("Ann").await;
    assert_eq!(ann.heard("psst").await, "Bob");
}

#[tokio::test]
async fn a_session_waits_for_the_claim_of_a_killed_gateway_and_goes_on() {
    let (world, _host, other) = World::with_gateway().await;
    let (gateway, apart) = world.gateway_apart().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    let (mut ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, say("word 1")).await;
    ann.command(2, say("word 2")).await;
    // The daemon frees its claims when it has not heard of it for some seconds.
    apart.shutdown_background();
    drop(ann);
    let mut ann = Socket::hello(&other, &world.ticket("ann"), Some(&session)).await;
    assert_eq!(ann.ready().await, session);
    ann.enter("Ann").await;
    for seq in 1..=3 {
        ann.does(seq, say(&format!("word {seq}"))).await;
    }
    let heard = bob.heard_until("word 3").await;
    assert_eq!(heard, ["word 1", "word 2", "word 3"]);
}

#[tokio::test]
async fn a_command_waits_while_the_log_is_away_and_is_done_once() {
    let (world, _host, other) = World::with_gateway().await;
    let log = FaultyLog::over(world.log.clone());
    let gateway = world.gateway_over(log.clone()).await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    log.set_away(true);
    ann.command(1, say("word 1")).await;
    ann.until("words", |down| match down {
        Down::Ack { .. } | Down::Refused { .. } => panic!("{down:?}"),
        Down::Delta { events, .. } => events.iter().find_map(|it| match it {
            Happening::Told { text } => text.contains("is not lost").then_some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    log.set_away(false);
    ann.acked(1).await;
    ann.does(2, say("word 2")).await;
    assert_eq!(bob.heard_until("word 2").await, ["word 1", "word 2"]);
}

#[tokio::test]
async fn who_was_elsewhere_when_the_log_was_lost_is_shown_where_it_is_now() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, json!({ "type": "activate", "id": "gate" }))
        .await;
    let cellar = ann.snapshot_of_me().await.0;
    // It was not saved there.
    world.log.lose();
    ann.does(2, say("into nothing")).await;
    let meadow = ann.snapshot_of_me().await.0;
    assert_eq!([&*cellar, &*meadow], ["shared/cellar", "shared/meadow"]);
    ann.does(3, say("after")).await;
    assert_eq!(ann.heard("after").await, "Ann");
}

#[tokio::test]
async fn a_gateway_that_stops_says_so_and_its_players_stay_in_the_world() {
    let (world, _host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    let (mut ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, say("word 1")).await;
    gateway.stop().await;
    let why = ann.closing().await;
    assert!(why.contains("stops"), "{why}");
    let at = world
        .log
        .whereabouts(&"Ann".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(at.present);
    let mut ann = Socket::hello(&other, &world.ticket("ann"), Some(&session)).await;
    ann.ready().await;
    assert_eq!(ann.enter("Ann").await, 1);
}

#[tokio::test]
async fn the_newest_socket_of_a_session_displaces_the_one_before() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut first, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let mut second = Socket::hello(&gateway, &world.ticket("ann"), Some(&session)).await;
    second.ready().await;
    let why = first.closing().await;
    assert!(why.contains("elsewhere"), "{why}");
    second.enter("Ann").await;
    second.does(1, say("word 1")).await;
    let at = world
        .log
        .whereabouts(&"Ann".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(at.present);
}

#[tokio::test]
async fn a_player_who_does_not_come_back_leaves_the_world() {
    let world = World::start();
    let _host = world.host("host-1").await;
    let briefly = play::Settings {
        linger: Duration::from_millis(1),
        ..play::Settings::default()
    };
    let gateway = world.gateway_with(briefly).await;
    world.character("ann", "Ann");
    let (ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    drop(ann);
    world.whereabouts("Ann", |it| !it.present).await;
}

#[tokio::test]
async fn who_says_bye_leaves_at_once() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.say(&Up::Bye).await;
    assert_eq!(ann.closing().await, "goodbye");
    world.whereabouts("Ann", |it| !it.present).await;
}

#[tokio::test]
async fn a_player_comes_in_again_when_the_log_is_lost() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, say("before")).await;
    ann.heard("before").await;
    world.log.lose();
    ann.does(2, say("into nothing")).await;
    ann.snapshot_of_me().await;
    ann.does(3, say("after")).await;
    assert_eq!(ann.heard("after").await, "Ann");
}
