//! The operator's commands for accounts and hubs.

use super::{
    DatabaseError, Hub, Logs, OpenError, SchemaError, Settings,
    database::Database,
    names::{InvalidName, InvalidPassword, check_name, check_new_password},
    password::{Checker, Unchecked},
    schema,
};

/// Manages accounts and hubs for the operator.
#[derive(Debug)]
pub struct Administration {
    database: Database,
    checker: Checker,
    cost: u32,
}

/// An account as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ListedAccount {
    /// The name.
    pub username: String,
    /// Whether moderator commands are allowed.
    pub moderator: bool,
    /// Whether the player is hidden in rooms.
    pub hidden: bool,
    /// The user's "sort id".
    pub sort_order: i32,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The name is not allowed for an account.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The password is not allowed.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// An account has this name, perhaps in another case.
    #[error("there is already an account of that name: choose another name")]
    NameTaken,
    /// There is no such account.
    #[error("there is no account `{0}`; names are case-sensitive")]
    NoAccount(String),
    /// A hub has this address.
    #[error("there is already a hub at that address: `hub list` shows it")]
    HubTaken,
    /// There is no such hub.
    #[error("there is no hub {0}: `hub list` shows all hubs")]
    NoHub(u16),
    /// The password library failed.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}

impl Administration {
    /// Opens the database like the service does. Fails if it cannot be reached.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn open(url: &str) -> Result<Self, AdministrationError> {
        let settings = Settings {
            // This does not use the log tables.
            logs: Logs {
                chat: false,
                private_messages: false,
                events: false,
                login_details: false,
            },
            connections: 1,
            ..Settings::default()
        };
        let database = Database::new(url, &settings)?;
        match schema::prepare(&database, settings.logs).await {
            Ok(()) => {}
            Err(SchemaError::Database(error)) => return Err(error.into()),
            Err(source) => {
                let database = database.name;
                return Err(OpenError::Schema { database, source }.into());
            }
        }
        Ok(Self {
            database,
            checker: Checker::new(1, 0, settings.bcrypt_cost),
            cost: settings.bcrypt_cost,
        })
    }

    /// Adds an account.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn add(&self, username: &str, password: &str) -> Result<(), AdministrationError> {
        check_name(username)?;
        if self.database.is_taken(username).await? {
            return Err(AdministrationError::NameTaken);
        }
        let hash = self.hash(password).await?;
        match self.database.add_user(username, &hash).await {
            Err(error) if error.is_duplicate() => Err(AdministrationError::NameTaken),
            added => Ok(added?),
        }
    }

    /// Sets the password of an account. A token for it becomes void.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn passwd(&self, username: &str, password: &str) -> Result<(), AdministrationError> {
        let hash = self.hash(password).await?;
        let done = self.database.set_password(username, &hash).await?;
        found(done, username)
    }

    /// Whether this account exists.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn exists(&self, username: &str) -> Result<bool, AdministrationError> {
        Ok(self.database.user(username).await?.is_some())
    }

    /// Removes an account. A player who is logged in to it stays until they leave.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn remove(&self, username: &str) -> Result<(), AdministrationError> {
        found(self.database.remove_user(username).await?, username)
    }

    /// Allows or forbids moderator commands, from the next login on.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn set_moderator(&self, username: &str, on: bool) -> Result<(), AdministrationError> {
        found(self.database.set_moderator(username, on).await?, username)
    }

    /// Hides or shows a player in rooms, from the next login on.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn set_hidden(&self, username: &str, on: bool) -> Result<(), AdministrationError> {
        found(self.database.set_hidden(username, on).await?, username)
    }

    /// Returns all accounts, by sort order and name.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn accounts(&self) -> Result<Vec<ListedAccount>, AdministrationError> {
        let users = self.database.users().await?;
        let listed = users.into_iter().map(|user| ListedAccount {
            username: user.username,
            moderator: user.moderator,
            hidden: user.hidden,
            sort_order: user.sort_order,
        });
        Ok(listed.collect())
    }

    /// Adds a hub. `host` is not resolved now, but when players ask for hubs.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn add_hub(
        &self,
        host: &str,
        port: u16,
        network_version: &str,
    ) -> Result<(), AdministrationError> {
        match self.database.add_hub(host, port, network_version).await {
            Err(error) if error.is_duplicate() => Err(AdministrationError::HubTaken),
            added => Ok(added?),
        }
    }

    /// Returns all hubs by id, each with its network version.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn hubs(&self) -> Result<Vec<(Hub, String)>, AdministrationError> {
        Ok(self.database.hubs(None).await?)
    }

    /// Removes a hub. Games that use it continue.
    ///
    /// # Errors
    /// See [`AdministrationError`].
    pub async fn remove_hub(&self, id: u16) -> Result<(), AdministrationError> {
        match self.database.remove_hub(id).await? {
            true => Ok(()),
            false => Err(AdministrationError::NoHub(id)),
        }
    }

    /// Closes the connection in order.
    pub async fn close(self) {
        self.database.close().await;
    }

    async fn hash(&self, password: &str) -> Result<String, AdministrationError> {
        check_new_password(password)?;
        let hash = self.checker.hash(password, self.cost).await;
        hash.map_err(|error| match error {
            Unchecked::Busy => AdministrationError::Hash("the machine is too busy".to_owned()),
            Unchecked::BadHash(reason) => AdministrationError::Hash(reason),
        })
    }
}

fn found(done: bool, username: &str) -> Result<(), AdministrationError> {
    match done {
        true => Ok(()),
        false => Err(AdministrationError::NoAccount(username.to_owned())),
    }
}
