//! The OpenAPI document describes the actual answers.

use crate::with_http;
use metaserve::{Role, announce::Outcome};
use metaserve_tests::{
    Daemon, Follower, constant,
    http::{Listener, get},
};
use serde_json::Value;
use std::{collections::BTreeSet, net::SocketAddr};

async fn start() -> (Daemon, SocketAddr, Value) {
    let (daemon, address) = with_http(&[]).await;
    let document = get(address, "/api/v1/openapi.json", &[]).await.json();
    (daemon, address, document)
}

#[tokio::test]
async fn every_path_of_the_document_answers_as_documented() {
    let (_daemon, address, document) = start().await;
    let page = include_str!("../../../docs/reference/http.md");
    for (path, methods) in document["paths"].as_object().unwrap() {
        assert!(
            page.contains(&format!("| `{path}")),
            "{path} must be on the page"
        );
        // Announcements have tests of their own.
        if methods["get"].is_null() {
            continue;
        }
        let content = &methods["get"]["responses"]["200"]["content"];
        let kind = content.as_object().unwrap().keys().next().unwrap();
        if kind == "text/event-stream" {
            Listener::new(address, path, &[]).await.unwrap();
            continue;
        }
        let answer = get(address, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with(kind), "{path}");
    }
    for line in page.lines().filter_map(|line| line.strip_prefix("| `/")) {
        let path = line.split(['?', '`']).next().unwrap();
        assert!(!document["paths"][format!("/{path}")].is_null(), "{path}");
    }
}

/// Each way in which a request to announce a server can end.
#[test]
fn every_answer_to_an_announcement_is_documented() {
    let document = include_str!("../../../daemon/src/http/openapi.json");
    let document: Value = serde_json::from_str(document).unwrap();
    let page = include_str!("../../../docs/reference/http.md");
    let (_, section) = page.split_once("\n## Announcements\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let metrics = include_str!("../../../docs/reference/metrics.md");
    let path = &document["paths"]["/api/v1/servers/{game}/{port}"];
    for outcome in Outcome::ALL {
        let status = outcome.status().as_u16().to_string();
        let mut rows = section.lines().filter_map(|line| line.strip_prefix("| "));
        let row = rows.find(|row| row.split(" |").next().unwrap().contains(&status));
        assert!(row.is_some(), "{outcome:?}: {status} must be on the page");
        let name = format!("`{}`", outcome.name());
        assert!(metrics.contains(&name), "{name} must be on the page");
        let (method, answers) = match outcome {
            // OpenAPI describes the methods that a path has.
            Outcome::Method => continue,
            Outcome::Unlisted | Outcome::NotListed => ("DELETE", &path["delete"]["responses"]),
            _ => ("PUT", &path["put"]["responses"]),
        };
        assert!(
            !answers[&status].is_null(),
            "{outcome:?}: {method} {status}"
        );
        let later = answers[&status]["$ref"] == "#/components/responses/Later";
        let waits = ["409", "429", "503"].contains(&&*status);
        assert_eq!(later, waits, "{status} has Retry-After or not");
    }
}

#[tokio::test]
async fn parameters_are_accepted_within_the_documented_bounds() {
    let (_daemon, address, document) = start().await;
    let parameters = &document["paths"]["/api/v1/servers"]["get"]["parameters"];
    for parameter in parameters.as_array().unwrap() {
        let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
        let text = |bytes: &Value| "x".repeat(bytes.as_u64().unwrap_or(1) as usize);
        let (fits, too_much) = match schema["type"].as_str().unwrap() {
            "integer" => (schema["default"].to_string(), "-1".to_owned()),
            // A position at which a page ended.
            _ if schema["pattern"].is_string() => ("0.7".to_owned(), "7".to_owned()),
            _ => (text(&schema["maxLength"]), text(&schema["maxLength"]) + "x"),
        };
        for (value, status) in [(fits, 200), (too_much, 400)] {
            let path = format!("/api/v1/servers?{name}={value}");
            assert_eq!(get(address, &path, &[]).await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn records_have_exactly_the_documented_fields() {
    let (daemon, address, document) = start().await;
    for heartbeat in [r#"{"name":"one","tags":["a"]}"#, "bytes"] {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(heartbeat)));
    }
    let mut client = Follower::new(&daemon, None).await;
    client.until("both", |list| list.len() == 2).await;
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let page = get(address, "/api/v1/servers", &[]).await.json();
    let problem = get(address, "/api/v1/servers?limit=0", &[]).await.json();
    holds(&page, &schema("Page"));
    holds(&problem, &schema("Problem"));
    for server in page["servers"].as_array().unwrap() {
        holds(server, &schema("Server"));
        if server["info"].is_object() {
            holds(&server["info"], &schema("ServerInfo"));
        }
    }
}

fn holds(value: &Value, schema: &Value) {
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let required = schema["required"].as_array().unwrap().iter();
    let required = required.map(|name| name.as_str().unwrap().to_owned());
    let (have, may) = (keys(value), keys(&schema["properties"]));
    assert!(have.is_subset(&may), "{have:?} {may:?}");
    assert!(
        required.collect::<BTreeSet<_>>().is_subset(&have),
        "{have:?}"
    );
}
