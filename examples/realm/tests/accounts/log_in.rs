//! Log-in, refresh and log-out.

use crate::world::{PASSWORD, World, file, name};
use metaserve_ticket::{Claims, Issuer, SecretKey};
use realm::{
    accounts::{admin, keys::Keys, set_password},
    tickets::{AUDIENCE, LOGIN, Tickets},
};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> SystemTime {
    metaserve::time::wall_clock()
}

pub(crate) async fn a_ticket_is_valid_at_every_server(world: &World) {
    let ticket = world.player("Ann").await;
    // Two other servers, which have the public keys only.
    for _ in 0..2 {
        let server = Tickets::new(world.pass().public);
        let bearer = server.bearer(&ticket, now()).unwrap();
        assert_eq!(bearer.account, name("Ann"));
        assert!(!bearer.admin);
        assert!(bearer.expires <= now() + Duration::from_secs(15 * 60));
        server.bearer(&ticket, now() + HOUR).unwrap_err();
        server.service(&ticket, now()).unwrap_err();
    }
    let issue = |issuer: &Issuer, audience: &str, from: SystemTime, scope: &str| {
        let scopes = vec![scope.parse().unwrap()];
        issuer
            .issue(&Claims::new("Ann", audience, scopes, from, HOUR))
            .unwrap()
    };
    let ours = Keys::in_directory(world.state()).unwrap().issuer;
    let good = issue(&ours, AUDIENCE, now(), LOGIN);
    let characters = |ticket: String| async move {
        world
            .ask(Method::GET, "/characters", Some(&ticket), None)
            .await
            .0
    };
    assert_eq!(characters(good.clone()).await, 200);
    assert_eq!(characters(issue(&ours, "another", now(), LOGIN)).await, 401);
    assert_eq!(
        characters(issue(&ours, AUDIENCE, now() - 2 * HOUR, LOGIN)).await,
        401
    );
    assert_eq!(
        characters(issue(&ours, AUDIENCE, now() + HOUR, LOGIN)).await,
        401
    );
    assert_eq!(
        characters(issue(&ours, AUDIENCE, now(), "claim:zone/*")).await,
        403
    );
    let forger = Issuer::new(SecretKey::generate());
    assert_eq!(
        characters(issue(&forger, AUDIENCE, now(), LOGIN)).await,
        401
    );
    assert_eq!(characters(format!("{good}x")).await, 401);
    assert_eq!(characters("nonsense".to_owned()).await, 401);
    assert_eq!(
        world.ask(Method::GET, "/characters", None, None).await.0,
        401
    );
}

pub(crate) async fn a_wrong_password_and_an_unknown_user_get_the_same_answer(world: &World) {
    world.register("ann").await;
    let log_in = |name: &str, password: &str| {
        world.post("/sessions", json!({ "name": name, "password": password }))
    };
    let wrong = log_in("ann", "wrong horse battery").await;
    assert_eq!(wrong.0, 401, "{}", wrong.1);
    for nobody in ["nobody", "", "n", "not a name", "' OR 1=1 --", "名前"] {
        assert_eq!(log_in(nobody, PASSWORD).await, wrong, "{nobody}");
    }
    assert_eq!(log_in("ann", "").await, wrong);
    assert_eq!(log_in("ann", &"x".repeat(10_000)).await, wrong);
}

pub(crate) async fn a_refresh_token_is_used_once(world: &World) {
    world.register("ann").await;
    let (_, first) = world.log_in("ann").await;
    let (_, other) = world.log_in("ann").await;
    let refresh = |token: &str| world.post("/sessions/refresh", json!({ "refresh": token }));
    let (status, body) = refresh(&first).await;
    assert_eq!(status, 200, "{body}");
    let second = body["refresh"].as_str().unwrap().to_owned();
    let ticket = body["ticket"].as_str().unwrap();
    assert!(
        Tickets::new(world.pass().public)
            .bearer(ticket, now())
            .is_ok()
    );
    // Whoever has lost the answer asks again, and gets the same one.
    let (status, again) = refresh(&first).await;
    assert_eq!((status, &again["refresh"]), (200, &body["refresh"]));
    assert_eq!(refresh(&second).await.0, 200);
    // Whoever comes with an old one has copied it, or was copied: this log-in ends.
    let (_, third) = refresh(&other).await;
    let third = third["refresh"].as_str().unwrap().to_owned();
    let (_, fourth) = refresh(&third).await;
    let fourth = fourth["refresh"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&other).await.0, 401);
    assert_eq!(
        refresh(&fourth).await.0,
        401,
        "the newest one is worth nothing any more"
    );
    for nonsense in ["", ".", "x.y", &"0".repeat(97)] {
        assert_eq!(refresh(nonsense).await.0, 401);
    }
}

