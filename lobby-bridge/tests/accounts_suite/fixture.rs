//! A separate database for each test.

use std::net::IpAddr;

use metaserve_lobby_bridge::accounts::{Accounts, OpenError, Settings};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};

/// `secret`, hashed by libxcrypt.
const SECRET: &str = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
pub(crate) const TOKEN: &[u8; 16] = b"Ab0Cd1Ef2Gh3Ij4K";

/// A separate database for a test, and the test's own connection to it.
pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) sql: DatabaseConnection,
    /// Kept until the test ends.
    pub(crate) _directory: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn new(url: String, directory: Option<tempfile::TempDir>) -> Self {
        // A single connection, so that all statements use the same one.
        let mut options = ConnectOptions::new(&url);
        options.max_connections(1);
        let sql = Database::connect(options).await;
        let sql = sql.expect("a database");
        Self {
            url,
            sql,
            _directory: directory,
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        let ran = self.sql.execute_unprepared(sql).await;
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Returns the single value of a query, as text.
    pub(crate) async fn ask(&self, sql: &str) -> Option<String> {
        let backend = self.sql.get_database_backend();
        let statement = Statement::from_string(backend, sql);
        let row = self.sql.query_one_raw(statement).await;
        let row = row.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let value: Option<Vec<u8>> = row.expect("a row").try_get_by_index(0).expect("bytes");
        value.map(|it| String::from_utf8(it).expect("UTF-8"))
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.sql.get_database_backend() == DbBackend::Sqlite
    }

    pub(crate) fn ago(&self, seconds: i64) -> String {
        match self.is_sqlite() {
            true => format!("datetime('now', '{} seconds')", -seconds),
            false => format!("NOW() - INTERVAL {seconds} SECOND"),
        }
    }

    pub(crate) fn quoted_user(&self) -> &'static str {
        if self.is_sqlite() {
            "\"user\""
        } else {
            "`user`"
        }
    }

    /// Inserts an account with the password `secret`, as other programs would.
    pub(crate) async fn insert(&self, username: &str, sort_order: i32) {
        let user = self.quoted_user();
        self.run(&format!(
            "INSERT INTO {user} (sort_order, username, password, moderator, hide_in_room) \
             VALUES ({sort_order}, '{username}', '{SECRET}', 0, 1)"
        ))
        .await;
    }

    pub(crate) async fn store_token(&self, username: &str, age: i64) {
        let (user, ago) = (self.quoted_user(), self.ago(age));
        let token: String = TOKEN.iter().map(|it| format!("{it:02x}")).collect();
        self.run(&format!(
            "UPDATE {user} SET meta_login_token = x'{token}', meta_login_token_date = {ago} \
             WHERE username = '{username}'"
        ))
        .await;
    }

    pub(crate) async fn open(&self) -> Accounts {
        self.try_open().await.expect("a usable database")
    }

    pub(crate) async fn try_open(&self) -> Result<Accounts, OpenError> {
        Accounts::open(&self.url, options()).await
    }
}

pub(crate) fn options() -> Settings {
    Settings {
        bcrypt_cost: 4,
        ..Settings::default()
    }
}

pub(crate) fn somewhere() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}
