//! The role from its start to its end.

use super::{OpenError, SchemaError, Settings, http, keys::Keys, role::Role, saver, schema};
use crate::{
    http::{self as server, Bounds},
    log::Log,
    roles::{self, Owner},
};
use anyhow::Context as _;
use bytes::Bytes;
use metaserve::{Backoff, Retry};
use metaserve_client::names::Names;
use std::{fmt, pin::pin, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

/// The accounts role: log-in, characters and the keeper, on a port of its own.
pub struct Accounts {
    role: Arc<Role>,
    listener: TcpListener,
    names: Names,
    /// Secret.
    ticket: Bytes,
    owner: Owner,
    save_every: Duration,
}

impl Accounts {
    /// Reads or makes the keys, opens the database and the port. A database that cannot be reached
    /// is tried again once it [runs](Self::run): until then everything is answered 503.
    ///
    /// # Errors
    /// The keys or the port cannot be used, the database's URL is none, its tables are not this
    /// program's or newer, or its server refuses this user.
    pub async fn start(
        settings: Settings,
        log: Arc<dyn Log>,
        names: Names,
    ) -> anyhow::Result<Self> {
        let keys = Keys::in_directory(&settings.state)?;
        let role = Arc::new(Role::new(&settings, &keys, log)?);
        prepare(&role).await?;
        let listener = TcpListener::bind(settings.listen).await.with_context(|| {
            format!(
                "cannot serve accounts on {}: choose another address with --listen",
                settings.listen
            )
        })?;
        let url = match settings.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", listener.local_addr()?),
        };
        Ok(Self {
            role,
            listener,
            names,
            ticket: keys.pass.service,
            owner: Owner {
                url,
                host: settings.host,
                players: 0,
            },
            save_every: settings.save_every,
        })
    }

    /// Where it serves HTTP, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.owner.url
    }

    /// Serves until `until`, and saves what is left to be saved then. Claims the role first, and
    /// waits as its spare for as long as another process has it.
    ///
    /// # Errors
    /// The daemon does not grant the role for good, or the database, which was reached only now,
    /// cannot be used.
    pub async fn run(self, until: CancellationToken) -> anyhow::Result<()> {
        let Self {
            role,
            listener,
            names,
            ticket,
            owner,
            save_every,
        } = self;
        let closing = CancellationToken::new();
        let routes = http::router(role.clone());
        let defaults = Bounds::default();
        let bounds = Bounds {
            // All players come by a few gateways.
            of_an_address: defaults.connections,
            ..defaults
        };
        let serving = server::serve(listener, routes, bounds, closing.clone());
        let serving = tokio::spawn(serving);
        let carried_out = carry_out(&role, &names, &ticket, &owner, save_every, &until).await;
        closing.cancel();
        // It ends by itself. A panic in it was reported already.
        let _ = serving.await;
        role.saves.close().await;
        role.database.close().await;
        carried_out
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut accounts = formatter.debug_struct("Accounts");
        accounts.field("owner", &self.owner).finish_non_exhaustive()
    }
}

async fn carry_out(
    role: &Role,
    names: &Names,
    ticket: &Bytes,
    owner: &Owner,
    save_every: Duration,
    until: &CancellationToken,
) -> anyhow::Result<()> {
    let held = hold(role, names, ticket, owner, save_every, until);
    let mut held = pin!(held);
    tokio::select! {
        held = held.as_mut() => return held,
        ready = get_ready(role) => ready?,
    }
    held.await
}

/// Tries the database until it can be used.
async fn get_ready(role: &Role) -> Result<(), OpenError> {
    let mut backoff = Backoff::default();
    while !role.standing.borrow().is_ready {
        sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
        prepare(role).await?;
    }
    Ok(())
}

/// Makes or checks the tables, if the database can be reached.
async fn prepare(role: &Role) -> Result<(), OpenError> {
    let database = &role.database;
    match schema::prepare(database).await {
        Ok(()) => {
            tracing::info!(database = database.name, "the database is ready");
            role.standing.send_modify(|it| it.is_ready = true);
        }
        Err(SchemaError::Database(error)) => tracing::warn!(
            database = database.name,
            error = %error.with_cause(),
            "the database cannot be reached: nobody can log in until it can"
        ),
        Err(source) => {
            let database = database.name.clone();
            return Err(OpenError::Schema { database, source });
        }
    }
    Ok(())
}

/// Holds the role, and saves while it does.
async fn hold(
    role: &Role,
    names: &Names,
    ticket: &Bytes,
    owner: &Owner,
    save_every: Duration,
    until: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(claim) = roles::hold(names, ticket, "accounts", owner, until)
        .await
        .context("the daemon does not grant the role of accounts")?
    {
        role.standing.send_modify(|it| it.holds = true);
        let lost = tokio::select! {
            lost = claim.lost() => Some(lost),
            () = saver::run(role, save_every) => None,
            () = until.cancelled() => None,
        };
        role.standing.send_modify(|it| it.holds = false);
        match lost {
            Some(lost) => tracing::warn!("accounts are not served here any more: {lost}"),
            None => saver::finish(role).await,
        }
    }
    Ok(())
}
