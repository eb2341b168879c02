//! Administrators, who are made on the machine of the database only.

use super::{OpenError, SchemaError, Settings, database::Database, schema};
use crate::ids::Name;
use anyhow::bail;

/// Makes an account an administrator's, or not any more, in the database itself. It holds for
/// tickets from the next log-in or refresh on: at most 15 minutes later.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn admin(settings: &Settings, name: &Name, on: bool) -> anyhow::Result<()> {
    let database = Database::open(settings.database().as_str(), settings.patience)?;
    let set = set(&database, name, on).await;
    database.close().await;
    if set? {
        return Ok(());
    }
    bail!("there is no account {name}: it has to be registered first")
}

async fn set(database: &Database, name: &Name, on: bool) -> Result<bool, OpenError> {
    let failed = |source| OpenError::Schema {
        database: database.name.clone(),
        source,
    };
    schema::prepare(database).await.map_err(failed)?;
    let set = database.set_admin(name, on).await;
    set.map_err(|error| failed(SchemaError::from(error)))
}
