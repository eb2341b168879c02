//! The database is away: play goes on, and what has changed is saved after.

use crate::world::{PASSWORD, Role, World, answer, eventually, file, url};
use realm::{
    accounts::Settings,
    keeper::{Keeper, KeeperError},
    log::{Dirty, Log, memory::MemoryLog},
    testing::{Daemon, FaultyLog},
};
use reqwest::{Client, Method};
use sea_orm::ConnectionTrait;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// Says 503, and when to try again.
async fn says_later(world: &World) {
    let log_in = world
        .request(Method::POST, "/sessions")
        .json(&json!({ "name": "ann", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert_eq!(log_in.status(), 503);
    assert!(log_in.headers().contains_key("retry-after"));
    let words = log_in.text().await.unwrap();
    assert!(words.contains("database"), "{words}");
    assert_eq!(world.ask(Method::GET, "/health", None, None).await.0, 503);
    // No zone is made anew while nobody can tell whether it was saved.
    let zone = world.keeper().zone(&crate::world::meadow()).await;
    assert!(matches!(zone, Err(KeeperError::Away(_))), "{zone:?}");
}

#[tokio::test]
async fn a_locked_file_loses_nothing() {
    let world = World::with(|it| it.patience = Duration::from_millis(50)).await;
    world.register("ann").await;
    let database = file(world.state()).await;
    // Nobody else can write.
    database
        .execute_unprepared("BEGIN IMMEDIATE")
        .await
        .unwrap();
    crate::keeper::play(&world, 1).await;
    crate::keeper::play(&world, 2).await;
    // Nor is who tries in vain refused after.
    let add = || {
        let body = json!({ "name": "bob", "password": PASSWORD });
        let request = world.request(Method::POST, "/accounts").json(&body);
        answer(request.header("x-forwarded-for", "192.0.2.1"))
    };
    for _ in 0..6 {
        let (status, body) = add().await;
        assert_eq!(status, 503, "{body}");
    }
    assert_ne!(world.log.dirty(9).await.unwrap(), []);
    database.execute_unprepared("COMMIT").await.unwrap();
    database.close().await.unwrap();
    eventually(async || world.log.dirty(9).await.unwrap().is_empty()).await;
    let saved = world.keeper().zone(&crate::world::meadow()).await.unwrap();
    assert_eq!(saved.unwrap().rev, 2);
    assert_eq!(add().await.0, 201);
    world.register("cat").await;
    world.end().await;
}

/// One zone was written by something else: it is not saved, and all others are.
#[tokio::test]
async fn a_zone_that_cannot_be_read_keeps_no_other_from_being_saved() {
    let world = World::start().await;
    world.pause().await;
    let log = FaultyLog::over(world.log.clone());
    let cellar = "shared/cellar".parse().unwrap();
    let mut first = crate::world::commit(&*world.log, 1, Vec::new()).await;
    world.log.take(&cellar, 1).await.unwrap();
    first.cursor = Default::default();
    world.log.commit(&cellar, &first).await.unwrap();
    log.garble(&cellar);
    crate::keeper::play(&world, 1).await;
    let dirty = [cellar.clone(), crate::world::meadow()].map(Dirty::Zone);
    assert_eq!(world.log.dirty(9).await.unwrap(), dirty);
    let role = Role::start(&world.settings, log.clone(), &world.daemon).await;
    eventually(async || world.log.dirty(9).await.unwrap() == dirty[..1]).await;
    // What is changed after it comes before it.
    crate::keeper::play(&world, 2).await;
    eventually(async || world.log.dirty(9).await.unwrap() == dirty[..1]).await;
    role.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_is_waited_for() {
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let daemon = Daemon::start();
    let mut settings = Settings::new(daemon.directory().join("state"));
    settings.database = Some(url(&format!("postgres://realm:x@127.0.0.1:{port}/realm")));
    settings.patience = Duration::from_millis(50);
    let role = Role::start(&settings, Arc::new(MemoryLog::new()), &daemon).await;
    let http = Client::builder().no_proxy().build().unwrap();
    let ask = || answer(http.get(format!("{}/health", role.url)));
    eventually(async || ask().await.1.to_string().contains("database")).await;
    assert_eq!(ask().await.0, 503);
    role.end().await;
}

/// A way to a database server that can be cut.
struct Way {
    port: u16,
    is_open: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Way {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_open, opened) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut opened) = (server.clone(), opened.clone());
                tokio::spawn(async move {
                    if !*opened.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(&server).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = opened.wait_for(|it| !it) => {}
                    }
                });
            }
        });
        Self {
            port,
            is_open,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// Cuts the way to the server of this variable while the world goes on.
async fn cut(variable: &str, port: u16) {
    let _alone = crate::world::ALONE.lock().await;
    crate::world::empty_database_of(variable).await;
    let whole = std::env::var(variable).unwrap();
    let (scheme, rest) = whole.split_once("://").unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let server = match server.parse::<SocketAddr>() {
        Ok(address) => address.to_string(),
        Err(_) if server.contains(':') => server.to_owned(),
        Err(_) => format!("{server}:{port}"),
    };
    let way = Way::to(server).await;
    let proxied = format!("{scheme}://{user}@127.0.0.1:{}/{name}", way.port);
    let world = World::with(|it| {
        it.database = Some(url(&proxied));
        it.patience = Duration::from_millis(500);
    })
    .await;
    world.register("ann").await;
    crate::keeper::play(&world, 1).await;
    eventually(async || world.log.dirty(9).await.unwrap().is_empty()).await;

    way.is_open.send_replace(false);
    eventually(async || world.ask(Method::GET, "/health", None, None).await.0 == 503).await;
    crate::keeper::play(&world, 2).await;
    crate::keeper::play(&world, 3).await;
    says_later(&world).await;
    assert_ne!(world.log.dirty(9).await.unwrap(), []);

    way.is_open.send_replace(true);
    eventually(async || world.log.dirty(9).await.unwrap().is_empty()).await;
    let saved = world.keeper().zone(&crate::world::meadow()).await.unwrap();
    assert_eq!(saved.unwrap().rev, 3);
    world.log_in("ann").await;

    // Away when the role starts: it begins as soon as the database is there.
    way.is_open.send_replace(false);
    world.pause().await;
    let role = Role::start(&world.settings, world.log.clone(), &world.daemon).await;
    way.is_open.send_replace(true);
    role.serves(&world.http).await;
    role.end().await;
}

#[tokio::test]
#[ignore = "needs postgresql: tests/live.sh realm"]
async fn play_goes_on_while_postgresql_is_away() {
    cut("REALM_POSTGRES", 5432).await;
}

#[tokio::test]
#[ignore = "needs mariadb-server: tests/live.sh realm"]
async fn play_goes_on_while_mariadb_is_away() {
    cut("REALM_MARIADB", 3306).await;
}
