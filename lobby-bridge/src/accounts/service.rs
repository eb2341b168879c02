//! The accounts, hubs and logs of one database, for the parts that serve players.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metaserve::{
    bounds::{Attempt, Attempts},
    time::now,
};
use subtle::ConstantTimeEq as _;
use tokio_util::task::AbortOnDropHandle;

use super::{
    account::{Account, Hub},
    database::Database,
    error::{DatabaseError, OpenError, Refusal, SignUpError},
    keeper::Keeper,
    log::Log,
    names::{MAX_NAME_BYTES, check_name, check_new_password},
    password::{Checker, Unchecked},
    rows::LogRow,
    settings::Settings,
    store::{self, UserRow},
    token::{TOKEN_BYTES, new_token},
};

/// The accounts, hubs and logs of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keeper: Keeper,
    _keeping: AbortOnDropHandle<()>,
    log: Log,
    checker: Checker,
    attempts: Mutex<Attempts>,
    sign_ups: Mutex<Attempts>,
    settings: Settings,
}

impl Accounts {
    /// Opens `sqlite:PATH` (created if missing), `mysql://...` or `mariadb://...`. An existing
    /// schema is used unchanged. If the database cannot be reached, connecting is retried without
    /// end, and accounts are refused until it succeeds.
    ///
    /// # Errors
    /// The URL is invalid, or the database's tables cannot be used.
    pub async fn open(url: &str, settings: Settings) -> Result<Self, OpenError> {
        let database = Database::new(url, &settings)?;
        let name = database.name.clone();
        let keeper = Keeper::open(database, settings.logs);
        let keeper = keeper.await.map_err(|source| OpenError::Schema {
            database: name,
            source,
        })?;
        let keeping = keeper.clone().keep_trying();
        let inner = Arc::new(Inner {
            _keeping: AbortOnDropHandle::new(tokio::spawn(keeping)),
            log: Log::start(keeper.clone(), settings.logs, settings.log_queue_bytes),
            checker: Checker::new(
                settings.checks_at_once,
                settings.checks_waiting,
                settings.bcrypt_cost,
            ),
            attempts: Mutex::new(Attempts::new(settings.attempts)),
            sign_ups: Mutex::new(Attempts::new(settings.sign_ups)),
            keeper,
            settings,
        });
        Ok(Self { inner })
    }

    /// Checks that `username` has this password. If not, that counts as a failed attempt of `from`.
    /// Takes as long for an account that does not exist. If the future is dropped, the attempt
    /// counts as failed.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn check_password(
        &self,
        username: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Account, Refusal> {
        let attempt = self.attempt(username, from)?;
        let checked = self.row_with_password(username, password).await;
        self.settle(attempt, checked).map(Account::from)
    }

