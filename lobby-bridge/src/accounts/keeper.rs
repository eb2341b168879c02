//! Checks whether the database can be used: when it is opened, and then until it can.

use std::sync::Arc;

use metaserve::{Backoff, Retry};
use tokio::sync::watch;

use super::{DatabaseError, Logs, SchemaError, database::Database, schema};

/// A database that may not be reachable yet. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    database: Arc<Database>,
    logs: Logs,
    ready: Arc<watch::Sender<bool>>,
}

impl Keeper {
    /// Checks the database once.
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
                "the database cannot be reached: players cannot log in to accounts until it can"
            ),
            Err(error) => return Err(error),
        }
        Ok(keeper)
    }

    /// Checks the database until it can be used.
    pub(super) async fn keep_trying(self) {
        let mut backoff = Backoff::default();
        while !*self.ready.borrow() {
            let delay = backoff.delay(Retry::Soon, fastrand::f64());
            tokio::time::sleep(delay).await;
            match self.prepare().await {
                Ok(()) => {
                    tracing::info!(
                        database = self.database.name,
                        "the database can be used now"
                    );
                }
                Err(SchemaError::Database(error)) => tracing::debug!(
                    database = self.database.name,
                    error = %error.with_cause(),
                    "the database cannot be reached"
                ),
                // The operator has to fix this, and may be about to.
                Err(error) => tracing::error!(
                    database = self.database.name,
                    "the database cannot be used: {error}"
                ),
            }
        }
    }

    /// Returns the database if a check has succeeded. The connection may be lost again since.
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
