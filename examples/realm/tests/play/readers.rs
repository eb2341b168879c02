//! Spectators, two gateways, and readers that do not read.

use crate::{
    player::Socket,
    world::{World, name},
};
use realm::{
    command::{Event, Happening, Output},
    ids::{ObjectId, ZoneId},
    log::{Commit, Cursor, Log},
    messages::{Down, Up},
    object::Seen,
    play,
};
use serde_json::json;

#[tokio::test]
async fn players_of_one_zone_at_two_gateways_see_and_hear_each_other() {
    let (world, _host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    ann.does(1, json!({ "type": "status", "text": "waving" }))
        .await;
    bob.until("a status", |down| match down {
        Down::Delta { changed, .. } => changed
            .iter()
            .find(|it| it.name == "Ann" && it.status == "waving")
            .map(|_| ()),
        _ => None,
    })
    .await;
    bob.does(
        1,
        json!({ "type": "say", "scope": "zone", "text": "hello" }),
    )
    .await;
    assert_eq!(ann.heard("hello").await, "Bob");
    bob.say(&Up::Bye).await;
    ann.until("who is gone", |down| match down {
        Down::Delta { gone, .. } => gone.iter().find(|it| it.as_str() == "@bob").map(|_| ()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_spectator_sees_a_shared_zone_without_a_log_in_and_no_secrets() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let mut spectator = Socket::open(&gateway).await;
    let zone = "shared/meadow".parse().unwrap();
    spectator.say(&Up::Watch { zone }).await;
    let objects = spectator
        .until("a snapshot", |down| {
            let text = serde_json::to_string(down).unwrap();
            assert!(!text.contains(session.as_str()), "{text}");
            match down {
                Down::Snapshot { objects, sheet, .. } => {
                    assert_eq!(*sheet, None);
                    Some(objects.clone())
                }
                _ => None,
            }
        })
        .await;
    assert!(objects.iter().any(|it| it.name == "Ann"));
    ann.does(1, json!({ "type": "move", "dx": 2, "dy": 0 }))
        .await;
    ann.does(
        2,
        json!({ "type": "say", "scope": "zone", "text": "watch me" }),
    )
    .await;
    spectator
        .until("words", |down| {
            if let Down::Delta { events, .. } = down {
                assert_eq!(*events, [], "what is for Ann only");
            }
            matches!(down, Down::Said { .. }).then_some(())
        })
        .await;
    let mut other = Socket::open(&gateway).await;
    let zone = "solo/garden/ann".parse().unwrap();
    other.say(&Up::Watch { zone }).await;
    other.refused(0).await;
    spectator
        .command(1, json!({ "type": "move", "dx": 2, "dy": 0 }))
        .await;
    spectator.refused(1).await;
}

#[tokio::test]
async fn spectators_can_be_switched_off() {
    let world = World::start();
    let off = play::Settings {
        max_spectators: 0,
        ..play::Settings::default()
    };
    let gateway = world.gateway_with(off).await;
    let mut spectator = Socket::open(&gateway).await;
    let zone = "shared/meadow".parse().unwrap();
    spectator.say(&Up::Watch { zone }).await;
    let why = spectator.refused(0).await;
    assert!(why.contains("without a log-in"), "{why}");
}

/// The spectator does not read while far more is told than the gateway keeps and the system buffers.
#[tokio::test]
async fn who_does_not_read_gets_a_snapshot_later_and_no_queue() {
    let world = World::start();
    let gateway = world.gateway().await;
    // The test is the zone.
    let zone: ZoneId = "shared/meadow".parse().unwrap();
    let names = world.daemon.names();
    let _claim = names.claim(zone.key()).value("{}").await.unwrap();
    world.log.take(&zone, 1).await.unwrap();
    let text = "x".repeat(500);
    let commit = async |rev, text: &str| {
        let said = || Event {
            to: None,
            what: Happening::Said {
                from: "bell".into(),
                text: text.into(),
            },
        };
        let output = Output {
            events: std::iter::repeat_with(said).take(WORDS).collect(),
            ..Output::default()
        };
        world.log.commit(&zone, &told(rev, output)).await.unwrap();
        tokio::task::yield_now().await;
    };
    commit(1, "the beginning").await;
    let mut spectator = Socket::open(&gateway).await;
    spectator.say(&Up::Watch { zone: zone.clone() }).await;
    let is_snapshot = |down: &Down| matches!(down, Down::Snapshot { .. }).then_some(());
    spectator.until("a snapshot", is_snapshot).await;
    for rev in 2..=REVISIONS {
        commit(rev, &text).await;
    }
    let (mut snapshots, mut words) = (0, 0);
    spectator
        .until("the end", |down| match down {
            Down::Snapshot { rev, .. } => {
                snapshots += 1;
                (*rev == REVISIONS).then_some(())
            }
            Down::Said { .. } => {
                words += 1;
                None
            }
            _ => None,
        })
        .await;
    assert!(snapshots > 0, "{words} words of {REVISIONS} times {WORDS}");
}

/// A commit of a zone that is the test's.
fn told(rev: u64, output: Output) -> Commit {
    Commit {
        epoch: 1,
        rev,
        cursor: Cursor::default(),
        world: serde_json::Value::Null,
        changed: Vec::new(),
        gone: Vec::new(),
        output,
        travellers: Vec::new(),
        leavers: Vec::new(),
        whispers: Vec::new(),
        wake: None,
    }
}

#[tokio::test]
async fn who_comes_in_hears_what_is_said_to_it_in_the_same_moment() {
    let world = World::start();
    let gateway = world.gateway().await;
    // The test is the zone.
    let zone: ZoneId = "shared/meadow".parse().unwrap();
    let names = world.daemon.names();
    let _claim = names.claim(zone.key()).value("{}").await.unwrap();
    world.log.take(&zone, 1).await.unwrap();
    let first = told(1, Output::default());
    world.log.commit(&zone, &first).await.unwrap();
    world.character("ann", "Ann");
    let mut ann = Socket::hello(&gateway, &world.ticket("ann"), None).await;
    ann.ready().await;
    let character = name("Ann");
    ann.say(&Up::Enter { character }).await;
    let is_snapshot = |down: &Down| matches!(down, Down::Snapshot { .. }).then_some(());
    ann.until("a snapshot without Ann", is_snapshot).await;
    let seen = Seen {
        id: ObjectId::player(&name("Ann")),
        kind: "player".into(),
        name: "Ann".into(),
        x: 1.0,
        y: 1.0,
        radius: 0.5,
        status: String::new(),
        health: None,
        level: None,
    };
    let welcome = Event {
        to: Some(name("Ann")),
        what: Happening::Said {
            from: "guide".into(),
            text: "welcome".into(),
        },
    };
    let output = Output {
        changed: vec![seen],
        events: vec![welcome],
        ..Output::default()
    };
    world.log.commit(&zone, &told(2, output)).await.unwrap();
    assert_eq!(ann.heard("welcome").await, "guide");
    ann.until("a snapshot with Ann", is_snapshot).await;
}

#[tokio::test]
async fn who_looks_at_a_zone_that_nobody_serves_is_told_so() {
    let world = World::start();
    let gateway = world.gateway().await;
    let mut spectator = Socket::open(&gateway).await;
    let zone = "shared/meadow".parse().unwrap();
    spectator.say(&Up::Watch { zone }).await;
    spectator
        .until("words", |down| match down {
            Down::Delta { events, .. } => events.iter().find_map(|it| match it {
                Happening::Told { text } => text.contains("shared/meadow").then_some(()),
                _ => None,
            }),
            _ => None,
        })
        .await;
}

/// Together 40 MB.
const REVISIONS: u64 = 2_000;

/// Of each revision.
const WORDS: usize = 40;
