//! Whether the database can be used: looked at when it is opened, and again until it can.

use std::sync::Arc;

use metaserve::{Backoff, Retry};
use tokio::sync::watch;

use super::{DatabaseError, Logs, SchemaError, database::Database, schema};

/// A database that may not be there yet. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    database: Arc<Database>,
    logs: Logs,
    ready: Arc<watch::Sender<bool>>,
}

impl Keeper {
    /// Looks at the database once.
    pub(super) async fn open(database: Database, logs: Logs) -> Result<Self, SchemaError> {
        let keeper = Self {
            database: Arc::new(database),
            logs,
            ready: Arc::default(),
        };
        match keeper.prepare().await {
            Ok(()) => {}
            Err(SchemaError::Database(error)) => tracing::warn!(
                database = keeper.database.name,
                error = %error.with_cause(),
                "the database cannot be reached: nobody can log in to an account until it can"
            ),
            Err(error) => return Err(error),
        }
        Ok(keeper)
    }

    /// Tries until the database can be used.
    pub(super) async fn keep_trying(self) {
        let mut backoff = Backoff::default();
        while !*self.ready.borrow() {
            let delay = backoff.delay(Retry::Soon, fastrand::f64());
            tokio::time::sleep(delay).await;
            match self.prepare().await {
                Ok(()) => {
                    tracing::info!(database = self.database.name, "the database is there");
                }
                Err(SchemaError::Database(error)) => tracing::debug!(
                    database = self.database.name,
                    error = %error.with_cause(),
                    "the database cannot be reached"
                ),
                // Somebody has to mend it, and may be at it.
                Err(error) => tracing::error!(
                    database = self.database.name,
                    "the database cannot be used: {error}"
                ),
            }
        }
    }

    /// The database, if it was seen to be as it should be. It may be lost again since.
    pub(super) fn ready(&self) -> Result<&Database, DatabaseError> {
        match *self.ready.borrow() {
            true => Ok(&self.database),
            false => Err(DatabaseError::Unavailable),
        }
    }

    async fn prepare(&self) -> Result<(), SchemaError> {
        schema::prepare(&self.database, self.logs).await?;
        self.ready.send_replace(true);
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }
}
