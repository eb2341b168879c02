//! A metaserver with everything that belongs to it: accounts, HTTPS, the servers of the registry.

use std::{
    iter,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use futures::{FutureExt, future::BoxFuture};
use metaserve::{ConnectError, program::Vital};
use tokio_util::sync::CancellationToken;

use super::{
    Hidden, Links, Server, Settings,
    event::Native,
    https::{self, BindError, Service},
    published::follow,
};
use crate::{
    accounts::{self, Accounts},
    follow::Follower,
    peers::{ListenError, Pulse},
    protocol::{self, House, Opened, Protocol},
};

/// A metaserver with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Metaserver {
    /// The metaserver itself.
    pub settings: Settings,
    /// The database of accounts, hubs and logs; `None` for the file in the state directory.
    pub database: Option<String>,
    /// How accounts are protected, and what is logged.
    pub accounts: accounts::Settings,
    /// Where to serve logins over HTTPS, if at all.
    pub https: Option<SocketAddr>,
    /// The files of certificate chain and key; `None` for a certificate of its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The limits of the HTTPS service's peers.
    pub https_limits: https::Limits,
    /// The host names that the service's own certificate covers.
    pub hosts: Vec<String>,
    /// Whether players may make accounts through the service.
    pub sign_up: bool,
    /// Servers of the registry that are not shown in rooms.
    pub hide_native: Vec<Hidden>,
}

/// Why a metaserver cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its accounts cannot be opened.
    #[error("cannot open the accounts: choose a database with `--database`")]
    Accounts(#[from] accounts::OpenError),
    /// Its HTTPS service cannot be opened.
    #[error(transparent)]
    Https(#[from] BindError),
    /// The registry cannot be followed.
    #[error("cannot publish to the daemon")]
    Connect(#[from] ConnectError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A metaserver that listens and does not serve yet.
struct Ready {
    server: Server,
    https: Option<Service>,
    /// The task that follows the servers of the registry.
    natives: Option<Follower<Native>>,
}

impl Protocol for Metaserver {
    fn listens(&self) -> Vec<SocketAddr> {
        let rooms = self.settings.rooms.iter().copied();
        iter::once(self.settings.login)
            .chain(rooms)
            .chain(self.https)
            .collect()
    }

    fn described(&self, state_dir: &Path) -> Result<String, protocol::OpenError> {
        if self.https.is_none() {
            return Ok(String::new());
        }
        let files = self.certificate.as_ref();
        let described = https::described(files, state_dir, &self.hosts);
        Ok(described.map_err(BindError::Certificate)?)
    }

    fn open<'a>(
        &'a self,
        house: &'a House,
    ) -> BoxFuture<'a, Result<Box<dyn Opened>, protocol::OpenError>> {
        let opened = async { Ok(Box::new(self.ready(house).await?) as Box<dyn Opened>) };
        opened.boxed()
    }
}

impl Metaserver {
    async fn ready(&self, house: &House) -> Result<Ready, OpenError> {
        let database = self.database.clone();
        let database = database.unwrap_or_else(|| accounts::default_database(&house.state_dir));
        let accounts = Accounts::open(&database, self.accounts.clone()).await?;
        let https = match self.https {
            Some(listen) => {
                let settings = https::Settings {
                    listen,
                    bans: house.bans.clone(),
                    certificate: self.certificate.clone(),
                    state_dir: house.state_dir.clone(),
                    hosts: self.hosts.clone(),
                    sign_up: self.sign_up,
                    limits: self.https_limits,
                };
                let service = Service::bind(settings, accounts.clone())?;
                Some(service.counting(house.metrics.clone()))
            }
            None => None,
        };
        let tally = house.metrics.tally("aleph_one");
        let registry = house.registry.as_ref();
        let shown = registry.filter(|_| !self.hide_native.contains(&Hidden::All));
        let (natives, follower) = match shown {
            Some(registry) => {
                let (natives, follower) = follow(registry, self.hide_native.clone())?;
                (Some(natives), Some(follower))
            }
            None => (None, None),
        };
        let links = Links {
            accounts: Some(accounts),
            bans: house.bans.clone(),
            listings: house.listings.clone(),
            natives,
            bridge: registry.map(|registry| registry.bridge),
            tally: tally.clone(),
        };
        Ok(Ready {
            server: Server::bind(self.settings.clone(), links)?,
            https,
            natives: follower.map(|it| it.counting(tally)),
        })
    }
}

impl Opened for Ready {
    fn pulse(&self) -> Pulse {
        self.server.pulse()
    }

    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken) {
        let addresses = self.server.local_addresses();
        let rooms = self.server.room_titles().zip(&addresses[1..]);
        let rooms: Vec<String> = rooms.map(|(room, at)| format!("{room}={at}")).collect();
        tracing::info!(address = %addresses[0], ?rooms, "the metaserver is open");
        let serve = self.server.run(closing.clone());
        vital.spawn(format!("the metaserver at {}", addresses[0]), serve);
        if let Some(https) = self.https {
            let fingerprint = https.fingerprint();
            let address = https.local_address();
            tracing::info!(%address, %fingerprint, "serving logins over HTTPS");
            vital.spawn(format!("HTTPS at {address}"), https.run(closing.clone()));
        }
        if let Some(natives) = self.natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn("following the registry", follow);
        }
    }
}
