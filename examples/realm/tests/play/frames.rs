//! What is not a frame, and pages of other sites.

use crate::{player::Socket, world::World};
use realm::play;
use serde_json::json;

#[tokio::test]
async fn garbage_is_answered_and_the_player_plays_on() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let deep = "[".repeat(9_000);
    for garbage in [
        "",
        "{}",
        "nonsense",
        r#"{"type":"fly"}"#,
        &deep,
        &"x".repeat(17_000),
    ] {
        ann.send(garbage).await;
        ann.refused(0).await;
    }
    ann.send_binary(vec![0; 100]).await;
    assert!(ann.refused(0).await.contains("binary"));
    for far in ["1e300", "20.5", "-21"] {
        ann.send(format!(r#"{{"type":"move","dx":{far},"dy":0,"seq":1}}"#))
            .await;
        assert!(ann.refused(1).await.contains("20 metres"));
    }
    for nothing in ["NaN", "1e999", "Infinity"] {
        ann.send(format!(
            r#"{{"type":"move","dx":{nothing},"dy":0,"seq":1}}"#
        ))
        .await;
        ann.refused(0).await;
    }
    ann.does(1, json!({ "type": "move", "dx": 1, "dy": 0 }))
        .await;
}

#[tokio::test]
async fn who_sends_nothing_but_garbage_is_closed_and_nobody_else() {
    let (world, _host, gateway) = World::with_gateway().await;
    world.character("ann", "Ann");
    let (mut ann, _) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let mut other = Socket::open(&gateway).await;
    for _ in 0..10 {
        other.send("garbage").await;
    }
    let why = other.closing().await;
    assert!(why.contains("10 frames in a row"), "{why}");
    let mut huge = Socket::open(&gateway).await;
    huge.send("x".repeat(100_000)).await;
    huge.ended().await;
    ann.does(1, json!({ "type": "move", "dx": 1, "dy": 0 }))
        .await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_play() {
    let world = World::start();
    let listed = play::Settings {
        origin: vec!["https://play.example.org".into()],
        ..play::Settings::default()
    };
    let gateway = world.gateway_with(listed).await;
    let host = gateway.url.strip_prefix("http://").unwrap();
    for (origin, status) in [
        ("https://evil.example", Some(403)),
        ("null", Some(403)),
        ("http://127.0.0.1:1", Some(403)),
        ("https://play.example.org.evil.example", Some(403)),
        ("https://play.example.org", None),
        (&*format!("http://{host}"), None),
    ] {
        let opened = Socket::open_from(&gateway, origin).await;
        assert_eq!(opened.err(), status, "{origin}");
    }
}

#[tokio::test]
async fn sockets_are_bounded_for_each_address() {
    let world = World::start();
    let few = play::Settings {
        max_sockets_per_address: 2,
        ..play::Settings::default()
    };
    let gateway = world.gateway_with(few).await;
    let origin = gateway.url.clone();
    let first = Socket::open_from(&gateway, &origin).await;
    let _second = Socket::open_from(&gateway, &origin).await.ok().unwrap();
    assert_eq!(Socket::open_from(&gateway, &origin).await.err(), Some(503));
    drop(first);
    while Socket::open_from(&gateway, &origin).await.is_err() {}
}
