//! New accounts.

use crate::world::{PASSWORD, World, admit, commit, eventually, meadow, player};
use realm::{
    log::Log,
    object::{Point, Sheet},
};
use serde_json::{Value, json};

pub(crate) async fn an_account_is_made_once(world: &World) {
    let ann = json!({ "name": "Ann", "password": PASSWORD, "email": "ann@example.org" });
    let (status, body) = world.post("/accounts", ann.clone()).await;
    assert_eq!((status, &body), (201, &json!({ "name": "Ann" })));
    // Of several who want a name at the same time, one gets it.
    let bob = |password: &'static str| {
        world.post("/accounts", json!({ "name": "bob", "password": password }))
    };
    let (a, b, c) = tokio::join!(bob("password 1"), bob("password 2"), bob("password 3"));
    let mut statuses = [a.0, b.0, c.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    world.log_in("ANN").await;
}

/// Somebody whose answer was lost sends the same request again.
pub(crate) async fn who_asks_again_hears_that_it_was_made(world: &World) {
    let cat = json!({ "name": "cat", "password": PASSWORD, "email": "cat@example.org" });
    for _ in 0..2 {
        assert_eq!(world.post("/accounts", cat.clone()).await.0, 201);
    }
    let other = json!({ "name": "cat", "password": "something else" });
    assert_eq!(world.post("/accounts", other).await.0, 409);
    let (ticket, _) = world.log_in("cat").await;
    let first = world.create(&ticket, "Tom").await;
    assert_eq!(first.0, 201);
    assert_eq!(world.create(&ticket, "Tom").await, first);
    // It has been somewhere since, so it is no answer that was lost.
    let sheet = serde_json::from_value(first.1["sheet"].clone()).unwrap();
    let tom = player("Tom", "cat", Point { x: 1.0, y: 1.0 }, sheet);
    admit(&*world.log, "Tom", "cat", Sheet::default()).await;
    let commit = commit(&*world.log, 1, vec![tom]).await;
    world.log.commit(&meadow(), &commit).await.unwrap();
    eventually(async || world.log.dirty(9).await.unwrap().is_empty()).await;
    let (status, body) = world.create(&ticket, "Tom").await;
    assert_eq!(status, 409);
    let words = body["error"].as_str().unwrap();
    assert!(words.contains("already"), "{words}");
}

pub(crate) async fn a_taken_name_or_email_is_answered(world: &World) {
    let post = |name: &str, email: Value| {
        world.post(
            "/accounts",
            json!({ "name": name, "password": PASSWORD, "email": email }),
        )
    };
    assert_eq!(post("ann", json!("ann@example.org")).await.0, 201);
    let (status, body) = post("ANN", Value::Null).await;
    assert_eq!((status, &body["field"]), (409, &json!("name")), "{body}");
    let (status, body) = post("bob", json!("Ann@Example.org")).await;
    assert_eq!((status, &body["field"]), (409, &json!("email")), "{body}");
    // Several may have none.
    assert_eq!(post("cat", Value::Null).await.0, 201);
    assert_eq!(post("dan", json!("")).await.0, 201);
}

pub(crate) async fn names_passwords_and_emails_have_bounds(world: &World) {
    let long = "x".repeat(129);
    for (field, name, password, email) in [
        ("name", "a", PASSWORD, None),
        ("name", "1a", PASSWORD, None),
        ("name", "seventeenletters1", PASSWORD, None),
        ("name", "an n", PASSWORD, None),
        ("name", "änn", PASSWORD, None),
        ("name", "a'; --", PASSWORD, None),
        ("password", "ann", "1234567", None),
        ("password", "ann", &long, None),
        ("email", "ann", PASSWORD, Some("nonsense")),
    ] {
        let body = json!({ "name": name, "password": password, "email": email });
        let (status, body) = world.post("/accounts", body).await;
        assert_eq!(
            (status, &body["field"]),
            (400, &json!(field)),
            "{name}: {body}"
        );
        assert!(body["error"].is_string());
    }
    // 8 and 128 characters, which may have several bytes each.
    for (name, password) in [("ann", "ä".repeat(8)), ("bob", "🐔".repeat(128))] {
        let body = json!({ "name": name, "password": password });
        assert_eq!(world.post("/accounts", body.clone()).await.0, 201);
        assert_eq!(world.post("/sessions", body).await.0, 200);
    }
}
