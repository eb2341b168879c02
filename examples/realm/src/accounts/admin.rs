//! What is done on the machine of the database only: administrators, and passwords that players have
//! forgotten.

use super::{
    OpenError, PASSWORD, SchemaError, Settings, database::Database, password::Hasher, schema,
};
use crate::ids::Name;
use anyhow::{bail, ensure};

/// Makes an account an administrator's, or not any more, in the database itself. It holds for
/// tickets from the next log-in or refresh on: at most 15 minutes later.
///
/// # Errors
/// There is no such account, or the database cannot be used.
pub async fn admin(settings: &Settings, name: &Name, on: bool) -> anyhow::Result<()> {
    let database = open(settings).await?;
    let set = database.set_admin(name, on).await;
    database.close().await;
    known(name, set.map_err(|it| unusable(&database, it.into()))?)
}

/// Gives an account another password, in the database itself, and ends its log-ins. Tickets that it
/// has are valid for at most 15 minutes more.
///
/// # Errors
/// There is no such account, the password has not 8 to 128 characters, or the database cannot be
/// used.
pub async fn set_password(
    settings: &Settings,
    name: &Name,
    password: String,
) -> anyhow::Result<()> {
    ensure!(
        PASSWORD.contains(&password.chars().count()),
        "a password has 8 to 128 characters"
    );
    let hash = Hasher::new().hash(password).await?;
    let database = open(settings).await?;
    let set = database.set_password(name, &hash).await;
    database.close().await;
    known(name, set.map_err(|it| unusable(&database, it.into()))?)
}

/// The database, if it is there: a new one would have no account.
async fn open(settings: &Settings) -> anyhow::Result<Database> {
    let url = settings.database();
    if let Some(file) = url.file().filter(|it| !it.exists()) {
        let file = file.display();
        bail!("there is no database {file}: name it with --state or --database");
    }
    let database = Database::open(url.as_str(), settings.patience, 1)?;
    if let Err(source) = schema::prepare(&database).await {
        database.close().await;
        return Err(unusable(&database, source).into());
    }
    Ok(database)
}

fn unusable(database: &Database, source: SchemaError) -> OpenError {
    let database = database.name.clone();
    OpenError::Schema { database, source }
}

fn known(name: &Name, is_known: bool) -> anyhow::Result<()> {
    ensure!(
        is_known,
        "there is no account {name}: it has to be registered first"
    );
    Ok(())
}
