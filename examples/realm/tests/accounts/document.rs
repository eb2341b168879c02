//! `/openapi.json` has every route, and every answer is as it says.

use crate::world::{PASSWORD, World, admit};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Checks answers against the document.
struct Document {
    json: Value,
    called: BTreeSet<String>,
}

impl Document {
    /// Calls an operation, and returns the answer if it is as the document says.
    async fn call(
        &mut self,
        world: &World,
        operation: (Method, &str),
        path: &str,
        ticket: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let (method, template) = operation;
        let verb = method.as_str().to_lowercase();
        let (status, answer) = world.ask(method, path, ticket, body).await;
        let described = &self.json["paths"][template][&verb];
        assert!(described.is_object(), "{verb} {template} is not described");
        self.called.insert(format!("{verb} {template}"));
        let described = &described["responses"][status.to_string()];
        assert!(
            described.is_object(),
            "{verb} {path}: {status} is not described"
        );
        match &described["content"]["application/json"]["schema"] {
            Value::Null => assert_eq!(answer, Value::Null, "{verb} {path}"),
            schema => self.fits(schema, &answer, &format!("{verb} {path}: {status}")),
        }
        (status, answer)
    }

    /// Whether a value is of this schema: types, fields that are required, and no others.
    fn fits(&self, schema: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.json.pointer(name.trim_start_matches('#'));
            return self.fits(schema.expect(name), value, at);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let is_null = |it: &Value| it["type"] == "null";
            let null = value.is_null() && choices.iter().any(is_null);
            let schema = choices.iter().find(|it| !is_null(it)).expect(at);
            if !null {
                self.fits(schema, value, at);
            }
            return;
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            Value::Null => return,
            kind => vec![kind.clone()],
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let same = |it: &Value| it == kind || kind == "number" && it == "integer";
        assert!(kinds.iter().any(same), "{at}: {value} is no {kinds:?}");
        for item in value.as_array().into_iter().flatten() {
            self.fits(&schema["items"], item, at);
        }
        let Some(fields) = value.as_object() else {
            return;
        };
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            assert!(
                fields.contains_key(field),
                "{at}: {field} is missing in {value}"
            );
        }
        for (field, value) in fields {
            let schema = &schema["properties"][field];
            assert!(schema.is_object(), "{at}: {field} is not described");
            self.fits(schema, value, &format!("{at}.{field}"));
        }
    }
}

#[tokio::test]
async fn every_route_is_described_and_answers_as_described() {
    let world = &World::start().await;
    let (_, json) = world.ask(Method::GET, "/openapi.json", None, None).await;
    let mut document = Document {
        json,
        called: BTreeSet::new(),
    };
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let service = String::from_utf8(world.pass().service.to_vec()).unwrap();
    let service = Some(service.as_str());

    macro_rules! call {
        ($method:ident $template:literal, $path:expr, $ticket:expr, $body:expr => $status:literal) => {{
            let operation = ($method.clone(), $template);
            let call = document.call(world, operation, $path, $ticket, $body);
            let (status, answer) = call.await;
            assert_eq!(status, $status, "{answer}");
            answer
        }};
        ($method:ident $path:literal, $ticket:expr, $body:expr => $status:literal) => {
            call!($method $path, $path, $ticket, $body => $status)
        };
    }

    call!(get "/openapi.json", None, None => 200);
    call!(get "/health", None, None => 200);
    let ann = json!({ "name": "ann", "password": PASSWORD });
    let wrong = json!({ "name": "ann", "password": "wrong" });
    call!(post "/accounts", None, Some(ann.clone()) => 201);
    let other = json!({ "name": "ann", "password": "another one" });
    call!(post "/accounts", None, Some(other) => 409);
    call!(post "/accounts", None, Some(wrong.clone()) => 400);
    call!(post "/sessions", None, Some(wrong) => 401);
    call!(post "/sessions", None, Some(json!({})) => 400);
    let session = call!(post "/sessions", None, Some(ann) => 200);
    let token = json!({ "refresh": session["refresh"] });
    let session = call!(post "/sessions/refresh", None, Some(token.clone()) => 200);
    let unknown = json!({ "refresh": "unknown" });
    call!(post "/sessions/refresh", None, Some(unknown) => 401);
    call!(post "/sessions/refresh", None, Some(json!({})) => 400);
    call!(delete "/sessions", None, Some(json!({})) => 400);
    call!(delete "/sessions", None, Some(token) => 204);
    let ticket = session["ticket"].as_str();

    let hilda = || Some(json!({ "name": "Hilda" }));
    call!(post "/characters", None, hilda() => 401);
    call!(post "/characters", ticket, Some(json!({ "name": "" })) => 400);
    let made = call!(post "/characters", ticket, hilda() => 201);
    call!(post "/characters", ticket, Some(json!({ "name": "HILDA" })) => 409);
    call!(get "/characters", None, None => 401);
    call!(get "/characters", ticket, None => 200);
    call!(get "/characters/{name}", "/characters/hilda", None, None => 401);
    call!(get "/characters/{name}", "/characters/hilda", ticket, None => 200);
    call!(get "/characters/{name}", "/characters/nobody", ticket, None => 404);
    call!(delete "/characters/{name}", "/characters/hilda", None, None => 401);
    call!(delete "/characters/{name}", "/characters/nobody", ticket, None => 404);
    let sheet = serde_json::from_value(made["sheet"].clone()).unwrap();
    admit(&*world.log, "Hilda", "ann", sheet).await;
    call!(delete "/characters/{name}", "/characters/hilda", ticket, None => 409);
    world.log.lose();
    call!(delete "/characters/{name}", "/characters/hilda", ticket, None => 204);

    let zone = "/keeper/zones/shared/meadow";
    call!(get "/keeper/zones/{zone}", zone, None, None => 401);
    call!(get "/keeper/zones/{zone}", zone, ticket, None => 403);
    call!(get "/keeper/zones/{zone}", zone, service, None => 404);
    crate::keeper::save_meadow(world).await;
    call!(get "/keeper/zones/{zone}", zone, service, None => 200);

    let mut described = BTreeSet::new();
    for (path, operations) in document.json["paths"].as_object().unwrap() {
        let verbs = operations.as_object().unwrap().keys();
        described.extend(verbs.map(|verb| format!("{verb} {path}")));
    }
    assert_eq!(document.called, described, "each is called here");
}
