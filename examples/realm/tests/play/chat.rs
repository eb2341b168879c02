//! Who hears what.

use crate::{player::Socket, world::World};
use serde_json::json;

fn say(scope: &serde_json::Value, text: &str) -> serde_json::Value {
    json!({ "type": "say", "scope": scope, "text": text })
}

#[tokio::test]
async fn what_is_said_in_a_zone_is_heard_there_only() {
    let (world, _host, gateway) = World::with_gateway().await;
    for account in ["ann", "bob"] {
        world.character(account, account);
    }
    world.character_in("cid", "Cid", "shared/cellar");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "ann").await;
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "bob").await;
    let (mut cid, _) = Socket::play(&world, &gateway, "cid", "Cid").await;
    ann.does(1, say(&json!("zone"), "here")).await;
    assert_eq!(bob.heard("here").await, "ann");
    ann.heard("here").await;
    // Whatever is told in the cellar after that comes after it.
    cid.does(1, say(&json!("zone"), "down here")).await;
    assert_eq!(cid.heard_until("down here").await, ["down here"]);
}

#[tokio::test]
async fn a_whisper_is_heard_by_one_wherever_it_is_and_an_absent_one_is_said_to_be() {
    let (world, _host, gateway) = World::with_gateway().await;
    for account in ["ann", "bob"] {
        world.character(account, account);
    }
    world.character_in("cid", "Cid", "shared/cellar");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "ann").await;
    let (mut bob, _) = Socket::play(&world, &gateway, "bob", "bob").await;
    let (mut cid, _) = Socket::play(&world, &gateway, "cid", "Cid").await;
    ann.does(1, say(&json!({ "to": "CID" }), "psst")).await;
    assert_eq!(cid.heard("psst").await, "ann");
    ann.command(2, say(&json!({ "to": "Dora" }), "psst")).await;
    let why = ann.refused(2).await;
    assert!(why.contains("Dora is not here"), "{why}");
    // Its number is not used up.
    ann.does(2, say(&json!("all"), "everybody")).await;
    assert_eq!(bob.heard_until("everybody").await, ["everybody"]);
}

#[tokio::test]
async fn everybody_is_heard_while_a_zone_host_is_down() {
    let (world, host, gateway) = World::with_gateway().await;
    let other = world.gateway().await;
    world.character("ann", "Ann");
    world.character_in("bob", "Bob", "shared/cellar");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let (mut bob, _) = Socket::play(&world, &other, "bob", "Bob").await;
    host.kill().await;
    ann.does(1, say(&json!("all"), "hello, world")).await;
    assert_eq!(bob.heard("hello, world").await, "Ann");
    bob.does(1, say(&json!({ "to": "Ann" }), "quietly")).await;
    assert_eq!(ann.heard("quietly").await, "Bob");
}
