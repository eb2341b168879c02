//! One process has the role at a time.

use crate::world::{PASSWORD, Role, World, answer};
use serde_json::json;

/// Of the processes that find an empty database, none fails because another one makes the tables.
pub(crate) async fn several_find_an_empty_database(world: &World) {
    world.pause().await;
    for _ in 0..5 {
        world.empty_database().await;
        let starts = (0..8).map(|_| Role::start(&world.settings, world.log.clone(), &world.daemon));
        for role in futures::future::join_all(starts).await {
            role.end().await;
        }
    }
    world.go_on().await;
}

#[tokio::test]
async fn a_second_process_is_a_spare_and_says_so() {
    let world = World::start().await;
    world.register("ann").await;
    let spare = Role::start(&world.settings, world.log.clone(), &world.daemon).await;
    let health = || world.http.get(format!("{}/health", spare.url));
    let log_in = || {
        let body = json!({ "name": "ann", "password": PASSWORD });
        world
            .http
            .post(format!("{}/sessions", spare.url))
            .json(&body)
    };
    for request in [health(), log_in()] {
        let (status, body) = answer(request).await;
        assert_eq!(status, 503);
        assert!(body["error"].as_str().unwrap().contains("spare"), "{body}");
    }
    let later = log_in().send().await.unwrap();
    assert!(later.headers().contains_key("retry-after"));
    // It takes over as soon as the other one is gone, with the same accounts.
    world.pause().await;
    spare.serves(&world.http).await;
    assert_eq!(answer(log_in()).await.0, 200);
    spare.end().await;
}
