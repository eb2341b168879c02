//! The connections to SQLite, PostgreSQL or MariaDB, limited in number and in time.

use super::{DatabaseError, OpenError};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    SqlxMySqlConnector, SqlxPostgresConnector, SqlxSqliteConnector, StatementBuilder,
    TransactionTrait as _, TryGetable,
};
use sqlx::{
    mysql::MySqlConnectOptions,
    pool::PoolOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// The most connections for requests at a time.
pub(super) const CONNECTIONS: u32 = 5;

/// Connections to one database. They are opened when needed.
#[derive(Clone, Debug)]
pub(super) struct Database {
    connections: DatabaseConnection,
    patience: Duration,
    /// The name in the log, without the password.
    pub(super) name: String,
}

impl Database {
    /// Parses the URL and prepares a pool of so many connections. Does not connect yet, but makes a missing SQLite file,
    /// readable only by its owner.
    pub(super) fn open(url: &str, patience: Duration, connections: u32) -> Result<Self, OpenError> {
        let invalid = |error: sqlx::Error| OpenError::Url(error.to_string());
        let (pool, name) = match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
                (
                    sqlite(&path, patience, connections)?,
                    format!("sqlite:{}", path.display()),
                )
            }
            Some(("mysql" | "mariadb", _)) => {
                let server = MySqlConnectOptions::from_str(url).map_err(invalid)?;
                let name = named(server.get_database())?;
                let name = format!("{name} at {}:{}", server.get_host(), server.get_port());
                // The session keeps its time zone and its SQL mode.
                let server = server.timezone(None).pipes_as_concat(false);
                let pool = pool(patience, connections).connect_lazy_with(server);
                (SqlxMySqlConnector::from_sqlx_mysql_pool(pool), name)
            }
            Some(("postgres" | "postgresql", _)) => {
                let server = PgConnectOptions::from_str(url).map_err(invalid)?;
                let name = named(server.get_database())?;
                let name = format!("{name} at {}:{}", server.get_host(), server.get_port());
                let pool = pool(patience, connections).connect_lazy_with(server);
                (SqlxPostgresConnector::from_sqlx_postgres_pool(pool), name)
            }
            _ => {
                let known = "it begins with none of sqlite:, postgres:, mariadb: and mysql:";
                return Err(OpenError::Url(known.to_owned()));
            }
        };
        Ok(Self {
            connections: pool,
            patience,
            name,
        })
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    /// The first row, if there is one.
    pub(super) async fn one(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<Option<QueryResult>, DatabaseError> {
        self.in_time(self.connections.query_one(statement)).await
    }

    pub(super) async fn all(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<Vec<QueryResult>, DatabaseError> {
        self.in_time(self.connections.query_all(statement)).await
    }

    /// Executes a statement, and says how many rows it has changed.
    pub(super) async fn execute(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<u64, DatabaseError> {
        let done = self.in_time(self.connections.execute(statement)).await?;
        Ok(done.rows_affected())
    }

    /// Begins a transaction. It is rolled back unless it is committed.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.connections.begin().await
    }

    /// Does what a transaction consists of, in the time of one statement.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DatabaseError> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(DatabaseError::TooSlow(self.patience)),
        }
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), DatabaseError> {
        self.in_time(self.connections.ping()).await
    }

    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(self.patience, self.connections.close_by_ref()).await;
    }
}

/// The value of a column.
pub(super) fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T, DatabaseError> {
    Ok(row.try_get("", column)?)
}

fn named(database: Option<&str>) -> Result<&str, OpenError> {
    database
        .filter(|it| !it.is_empty())
        .ok_or_else(|| OpenError::Url("it names no database".to_owned()))
}

fn pool<DB: sqlx::Database>(patience: Duration, connections: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(patience)
        // A statement that was abandoned must not block its place in the pool forever.
        .after_release(move |connection, _| {
            Box::pin(async move {
                let ping = sqlx::Connection::ping(connection);
                Ok(matches!(
                    tokio::time::timeout(patience, ping).await,
                    Ok(Ok(()))
                ))
            })
        })
}

fn sqlite(
    path: &Path,
    patience: Duration,
    connections: u32,
) -> Result<DatabaseConnection, OpenError> {
    make(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let file = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // What the log was told to be saved is on the disk.
        .synchronous(SqliteSynchronous::Full)
        // It gives up before its caller does, who could not tell what was done.
        .busy_timeout(patience / 2);
    let pool = pool(patience, connections).connect_lazy_with(file);
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// Makes the file if it is missing. Only its owner may read what is in it; SQLite gives its other
/// files the same mode.
fn make(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
