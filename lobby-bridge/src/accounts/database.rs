//! The database connections: SQLite or MariaDB, limited in number and in time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use metaserve::files::give_to_owner_of_directory;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, ExecResult, QueryResult, SqlxMySqlConnector,
    SqlxSqliteConnector, StatementBuilder, sea_query::SimpleExpr,
};
use sqlx::{
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{DatabaseError, OpenError, Settings};

/// Connections to one database. They are opened when needed.
#[derive(Clone, Debug)]
pub(super) struct Database {
    connections: DatabaseConnection,
    patience: Duration,
    /// The name in the log, without the password.
    pub(super) name: String,
}

impl Database {
    /// Parses the URL and prepares the pool. Does not connect yet, but makes a missing SQLite
    /// file, readable only by its owner.
    pub(super) fn new(url: &str, settings: &Settings) -> Result<Self, OpenError> {
        let patience = settings.patience;
        if let Some(path) = sqlite_file(url) {
            return Ok(Self {
                connections: sqlite(&path, settings)?,
                patience,
                name: format!("sqlite:{}", path.display()),
            });
        }
        match url.split_once(':') {
            Some(("mysql" | "mariadb", _)) => {
                let server = MySqlConnectOptions::from_str(url)
                    .map_err(|error| OpenError::Url(error.to_string()))?;
                let name = server.get_database().unwrap_or_default().to_owned();
                if name.is_empty() {
                    return Err(OpenError::Url("it names no database".to_owned()));
                }
                let name = format!("{name} at {}:{}", server.get_host(), server.get_port());
                Ok(Self {
                    connections: mysql(server, settings),
                    patience,
                    name,
                })
            }
            _ => Err(OpenError::Url(
                "it begins with neither sqlite:, mysql: nor mariadb:".to_owned(),
            )),
        }
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    /// Returns the first row, if there is one.
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

    pub(super) async fn execute(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<ExecResult, DatabaseError> {
        self.in_time(self.connections.execute(statement)).await
    }

    /// Executes the statements of a script.
    pub(super) async fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        for statement in sql.split(";\n").filter(|it| !it.trim().is_empty()) {
            self.in_time(self.connections.execute_unprepared(statement))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(self.patience, self.connections.close_by_ref()).await;
    }

    /// The time `ago` by the database's clock, to the second.
    pub(super) fn time(&self, ago: Duration) -> SimpleExpr {
        let seconds = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX);
        match self.backend() {
            DbBackend::Sqlite => {
                SimpleExpr::cust_with_values("datetime('now', ?)", [format!("-{seconds} seconds")])
            }
            _ => SimpleExpr::cust_with_values("NOW() - INTERVAL ? SECOND", [seconds]),
        }
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sea_orm::DbErr>>,
    ) -> Result<T, DatabaseError> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(done) => done.map_err(DatabaseError::Failed),
            Err(_) => Err(DatabaseError::TooSlow),
        }
    }
}

/// Returns the file of an SQLite URL, `sqlite:PATH` or `sqlite://PATH`; `None` for other URLs.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

fn pool<DB: sqlx::Database>(pool: PoolOptions<DB>, settings: &Settings) -> PoolOptions<DB> {
    pool.max_connections(settings.connections.max(1))
        .min_connections(0)
        .acquire_timeout(settings.patience)
}

fn mysql(server: MySqlConnectOptions, settings: &Settings) -> DatabaseConnection {
    // The session keeps its time zone, in which other programs write and read dates too.
    let server = server.timezone(None).pipes_as_concat(false);
    // A statement that was abandoned must not block its place in the pool forever.
    let patience = settings.patience;
    let pool = pool(MySqlPoolOptions::new(), settings).after_release(move |connection, _| {
        Box::pin(async move {
            let ping = sqlx::Connection::ping(connection);
            Ok(matches!(
                tokio::time::timeout(patience, ping).await,
                Ok(Ok(()))
            ))
        })
    });
    SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(server))
}

fn sqlite(path: &Path, settings: &Settings) -> Result<DatabaseConnection, OpenError> {
    make(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let file = SqliteConnectOptions::new()
        .filename(path)
        // Readers and the writer of the logs do not block each other.
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(settings.patience);
    let pool = pool(SqlitePoolOptions::new(), settings).connect_lazy_with(file);
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// Makes the file if it is missing. Only its owner may read the hashes in it.
fn make(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // SQLite makes its other files for the owner of this one.
        Ok(file) => give_to_owner_of_directory(&file, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::OpenOptions::new().append(true).open(path).map(drop)
        }
        Err(error) => Err(error),
    }
}
