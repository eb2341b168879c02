//! What must not happen again: passwords that can be read, addresses that can be chosen, tables of
//! another program.

use crate::world::{PASSWORD, World, answer, file, url};
use realm::{
    accounts::{Accounts, Settings},
    gateway::{self, Gateway},
    log::memory::MemoryLog,
    play,
    shared::Shared,
    testing::Daemon,
    tickets::Tickets,
};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use std::{path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn no_password_and_no_token_is_stored() {
    let world = World::start().await;
    world.register("ann").await;
    let (ticket, refresh) = world.log_in("ann").await;
    let secret = refresh.split('.').nth(1).unwrap().to_owned();
    world.pause().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(world.state()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for hidden in [PASSWORD, &ticket, &secret] {
            let found = bytes
                .windows(hidden.len())
                .any(|it| it == hidden.as_bytes());
            assert!(!found, "{hidden:?} in {}", path.display());
        }
        seen += usize::from(bytes.windows(10).any(|it| it == b"$argon2id$"));
    }
    assert!(seen > 0, "the hash is there");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::start().await;
    world.register("ann").await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(world.state()), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(world.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "keys") {
            continue;
        }
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 3, "{files}");
    world.end().await;
}

#[tokio::test]
async fn a_guesser_behind_the_gateway_is_stopped_by_their_own_address() {
    let world = World::start().await;
    world.register("ann").await;
    let guess = |from: &str, password: &str| {
        let body = json!({ "name": "ann", "password": password });
        let request = world.request(Method::POST, "/sessions").json(&body);
        answer(request.header("x-forwarded-for", from))
    };
    for _ in 0..10 {
        assert_eq!(guess("192.0.2.1", "guess").await.0, 401);
    }
    // They cannot hide behind another address.
    let (status, body) = guess("192.0.2.77, 192.0.2.1", "guess").await;
    assert_eq!(status, 429, "{body}");
    assert_eq!(guess("192.0.2.1", PASSWORD).await.0, 429);
    assert_eq!(guess("192.0.2.2", PASSWORD).await.0, 200);
    world.end().await;
}

/// A player, a proxy with TLS, the gateway and accounts: whatever is bounded for each address is
/// bounded for the player's.
#[tokio::test]
async fn each_player_behind_two_proxies_has_an_address() {
    let world = World::start().await;
    let pass = world.pass();
    let settings = gateway::Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        play: play::Settings {
            trusted_proxy: vec!["10.0.0.0/8".parse().unwrap()],
            ..play::Settings::default()
        },
    };
    let shared = Shared {
        log: world.log.clone(),
        names: world.daemon.names(),
        tickets: Tickets::new(pass.public.clone()),
        keeper: Arc::new(world.keeper()),
        ticket: pass.service,
    };
    let gateway = Gateway::start(settings, shared).await.unwrap();
    let (url, until) = (gateway.url(), CancellationToken::new());
    let running = tokio::spawn(gateway.run(until.clone()));
    let register = async |from: Option<&str>, name: String| {
        let body = json!({ "name": name, "password": PASSWORD });
        loop {
            let mut request = world.http.post(format!("{url}/api/accounts")).json(&body);
            if let Some(from) = from {
                request = request.header("x-forwarded-for", from);
            }
            // The gateway may not know yet where accounts are.
            match answer(request).await {
                (503, _) => tokio::task::yield_now().await,
                (status, _) => return status,
            }
        }
    };
    for number in 0..5 {
        let from = Some("192.0.2.1, 10.0.0.2");
        assert_eq!(register(from, format!("ann{number}")).await, 201);
    }
    let forged = Some("203.0.113.1, 192.0.2.1, 10.0.0.2");
    assert_eq!(register(forged, "ann5".to_owned()).await, 429);
    let other = Some("192.0.2.2, 10.0.0.2");
    assert_eq!(register(other, "bob".to_owned()).await, 201);
    // Whoever a proxy does not name is a stranger; who comes without one is on this machine.
    for number in 0..7 {
        let expected = if number < 5 { 201 } else { 429 };
        let from = Some("unknown");
        assert_eq!(register(from, format!("cat{number}")).await, expected);
        assert_eq!(register(None, format!("dan{number}")).await, 201);
    }
    until.cancel();
    running.await.unwrap().unwrap();
    world.end().await;
}