/// A minute passes: times in the file are set back.
#[tokio::test]
async fn a_refresh_token_gets_the_same_answer_for_a_minute_only() {
    let world = World::start().await;
    world.register("ann").await;
    let (_, first) = world.log_in("ann").await;
    let refresh = |token: &str| world.post("/sessions/refresh", json!({ "refresh": token }));
    let (_, body) = refresh(&first).await;
    let second = body["refresh"].as_str().unwrap().to_owned();
    let database = file(world.state()).await;
    let earlier = r#"UPDATE "refresh" SET "expires" = "expires" - 61"#;
    database.execute_unprepared(earlier).await.unwrap();
    database.close().await.unwrap();
    assert_eq!(refresh(&first).await.0, 401);
    assert_eq!(refresh(&second).await.0, 401);
    world.end().await;
}

pub(crate) async fn a_log_out_ends_the_session(world: &World) {
    world.register("ann").await;
    let (_, here) = world.log_in("ann").await;
    let (_, there) = world.log_in("ann").await;
    let body = |token: &str| json!({ "refresh": token });
    let log_out = |token: &str| world.ask(Method::DELETE, "/sessions", None, Some(body(token)));
    assert_eq!(log_out(&here).await.0, 204);
    assert_eq!(
        log_out(&here).await.0,
        204,
        "once more, after an answer was lost"
    );
    assert_eq!(world.post("/sessions/refresh", body(&here)).await.0, 401);
    assert_eq!(world.post("/sessions/refresh", body(&there)).await.0, 200);
}

pub(crate) async fn the_oldest_of_many_log_ins_ends(world: &World) {
    world.register("ann").await;
    let mut tokens = Vec::new();
    for _ in 0..21 {
        tokens.push(world.log_in("ann").await.1);
    }
    let mut valid = 0;
    for token in tokens {
        let (status, _) = world
            .post("/sessions/refresh", json!({ "refresh": token }))
            .await;
        valid += usize::from(status == 200);
    }
    assert_eq!(valid, 20);
}

/// A password that has leaked: nobody has a use of it any more, nor of what it gave.
pub(crate) async fn an_operator_replaces_a_password(world: &World) {
    world.register("ann").await;
    let (_, refresh) = world.log_in("ann").await;
    let set = async |name: &str, password: &str| {
        let name = crate::world::name(name);
        set_password(&world.settings, &name, password.to_owned()).await
    };
    set("ANN", "another password").await.unwrap();
    let again = json!({ "refresh": refresh });
    assert_eq!(world.post("/sessions/refresh", again).await.0, 401);
    let log_in = async |password: &str| {
        let body = json!({ "name": "ann", "password": password });
        world.post("/sessions", body).await.0
    };
    assert_eq!(log_in(PASSWORD).await, 401);
    assert_eq!(log_in("another password").await, 200);
    assert!(set("ann", "short").await.is_err());
    assert!(set("nobody", "another password").await.is_err());
}

/// The command for another directory than that of accounts makes no database there.
#[tokio::test]
async fn an_operator_in_the_wrong_directory_is_told() {
    let state = tempfile::tempdir().unwrap();
    let settings = realm::accounts::Settings::new(state.path());
    let why = admin(&settings, &name("ann"), true).await;
    assert!(why.unwrap_err().to_string().contains("--state"));
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

pub(crate) async fn an_administrator_is_made_by_command_only(world: &World) {
    let is_admin = async |name| {
        let (ticket, _) = world.log_in(name).await;
        let bearer = Tickets::new(world.pass().public).bearer(&ticket, now());
        bearer.unwrap().admin
    };
    for name in ["admin", "root", "ann"] {
        world.register(name).await;
        assert!(!is_admin(name).await, "{name}");
    }
    admin(&world.settings, &name("Ann"), true).await.unwrap();
    assert!(is_admin("ann").await);
    admin(&world.settings, &name("ann"), false).await.unwrap();
    assert!(!is_admin("ann").await);
    let why = admin(&world.settings, &name("nobody"), true)
        .await
        .unwrap_err();
    assert!(why.to_string().contains("no account nobody"), "{why}");
    // Nor does a field of the request make one.
    let body = json!({ "name": "eve", "password": PASSWORD, "admin": true });
    assert_eq!(world.post("/accounts", body).await.0, 400);
}
