//! An accounts role over a daemon and a log in this process, and a player's way to it.

use parking_lot::Mutex;
use realm::{
    accounts::{Accounts, DatabaseUrl, Settings, client::HttpKeeper, keys::Pass},
    command::Arrival,
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{Admission, Commit, Log, memory::MemoryLog},
    object::{Body, Object, Player, Point, Sheet},
    testing::Daemon,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Held by a test that empties a database which others use as well.
pub(crate) static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long to wait for what happens at once on an idle machine.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) settings: Settings,
    role: Mutex<Option<Role>>,
    /// Names the URL of the database, unless that is a file.
    variable: Option<String>,
    pub(crate) http: reqwest::Client,
}

/// One process with the role.
pub(crate) struct Role {
    pub(crate) url: String,
    until: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Role {
    pub(crate) async fn start(settings: &Settings, log: Arc<dyn Log>, daemon: &Daemon) -> Self {
        let names = daemon.names();
        let accounts = Accounts::start(settings.clone(), log, names).await.unwrap();
        let (url, until) = (accounts.url().to_owned(), CancellationToken::new());
        let task = tokio::spawn(accounts.run(until.clone()));
        Self { url, until, task }
    }

    pub(crate) async fn end(self) {
        self.until.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Waits until it serves.
    pub(crate) async fn serves(&self, http: &reqwest::Client) {
        eventually(async || {
            let health = http.get(format!("{}/health", self.url)).send().await;
            health.is_ok_and(|it| it.status() == StatusCode::OK)
        })
        .await;
    }
}

impl World {
    /// With an SQLite file of its own.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With other settings than usual.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let daemon = Daemon::start();
        let mut settings = Settings::new(daemon.directory().join("state"));
        settings.save_every = Duration::from_millis(20);
        change(&mut settings);
        let log = Arc::new(MemoryLog::new());
        let role = Role::start(&settings, log.clone(), &daemon).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        role.serves(&http).await;
        Self {
            daemon,
            log,
            settings,
            role: Some(role).into(),
            variable: None,
            http,
        }
    }

    /// With the database whose URL this variable holds, emptied.
    pub(crate) async fn on_database_of(variable: &str) -> Self {
        let url = empty_database_of(variable).await;
        let mut world = Self::with(|settings| settings.database = url.parse().ok()).await;
        world.variable = Some(variable.to_owned());
        world
    }

    /// Removes all tables.
    pub(crate) async fn empty_database(&self) {
        match &self.variable {
            Some(variable) => drop(empty_database_of(variable).await),
            None => std::fs::remove_file(self.state().join("realm.sqlite")).unwrap(),
        }
    }

    pub(crate) async fn end(self) {
        self.pause().await;
    }

    /// Ends the process that has the role.
    pub(crate) async fn pause(&self) {
        let role = self.role.lock().take();
        if let Some(role) = role {
            role.end().await;
        }
    }

    /// Starts another one.
    pub(crate) async fn go_on(&self) {
        let role = Role::start(&self.settings, self.log.clone(), &self.daemon).await;
        role.serves(&self.http).await;
        *self.role.lock() = Some(role);
    }

    pub(crate) fn url(&self) -> String {
        let role = self.role.lock();
        role.as_ref().expect("the role is paused").url.clone()
    }

    pub(crate) fn state(&self) -> &Path {
        &self.settings.state
    }

    pub(crate) fn pass(&self) -> Pass {
        Pass::in_directory(self.state()).unwrap()
    }

    pub(crate) fn keeper(&self) -> HttpKeeper {
        HttpKeeper::new(self.daemon.names(), self.pass().service)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// The status and the JSON of an answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        ticket: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(ticket) = ticket {
            request = request.bearer_auth(ticket);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, None, Some(body)).await
    }

    pub(crate) async fn register(&self, name: &str) {
        let (status, body) = self
            .post("/accounts", json!({ "name": name, "password": PASSWORD }))
            .await;
        assert_eq!(status, 201, "{body}");
    }

    /// Ticket and refresh token.
    pub(crate) async fn log_in(&self, name: &str) -> (String, String) {
        let (status, body) = self
            .post("/sessions", json!({ "name": name, "password": PASSWORD }))
            .await;
        assert_eq!(status, 200, "{body}");
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        (text("ticket"), text("refresh"))
    }

    /// Registers an account, and logs in.
    pub(crate) async fn player(&self, name: &str) -> String {
        self.register(name).await;
        self.log_in(name).await.0
    }

