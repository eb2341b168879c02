//! Walks through gates, and deletions.

use crate::{player::Socket, world::World};
use realm::{log::Log, messages::Down};
use serde_json::json;

#[tokio::test]
async fn who_goes_through_a_gate_is_shown_the_other_zone() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "Bob").await;
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    ann.does(1, json!({ "type": "activate", "id": "gate" }))
        .await;
    let moved = ann
        .until("moved", |down| match down {
            Down::Moved { zone } => Some(zone.to_string()),
            _ => None,
        })
        .await;
    assert_eq!(moved, "shared/cellar");
    let (zone, objects) = ann.snapshot_of_me().await;
    assert_eq!(zone, "shared/cellar");
    assert!(objects.iter().any(|it| it.name == "Ann"));
    bob.until("who is gone", |down| match down {
        Down::Delta { gone, .. } => gone.iter().find(|it| it.as_str() == "@ann").map(|_| ()),
        _ => None,
    })
    .await;
    ann.does(
        2,
        json!({ "type": "say", "scope": "zone", "text": "down here" }),
    )
    .await;
    ann.heard("down here").await;
    bob.does(
        1,
        json!({ "type": "say", "scope": "zone", "text": "up here" }),
    )
    .await;
    assert_eq!(bob.heard_until("up here").await, ["up here"]);
}

#[tokio::test]
async fn what_is_taken_is_told_to_be_gone() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    world.character("bob", "Bob");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "Bob").await;
    let stored = world.log.stored(&"shared/meadow".parse().unwrap()).await;
    let objects = stored.unwrap().unwrap().objects;
    let apple = objects
        .into_iter()
        .find(|it| it.name == "apple")
        .unwrap()
        .id;
    ann.does(1, json!({ "type": "take", "id": apple })).await;
    bob.until("what is gone", |down| match down {
        Down::Delta { gone, .. } => gone.contains(&apple).then_some(()),
        _ => None,
    })
    .await;
}
