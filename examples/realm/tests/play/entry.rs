//! Who is let in.

use crate::{
    player::Socket,
    world::{World, name},
};
use realm::{
    messages::{Down, Up},
    tickets::AUDIENCE,
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

#[tokio::test]
async fn one_log_in_is_recognised_by_the_gateway_and_by_two_zone_hosts() {
    let (world, host, gateway) = World::with_gateway().await;
    let other = world.host("host-2").await;
    world.character("ann", "Ann");
    let ticket = world.ticket("ann");
    for process in [&gateway, &host, &other] {
        let mut ann = Socket::hello(process, &ticket, None).await;
        ann.ready().await;
        ann.enter("ann").await;
        ann.say(&Up::Bye).await;
        assert_eq!(ann.closing().await, "goodbye");
        world.whereabouts("Ann", |it| !it.present).await;
    }
}

#[tokio::test]
async fn forged_expired_and_other_tickets_are_refused() {
    let (world, host, gateway) = World::with_gateway().await;
    #[expect(
        clippy::disallowed_methods,
        reason = "tickets are valid from a time on"
    )]
    let now = SystemTime::now();
    let forged = World::start().ticket("ann");
    let tickets = [
        forged,
        String::new(),
        "v4.public.AAAA".into(),
        world.ticket_with("ann", "service", AUDIENCE, now),
        world.ticket_with("not a name", "login", AUDIENCE, now),
        world.ticket_with("ann", "login", "elsewhere", now),
        world.ticket_with("ann", "login", AUDIENCE, now - Duration::from_secs(7_200)),
    ];
    for process in [&host, &gateway] {
        for ticket in &tickets {
            let mut ann = Socket::hello(process, ticket, None).await;
            let why = ann.closing().await;
            assert!(why.contains("log in again"), "{why}");
        }
    }
}

#[tokio::test]
async fn a_character_is_played_by_its_own_account_only() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let mut bob = Socket::hello(&gateway, &world.ticket("bob"), None).await;
    bob.ready().await;
    for other in ["Ann", "Nobody"] {
        let character = name(other);
        bob.say(&Up::Enter { character }).await;
        let why = bob.refused(0).await;
        assert!(
            why.contains(&format!("you have no character {other}")),
            "{why}"
        );
    }
    bob.enter("Bob").await;
}

#[tokio::test]
async fn a_second_session_is_refused_until_the_first_has_ended() {
    let (world, _host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    let (mut first, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let strange = "0123456789abcdef".parse().unwrap();
    for process in [&gateway, &other] {
        for resume in [None, Some(&strange)] {
            let mut second = Socket::hello(process, &world.ticket("ANN"), resume).await;
            let why = second.closing().await;
            assert!(why.contains("is playing already"), "{why}");
        }
    }
    first.say(&Up::Bye).await;
    first.closing().await;
    world.whereabouts("Ann", |it| !it.present).await;
    // The release is on its way.
    let mut second = loop {
        let mut second = Socket::hello(&other, &world.ticket("ann"), None).await;
        let is_ready = second
            .until("an answer", |down| match down {
                Down::Ready { .. } => Some(true),
                Down::Closing { .. } => Some(false),
                _ => None,
            })
            .await;
        if is_ready {
            break second;
        }
    };
    second.enter("Ann").await;
}

#[tokio::test]
async fn who_played_lately_goes_on_while_accounts_are_away() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    drop(ann);
    world.keeper.is_away.store(true, Ordering::Relaxed);
    let mut ann = Socket::hello(&gateway, &world.ticket("ann"), Some(&session)).await;
    ann.ready().await;
    ann.enter("Ann").await;
    // Nobody knows whose the others are.
    let mut bob = Socket::hello(&gateway, &world.ticket("bob"), None).await;
    bob.ready().await;
    let character = name("Ann");
    bob.say(&Up::Enter { character }).await;
    bob.refused(0).await;
}
