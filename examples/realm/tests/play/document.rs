//! Every route is in the OpenAPI document, and answers as it says.

use crate::{api::Plain, player::Socket, world::World};
use realm::play;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn every_route_answers_as_the_document_says() {
    let world = World::start();
    let _host = world.host("host-1").await;
    let unbounded = play::Settings {
        max_requests_per_second: 1_000_000,
        ..play::Settings::default()
    };
    let gateway = world.gateway_with(unbounded).await;
    world.character("ann", "Ann");
    let (_ann, session) = Socket::play(&world, &gateway, "ann", "Ann").await;
    let stranger = Plain::new(&gateway, None);
    let ann = Plain::new(&gateway, Some(world.ticket("ann")));
    let bob = Plain::new(&gateway, Some(world.ticket("bob")));
    let (_, document) = stranger.get("/openapi.json").await;
    let (ws, bodies) = ("/ws", bodies(session.as_str()));
    let mut called = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let zones: &[&str] = match path.contains("{zone}") {
                true => &[
                    "shared%2Fmeadow",
                    "shared%2Fcellar",
                    "solo%2Fcellar%2Fann",
                    "nonsense",
                ],
                false => &[""],
            };
            for zone in zones {
                let url = path.replace("{zone}", zone);
                for client in [&stranger, &ann, &bob] {
                    if method == "get" {
                        check(&document, operation, &url, client.get(&url).await);
                        if operation["parameters"].to_string().contains("rev") {
                            for rev in ["0", "1", "99999999", "x"] {
                                let url = format!("{url}?rev={rev}");
                                check(&document, operation, &url, client.get(&url).await);
                            }
                        }
                    } else {
                        for body in &bodies {
                            check(&document, operation, &url, client.post(&url, body).await);
                        }
                    }
                    called += 1;
                }
            }
        }
    }
    assert!(called > 30 && document["paths"][ws].is_object(), "{called}");
}

/// Bodies, one of which is right for each route.
fn bodies(session: &str) -> Vec<Value> {
    let command = |seq: u64| json!({ "character": "Ann", "session": session, "seq": seq });
    let with = |mut body: Value, more: Value| {
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    vec![
        json!({}),
        json!({ "character": "Ann" }),
        json!({ "session": "0123456789abcdef" }),
        with(command(1), json!({ "dx": 1, "dy": 0 })),
        with(command(2), json!({ "text": "hello" })),
        with(
            command(3),
            json!({ "text": "hello", "scope": { "to": "Nobody" } }),
        ),
        with(command(4), json!({ "id": "gate-that-is-not-there" })),
        with(command(0), json!({ "text": "" })),
    ]
}

/// The status of an answer is in the document, and its body is as the schema there says.
fn check(document: &Value, operation: &Value, url: &str, (status, body): (StatusCode, Value)) {
    let response = &operation["responses"][status.as_str()];
    assert!(response.is_object(), "{url} answers {status}: {body}");
    if let Some(schema) = response["content"]["application/json"].get("schema") {
        let wrong = mismatch(document, schema, &body);
        assert_eq!(wrong, None, "{url} answers {status}: {body}");
    }
    if status.is_client_error() || status.is_server_error() {
        assert!(
            body["error"].as_str().is_some_and(|it| it.contains(' ')),
            "{url}: {body}"
        );
    }
}

/// Where a value is not as a schema says: the part of JSON Schema that the document uses.
fn mismatch(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let wrong = |what: &str| Some(format!("{value} is no {what}"));
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap();
        return mismatch(document, schema, value);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices
            .iter()
            .any(|it| mismatch(document, it, value).is_none());
        return if fits { None } else { wrong("choice") };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the document has a type {other}"),
    };
    if !kinds.into_iter().any(is) {
        return wrong(&schema["type"].to_string());
    }
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .find_map(|it| mismatch(document, &schema["items"], it));
    }
    let fields = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    for field in required.filter_map(Value::as_str) {
        if !fields.contains_key(field) {
            return Some(format!("{field} is missing in {value}"));
        }
    }
    let properties = schema["properties"].as_object()?;
    fields
        .iter()
        .find_map(|(name, value)| match properties.get(name) {
            Some(schema) => mismatch(document, schema, value),
            None => Some(format!("{name} is not in the document")),
        })
}