    pub(crate) async fn create(&self, ticket: &str, name: &str) -> (u16, Value) {
        let body = Some(json!({ "name": name }));
        self.ask(Method::POST, "/characters", Some(ticket), body)
            .await
    }

    pub(crate) async fn show(&self, ticket: &str, name: &str) -> (u16, Value) {
        let path = format!("/characters/{name}");
        self.ask(Method::GET, &path, Some(ticket), None).await
    }

    pub(crate) async fn delete(&self, ticket: &str, name: &str) -> (u16, Value) {
        let path = format!("/characters/{name}");
        self.ask(Method::DELETE, &path, Some(ticket), None).await
    }
}

/// The status and the JSON of an answer.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| panic!("{status}: {text}")),
    };
    (status, body)
}

/// Waits until something holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let held = tokio::time::timeout(LONG, wait).await;
    assert!(held.is_ok(), "it never held");
}

/// Removes all tables from the database whose URL this variable holds.
pub(crate) async fn empty_database_of(variable: &str) -> String {
    let url = std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is the URL of an empty database"));
    let database = Database::connect(url.replacen("mariadb:", "mysql:", 1));
    let database = database.await.unwrap();
    let quote = match database.get_database_backend() {
        DbBackend::MySql => '`',
        _ => '"',
    };
    for table in ["account", "refresh", "character", "zone_snapshot", "schema"] {
        let drop = format!("DROP TABLE IF EXISTS {quote}{table}{quote}");
        database.execute_unprepared(&drop).await.unwrap();
    }
    database.close().await.unwrap();
    url
}

/// One connection to the file in the state directory.
pub(crate) async fn file(state: &Path) -> DatabaseConnection {
    let url = format!("sqlite:{}", state.join("realm.sqlite").display());
    let mut options = ConnectOptions::new(url);
    options.max_connections(1);
    Database::connect(options).await.unwrap()
}

pub(crate) fn url(text: &str) -> DatabaseUrl {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn meadow() -> ZoneId {
    "shared/meadow".parse().unwrap()
}

pub(crate) fn session() -> SessionId {
    "0123456789abcdef".parse().unwrap()
}

pub(crate) fn arrival(account: &str, sheet: Sheet) -> Arrival {
    Arrival {
        account: name(account),
        at: None,
        sheet,
        seq: 0,
    }
}

/// Brings a character into the meadow, as a gateway does.
pub(crate) async fn admit(log: &dyn Log, character: &str, account: &str, sheet: Sheet) {
    let admission = Admission {
        character: name(character),
        session: session(),
        epoch: 1,
        zone: meadow(),
        arrival: arrival(account, sheet),
    };
    log.admit(&admission).await.unwrap();
}

/// The object of a player.
pub(crate) fn player(character: &str, account: &str, at: Point, sheet: Sheet) -> Object {
    Object {
        player: Some(Box::new(Player {
            name: name(character),
            account: name(account),
            session: session(),
            seq: 0,
            sheet,
        })),
        kind: "player".to_owned(),
        name: character.to_owned(),
        ..object(ObjectId::player(&name(character)), at)
    }
}

/// A hen.
pub(crate) fn hen(at: Point) -> Object {
    object("hen".parse().unwrap(), at)
}

fn object(id: ObjectId, at: Point) -> Object {
    Object {
        id,
        kind: "hen".to_owned(),
        name: "hen".to_owned(),
        at,
        radius: 0.2,
        body: Body::Walker,
        status: String::new(),
        script: None,
        memory: serde_json::Map::new(),
        wake_at: None,
        failed: None,
        health: None,
        gate: None,
        item: None,
        walk: None,
        player: None,
    }
}

/// A commit of the meadow's owner that has done everything so far.
pub(crate) async fn commit(log: &dyn Log, rev: u64, changed: Vec<Object>) -> Commit {
    let zone = meadow();
    log.take(&zone, 1).await.unwrap();
    let inputs = log.inputs(&zone, Default::default(), 1_000, Duration::ZERO);
    let before = log.stored(&zone).await.unwrap().map(|it| it.cursor);
    let last = inputs.await.unwrap().last().map(|(cursor, _)| *cursor);
    Commit {
        epoch: 1,
        rev,
        cursor: last.or(before).unwrap_or_default(),
        world: json!({ "seed": 7 }),
        changed,
        gone: Vec::new(),
        output: Default::default(),
        travellers: Vec::new(),
        leavers: Vec::new(),
        whispers: Vec::new(),
        wake: None,
    }
}
