//! The page, and the way to the accounts role.

use crate::world::World;
use axum::{Router, extract::Request, routing::any};
use realm::{
    page::{FILES, SECURITY_POLICY},
    roles::{self, Owner},
};
use reqwest::{Client, StatusCode};

#[tokio::test]
async fn the_page_is_served_and_lets_a_browser_run_nothing_else() {
    let world = World::start();
    let gateway = world.gateway().await;
    let client = Client::new();
    for file in FILES {
        let url = format!("{}{}", gateway.url, file.path);
        let answer = client.get(&url).send().await.unwrap();
        let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), file.content_type);
        assert_eq!(header("content-security-policy"), SECURITY_POLICY);
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(!answer.headers().contains_key("set-cookie"));
        let tag = header("etag");
        assert_eq!(answer.text().await.unwrap(), file.text);
        let again = client
            .get(&url)
            .header("if-none-match", tag)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}

/// Answers with what it was asked.
async fn echo(request: Request) -> String {
    let mut head = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let body = axum::body::to_bytes(request.into_body(), 1_000)
        .await
        .unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

#[tokio::test]
async fn requests_to_accounts_are_sent_on_with_the_clients_address() {
    let world = World::start();
    let gateway = world.gateway().await;
    let client = Client::new();
    let url = format!("{}/api/sessions?x=1", gateway.url);
    let away = client.post(&url).send().await.unwrap();
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.text().await.unwrap().contains("error"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let owner = Owner {
        url: format!("http://{}", listener.local_addr().unwrap()),
        ..Owner::default()
    };
    let accounts = Router::new().fallback(any(echo));
    let served = tokio::spawn(async { axum::serve(listener, accounts).await });
    let names = world.daemon.names();
    let claim = names
        .claim(roles::key("accounts"))
        .value(owner.value())
        .await
        .unwrap();
    let post = || {
        let post = client.post(&url);
        let post = post
            .header("x-forwarded-for", "192.0.2.1, 192.0.2.2")
            .header("realm-service", "forged");
        let post = post
            .header("authorization", "Bearer t")
            .header("cookie", "a=b");
        post.body("{}").send()
    };
    let answer = loop {
        let answer = post().await.unwrap();
        if answer.status() == StatusCode::OK {
            break answer.text().await.unwrap();
        }
    };
    assert!(
        answer.starts_with("POST /sessions?x=1\n") && answer.ends_with("{}"),
        "{answer}"
    );
    // A proxy on this machine is believed as far as it has seen by itself.
    assert!(answer.contains("x-forwarded-for: 192.0.2.2\n"), "{answer}");
    assert!(answer.contains("authorization: Bearer t\n"), "{answer}");
    assert!(
        ["192.0.2.1", "cookie", "forged"]
            .iter()
            .all(|it| !answer.contains(it)),
        "{answer}"
    );

    let long = client
        .post(&url)
        .body(vec![0; 100_000])
        .send()
        .await
        .unwrap();
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let keeper = format!("{}/api/keeper/zones/shared/meadow", gateway.url);
    let hidden = client.get(keeper).send().await.unwrap();
    assert_eq!(hidden.status(), StatusCode::NOT_FOUND);
    served.abort();
    let _ = served.await;
    assert_eq!(post().await.unwrap().status(), StatusCode::BAD_GATEWAY);
    drop(claim);
}