    /// Checks that `username` was given this token less than 60 s ago, and uses it up. If not, that
    /// counts as a failed attempt of `from`.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn check_token(
        &self,
        username: &str,
        token: &[u8; TOKEN_BYTES],
        from: IpAddr,
    ) -> Result<Account, Refusal> {
        let attempt = self.attempt(username, from)?;
        let checked = self.row_with_token(username, token).await;
        self.settle(attempt, checked).map(Account::from)
    }

    /// Checks the password, and stores a new token in place of an old one.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn issue_token(
        &self,
        username: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<[u8; TOKEN_BYTES], Refusal> {
        let attempt = self.attempt(username, from)?;
        let issued = async {
            let row = self.row_with_password(username, password).await?;
            let hash = row.password.as_deref().unwrap_or_default();
            let token = new_token();
            let database = self.inner.keeper.ready()?;
            match database.store_token(&row.username, hash, &token).await? {
                true => Ok(token),
                // The password was changed in the meantime.
                false => Err(Refusal::WrongPassword),
            }
        };
        let issued = issued.await;
        self.settle(attempt, issued)
    }

    /// Uses up a token, and returns its account. The settings page uses it: it is given no name.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn redeem_token(
        &self,
        token: &[u8; TOKEN_BYTES],
        from: IpAddr,
    ) -> Result<Account, Refusal> {
        let attempt = self.attempt("", from)?;
        let redeemed = async {
            let database = self.inner.keeper.ready()?;
            let row = database.user_of_token(token).await?;
            self.use_token(row, token).await
        };
        let redeemed = redeemed.await;
        self.settle(attempt, redeemed).map(Account::from)
    }

    /// Sets the password of an account.
    ///
    /// # Errors
    /// See [`Refusal`]; [`Refusal::Unknown`] if the account was removed in the meantime.
    pub async fn change_password(&self, username: &str, password: &str) -> Result<(), Refusal> {
        let hash = self.hash(password).await?;
        let database = self.inner.keeper.ready()?;
        match database.set_password(username, &hash).await? {
            true => Ok(()),
            false => Err(Refusal::Unknown),
        }
    }

    /// Makes an account. The caller decides whether strangers may. How many they may make is
    /// limited here.
    ///
    /// # Errors
    /// See [`SignUpError`].
    pub async fn sign_up(
        &self,
        username: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(), SignUpError> {
        check_name(username)?;
        check_new_password(password)?;
        let database = self.inner.keeper.ready()?;
        // Failures are charged too, since they tell which names are in use. All are charged to one
        // name, so that the limit of that name is the limit of all together.
        let charged = lock(&self.inner.sign_ups).begin(Some(""), from, now());
        charged.ok_or(Refusal::TooManyAttempts)?;
        if database.is_taken(username).await? {
            return Err(SignUpError::Taken);
        }
        let hash = self.hash(password).await?;
        match database.add_user(username, &hash).await {
            Err(error) if error.is_duplicate() => Err(SignUpError::Taken),
            added => Ok(added?),
        }
    }

    /// Returns the hubs of exactly this network version, by id.
    ///
    /// # Errors
    /// A query failed.
    pub async fn hubs(&self, network_version: &str) -> Result<Vec<Hub>, DatabaseError> {
        let database = self.inner.keeper.ready()?;
        let choose = store::of_version(database, network_version);
        let hubs = database.hubs(Some(choose)).await?;
        Ok(hubs.into_iter().map(|(hub, _)| hub).collect())
    }

    /// Whether there is a hub, of any version.
    ///
    /// # Errors
    /// A query failed.
    pub async fn has_hub(&self) -> Result<bool, DatabaseError> {
        let hubs = self.inner.keeper.ready()?.hubs(None).await?;
        Ok(!hubs.is_empty())
    }

    /// Returns the hub with this id, if there is one.
    ///
    /// # Errors
    /// A query failed.
    pub async fn hub(&self, id: u16) -> Result<Option<Hub>, DatabaseError> {
        let database = self.inner.keeper.ready()?;
        let mut hubs = database.hubs(Some(store::with_id(id))).await?;
        Ok(hubs.pop().map(|(hub, _)| hub))
    }

    /// Queues a row for the log tables, with the current time. Never waits: if the queue is full,
    /// the row is dropped and counted. Rows for logs that are switched off are ignored.
    pub fn log(&self, row: LogRow) {
        self.inner.log.add(row);
    }

    /// Waits until all rows are written, for `within` at most, and closes the database.
    pub async fn flush(&self, within: Duration) {
        if self.inner.log.flush(within).await {
            self.inner.keeper.close().await;
        } else {
            tracing::warn!("could not write the last log rows: the database is too slow");
        }
    }

    /// Charges an attempt, unless there were too many.
    fn attempt(&self, username: &str, from: IpAddr) -> Result<Attempt, Refusal> {
        // An impossible name belongs to no account.
        let username = is_possible(username).then(|| username.to_ascii_lowercase());
        let attempt = lock(&self.inner.attempts).begin(username.as_deref(), from, now());
        attempt.ok_or(Refusal::TooManyAttempts)
    }

    /// Refunds the attempt, unless it was a wrong guess.
    fn settle<T>(&self, attempt: Attempt, result: Result<T, Refusal>) -> Result<T, Refusal> {
        use Refusal::{Unknown, WrongPassword, WrongToken};
        if !matches!(result, Err(Unknown | WrongPassword | WrongToken)) {
            lock(&self.inner.attempts).succeeded(attempt);
        }
        result
    }

    async fn row_with_password(&self, username: &str, password: &str) -> Result<UserRow, Refusal> {
        let database = self.inner.keeper.ready()?;
        let row = match is_possible(username) {
            true => database.user(username).await?,
            false => None,
        };
        let hash = match &row {
            None => None,
            Some(UserRow { password: None, .. }) => {
                return Err(Refusal::BadRecord("its password is NULL".to_owned()));
            }
            Some(UserRow { password, .. }) => password.as_deref(),
        };
        match (self.inner.checker.check(password, hash).await?, row) {
            (true, Some(row)) => Ok(row),
            (_, None) => Err(Refusal::Unknown),
            (false, Some(_)) => Err(Refusal::WrongPassword),
        }
    }

    async fn row_with_token(
        &self,
        username: &str,
        token: &[u8; TOKEN_BYTES],
    ) -> Result<UserRow, Refusal> {
        let database = self.inner.keeper.ready()?;
        let row = match is_possible(username) {
            true => database.user(username).await?,
            false => None,
        };
        self.use_token(row, token).await
    }

    /// Returns the row if this is its token and has not expired. The token is then used up.
    async fn use_token(
        &self,
        row: Option<UserRow>,
        token: &[u8; TOKEN_BYTES],
    ) -> Result<UserRow, Refusal> {
        let database = self.inner.keeper.ready()?;
        let row = row.ok_or(Refusal::Unknown)?;
        let same = row
            .token
            .as_deref()
            .is_some_and(|it| it.ct_eq(token).into());
        // After an answer without a body, clients send sixteen NULs.
        let real = !token.contains(&0);
        // Dates in the future are refused too. They appear when a clock is set back.
        let lifetime = self.inner.settings.token_lifetime.as_secs();
        let young = row
            .token_age_seconds
            .is_some_and(|age| age.unsigned_abs() < lifetime);
        match same && real && young && database.use_token(&row.username, token).await? {
            true => Ok(row),
            false => Err(Refusal::WrongToken),
        }
    }

    async fn hash(&self, password: &str) -> Result<String, Unchecked> {
        let cost = self.inner.settings.bcrypt_cost;
        self.inner.checker.hash(password, cost).await
    }
}

fn lock(attempts: &Mutex<Attempts>) -> MutexGuard<'_, Attempts> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an account could have this name.
fn is_possible(username: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&username.len()) && username.is_ascii()
}
