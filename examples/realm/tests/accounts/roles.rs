//! One process has the role at a time.

use crate::world::{PASSWORD, Role, World, answer};
use serde_json::json;

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