#[tokio::test]
async fn malformed_requests_are_answered_in_words() {
    let world = World::start().await;
    let post = |body: String| {
        let request = world.request(Method::POST, "/accounts");
        answer(
            request
                .header("content-type", "application/json")
                .body(body),
        )
    };
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"name": 7, "password": "12345678"}"#,
        "\u{0}",
    ] {
        let (status, body) = post(body.to_owned()).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].is_string());
    }
    let (status, body) = post("x".repeat(16 * 1024 + 1)).await;
    assert_eq!(status, 413, "{body}");
    let form = world.request(Method::POST, "/accounts").body("name=ann");
    assert_eq!(answer(form).await.0, 415);
    assert_eq!(world.ask(Method::GET, "/nowhere", None, None).await.0, 404);
    assert_eq!(world.ask(Method::PUT, "/accounts", None, None).await.0, 405);
    let basic = world
        .request(Method::GET, "/characters")
        .basic_auth("ann", Some(PASSWORD));
    assert_eq!(answer(basic).await.0, 401);
    world.end().await;
}

async fn refused(settings: Settings) -> String {
    let daemon = Daemon::start();
    let log = Arc::new(MemoryLog::new());
    let refused = Accounts::start(settings, log, daemon.names()).await;
    format!("{:#}", refused.unwrap_err())
}

#[tokio::test]
async fn a_wrong_url_is_refused_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    for wrong in [
        "nonsense",
        "http://localhost/realm",
        "postgres://localhost",
        "mysql://:x",
    ] {
        let mut settings = Settings::new(state.path());
        settings.database = Some(url(wrong));
        let why = refused(settings).await;
        assert!(why.contains("--database sqlite:FILE"), "{wrong}: {why}");
    }
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let world = World::start().await;
    let settings = world.settings.clone();
    world.pause().await;
    let database = file(&settings.state).await;
    let newer = r#"UPDATE "schema" SET "version" = 1000"#;
    database.execute_unprepared(newer).await.unwrap();
    let why = refused(settings).await;
    assert!(
        why.contains("version 1000") && why.contains("newer program"),
        "{why}"
    );
}

#[tokio::test]
async fn tables_of_another_program_are_refused_and_stay_as_they_are() {
    for foreign in [
        r#"CREATE TABLE "account" ("login" TEXT)"#,
        r#"CREATE TABLE "schema" ("number" INTEGER)"#,
        r#"CREATE TABLE "schema" ("program" TEXT, "version" TEXT)"#,
    ] {
        let state = tempfile::tempdir().unwrap();
        let settings = Settings::new(state.path());
        std::fs::write(state.path().join("realm.sqlite"), "").unwrap();
        let database = file(state.path()).await;
        database.execute_unprepared(foreign).await.unwrap();
        if foreign.contains("TEXT, ") {
            let row = r#"INSERT INTO "schema" VALUES ('other', 'x')"#;
            database.execute_unprepared(row).await.unwrap();
        }
        let why = refused(settings).await;
        assert!(why.contains("choose another database"), "{foreign}: {why}");
        let tables = r#"SELECT count(*) AS "count" FROM sqlite_master WHERE type = 'table'"#;
        let tables = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, tables);
        let tables = database.query_one_raw(tables).await.unwrap().unwrap();
        assert_eq!(tables.try_get::<i64>("", "count").unwrap(), 1);
    }
}

#[tokio::test]
async fn accounts_outlive_a_restart() {
    let world = World::start().await;
    world.register("ann").await;
    let (ticket, refresh) = world.log_in("ann").await;
    world.pause().await;
    world.go_on().await;
    let list = world
        .ask(Method::GET, "/characters", Some(&ticket), None)
        .await;
    assert_eq!(list.0, 200);
    let again = world.post("/sessions/refresh", json!({ "refresh": refresh }));
    assert_eq!(again.await.0, 200);
    world.end().await;
}
