//! Starts a hall on free ports with its own database, and connects to it like Aleph One.

#![allow(dead_code, reason = "each test file uses what it needs")]

pub(crate) mod packets;
pub(crate) mod peer;

use std::{net::SocketAddr, time::Duration};

use metaserve::program::Stopped;
use metaserve_lobby_bridge::{
    accounts::{self, Accounts, default_database},
    aleph_one::{Links, Rules, Server, Settings},
    bans::Guard,
    metrics::Tally,
    publish::Listings,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use peer::Peer;

/// Far more than anything takes, even on a busy machine. A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A hall that runs in this process.
pub(crate) struct Hall {
    pub(crate) login: SocketAddr,
    pub(crate) rooms: Vec<SocketAddr>,
    pub(crate) listings: Listings,
    sql: DatabaseConnection,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Stopped>>,
    _directory: TempDir,
}

impl Hall {
    /// Starts a hall with the default rules, and one room.
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a hall with other rules.
    pub(crate) async fn with(change: impl FnOnce(&mut Rules)) -> Self {
        Self::guarded(change, Guard::none()).await
    }

    /// Starts a hall with other rules, and bans.
    pub(crate) async fn guarded(change: impl FnOnce(&mut Rules), bans: Guard) -> Self {
        let mut rules = Rules::default();
        change(&mut rules);
        let directory = tempfile::tempdir().expect("a directory");
        let database = default_database(directory.path());
        let options = accounts::Settings {
            bcrypt_cost: 4,
            ..accounts::Settings::default()
        };
        let accounts = Accounts::open(&database, options).await;
        let accounts = accounts.expect("a new database");
        let sql = Database::connect(&database).await.expect("it is there");
        let listings = Listings::default();
        let links = Links {
            accounts: Some(accounts),
            listings: listings.clone(),
            bans,
            natives: None,
            bridge: None,
            tally: Tally::default(),
        };
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings {
            login: anywhere,
            rooms: vec![anywhere; rules.rooms.len()],
            rules,
        };
        let server = Server::bind(settings, links).expect("free ports");
        let addresses = server.local_addresses();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.run(shutdown.clone()));
        Self {
            login: addresses[0],
            rooms: addresses[1..].to_vec(),
            listings,
            sql,
            shutdown,
            task,
            _directory: directory,
        }
    }

    /// Changes the database like another program.
    pub(crate) async fn run(&self, sql: &str) {
        let ran = self.sql.execute_unprepared(sql).await;
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Inserts an account, like another program.
    pub(crate) async fn account(&self, username: &str, password: &str, moderator: bool) {
        let hash = bcrypt::hash(password, 4).expect("a password");
        self.run(&format!(
            "INSERT INTO \"user\" (username, password, moderator, hide_in_room) \
             VALUES ('{username}', '{hash}', {moderator}, 0)"
        ))
        .await;
    }

    /// Returns a guest in the first room who has read the welcome.
    pub(crate) async fn guest(&self, name: &str) -> Peer {
        let mut login = Peer::connect(self.login).await;
        let (_, token) = login.log_in_as_guest(name).await;
        drop(login);
        self.enter(0, &token, "guest").await
    }

    /// Returns the owner of an account, in the first room.
    pub(crate) async fn player(&self, account: &str, password: &str, name: &str) -> Peer {
        let mut login = Peer::connect(self.login).await;
        let (_, token) = login.log_in(account, password, name).await;
        drop(login);
        self.enter(0, &token, account).await
    }

    /// Enters a room with a token.
    pub(crate) async fn enter(&self, room: usize, token: &[u8], account: &str) -> Peer {
        let mut peer = Peer::connect(self.rooms[room]).await;
        peer.send(&packets::room_login(token, account)).await;
        peer.send(&packets::player_data(b"", false)).await;
        let body = peer.expect(9).await;
        peer.id = u32::from_be_bytes(body[..4].try_into().expect("an id"));
        peer.expect(3).await;
        peer
    }

    /// Waits until the hall stops by itself, and returns the reason.
    pub(crate) async fn stopped(self) -> String {
        let stopped = tokio::time::timeout(PATIENCE, self.task).await;
        let stopped = stopped.expect("it stops").expect("no panic");
        stopped.expect_err("it was not asked to").to_string()
    }

    /// Closes the hall, and waits until all its connections have ended.
    pub(crate) async fn close(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("no panic")
            .expect("nothing has stopped");
    }
}
