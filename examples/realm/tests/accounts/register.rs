//! New accounts.

use crate::world::{PASSWORD, World};
use serde_json::{Value, json};

pub(crate) async fn an_account_is_made_once(world: &World) {
    let ann = json!({ "name": "Ann", "password": PASSWORD, "email": "ann@example.org" });
    let (status, body) = world.post("/accounts", ann.clone()).await;
    assert_eq!((status, &body), (201, &json!({ "name": "Ann" })));
    // Of several who want a name at the same time, one gets it.
    let bob = || world.post("/accounts", json!({ "name": "bob", "password": PASSWORD }));
    let (a, b, c) = tokio::join!(bob(), bob(), bob());
    let mut statuses = [a.0, b.0, c.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    world.log_in("ANN").await;
    world.log_in("bob").await;
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
