//! Keeps lobbies of old games alive, and shows their games in a metaserve list.
//!
//! Players of old games know one protocol and one server, which is gone. The bridge speaks that
//! protocol to them, and publishes their open games like those of any modern server.
//!
//! ```no_run
//! use metaserve_lobby_bridge::{publish::Listings, vcmi};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), vcmi::ListenError> {
//! let listings = Listings::default();
//! let lobby = vcmi::Server::bind(vcmi::Settings::default(), listings.clone())?;
//! // It ends when the token is cancelled, or with an error when it cannot go on.
//! let _ = lobby.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!  VCMI ───────legacy TCP──▶ vcmi ──open rooms──▶ publish ──▶ relay ──QUIC──▶ daemon
//!  Aleph One ──legacy TCP──▶ aleph_one ──games──▶    │                          │
//!                             ▲ └──▶ accounts (SQL)                             │
//!                             └───────────────servers of the registry───────────┘
//! ```
//!
//! - [`vcmi`]: the text lobby and game pipe of VCMI, protocol versions 1 to 5.
//! - [`aleph_one`]: the metaserver of Aleph One; [`myth_options`] is what can be set about it.
//! - [`accounts`]: its accounts, hubs and logs, in SQL.
//! - [`bans`]: who may not come in.
//! - [`peers`]: tasks and sockets of all of them.
//! - [`follow`]: the daemon's list, for those that show it to their players.
//! - [`publish`]: what the bridge wants the list to say, whichever protocol it comes from.
//! - [`relay`]: tells the daemon, through its restarts.
//! - [`accounts`]: who may log in, in SQL; [`commands`] manages them.
//! - [`cli`]: flags, environment and file ([`options`]) to a [`Config`]; [`run`] does it.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod accounts;
pub mod aleph_one;
pub mod bans;
pub mod cli;
pub mod commands;
pub mod follow;
pub mod myth_options;
pub mod options;
pub mod peers;
pub mod publish;
pub mod relay;
pub mod vcmi;
mod words;

use std::{sync::Arc, time::Duration};

use metaserve::{
    ConnectError, Connector, Identity, Role,
    program::{
        self, Stopped, Vital,
        service::{self, State},
    },
    tls::FileError,
};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::Accounts, bans::Guard, cli::Config, follow::Follower, myth_options::MythConfig,
    options::Daemon, peers::Pulse, publish::Listings, relay::Relay,
};

/// Why the bridge cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A lobby cannot be opened.
    #[error(transparent)]
    Listen(#[from] peers::ListenError),
    /// The HTTPS service of a metaserver cannot be opened.
    #[error(transparent)]
    Https(#[from] aleph_one::https::BindError),
    /// The accounts of a metaserver cannot be opened.
    #[error("the accounts cannot be opened: choose a database with `--database`")]
    Accounts(#[from] accounts::OpenError),
    /// The ban file cannot be used.
    #[error("the bans cannot be read: mend the file, or name another with `--ban-file`")]
    Bans(#[from] metaserve::bans::BanFileError),
    /// The bridge's identity can neither be read nor made.
    #[error("the identity in the state directory cannot be used: choose one with `--state-dir`")]
    Identity(#[from] FileError),
    /// The daemon's name or the trust in it is of no use.
    #[error("the daemon cannot be published at")]
    Connect(#[from] ConnectError),
    /// Something has failed that the bridge cannot do without.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// How long the rest may take to end in order after something has failed.
const LAST_MOMENTS: Duration = Duration::from_secs(20);

/// Runs every lobby that `config` asks for until `shutdown`, then ends them in order.
///
/// # Errors
/// Something cannot be opened, and nothing has run then; or something has failed while it ran
/// that the bridge cannot do without, and nothing runs any more.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    let listings = Listings::default();
    let bans = match &config.ban_file {
        Some(file) => Guard::open(file)?,
        None => Guard::none(),
    };
    let registry = match &config.daemon {
        Daemon::At(daemon) => Some(Registry::at(daemon, &config)?),
        Daemon::None => None,
    };
    let vcmi = match &config.vcmi {
        Some(settings) => {
            let bans = bans.clone();
            let settings = vcmi::Settings {
                bans,
                ..settings.clone()
            };
            Some(vcmi::Server::bind(settings, listings.clone())?)
        }
        None => None,
    };
    let myth = match &config.myth {
        Some(myth) => {
            Some(AlephOne::open(myth, &config, &bans, registry.as_ref(), &listings).await?)
        }
        None => None,
    };
    let (vital, closing) = (Vital::default(), shutdown.child_token());
    let mut pulses = Vec::new();
    if let (Some(lobby), Some(settings)) = (vcmi, &config.vcmi) {
        let (address, capacity) = (lobby.local_address(), settings.limits.capacity);
        tracing::info!(%address, capacity, "the VCMI lobby is open");
        pulses.push(lobby.pulse());
        vital.spawn(
            format!("the VCMI lobby at {address}"),
            lobby.run(closing.clone()),
        );
    }
    if let Some(myth) = myth {
        pulses.push(myth.server.pulse());
        myth.spawn(&vital, &closing);
    }
    if let Some(Registry { relay, daemon, .. }) = registry {
        let publish = async move { relay.run(&listings).await };
        let publish = closing.clone().run_until_cancelled_owned(publish);
        vital.spawn(format!("publishing at {daemon}"), publish);
    }
    tokio::spawn(closing.clone().run_until_cancelled_owned(bans.watch()));
    let pulses: Arc<[Pulse]> = pulses.into();
    let alive = service::watchdog(move || all_beat(Arc::clone(&pulses)));
    tokio::spawn(closing.clone().run_until_cancelled_owned(alive));
    service::tell(State::Ready("serving lobbies"));
    let stopped = tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        stopped = vital.stopped() => Err(stopped),
    };
    closing.cancel();
    match stopped {
        Ok(()) => vital.join().await?,
        Err(stopped) => {
            tracing::error!("{stopped}; the bridge ends, since it is of no use without");
            let _ = tokio::time::timeout(LAST_MOMENTS, vital.join()).await;
            return Err(stopped.into());
        }
    }
    Ok(())
}

/// Completes when the owner of each lobby has had a turn.
async fn all_beat(pulses: Arc<[Pulse]>) {
    for pulse in &*pulses {
        pulse.beat().await;
    }
}

/// The daemon, as the bridge uses it.
struct Registry {
    daemon: String,
    relay: Relay,
    identity: Identity,
}

impl Registry {
    /// The connection to the daemon, under the bridge's own identity, which is made on first
    /// start. Prints what the daemon's operator needs to let it in.
    fn at(daemon: &str, config: &Config) -> Result<Self, RunError> {
        let identity = Identity::load_or_create(&config.state_dir, &[])?;
        let fingerprint = identity.fingerprint();
        program::announce(format!(
            "publishing at {daemon}, which lets this bridge in with: --trust-relay {fingerprint}\n"
        ));
        Ok(Self {
            daemon: daemon.to_owned(),
            relay: Relay::new(daemon, &config.trust, &identity)?,
            identity,
        })
    }
}

/// A metaserver with all that belongs to it, not serving yet.
struct AlephOne {
    server: aleph_one::Server,
    https: Option<aleph_one::https::Service>,
    /// Who brings it the servers of the registry.
    natives: Option<Follower<aleph_one::Native>>,
}

impl AlephOne {
    async fn open(
        myth: &MythConfig,
        config: &Config,
        bans: &Guard,
        registry: Option<&Registry>,
        listings: &Listings,
    ) -> Result<Self, RunError> {
        let database = myth.database.clone();
        let database = database.unwrap_or_else(|| accounts::default_database(&config.state_dir));
        let accounts = Accounts::open(&database, myth.accounts.clone()).await?;
        let https = match myth.https {
            Some(listen) => {
                let settings = aleph_one::https::Settings {
                    listen,
                    bans: bans.clone(),
                    certificate: myth.certificate.clone(),
                    state_dir: config.state_dir.clone(),
                    hosts: myth.hosts.clone(),
                    sign_up: myth.sign_up,
                    limits: myth.https_limits,
                };
                Some(aleph_one::https::Service::bind(settings, accounts.clone())?)
            }
            None => None,
        };
        let (natives, follower) = match registry {
            Some(Registry {
                daemon, identity, ..
            }) if !myth.hide_native.contains(&aleph_one::Hidden::All) => {
                let connector = Connector::new(Role::Client, daemon, &config.trust, None)?;
                let hidden = myth.hide_native.clone();
                let (natives, follower) =
                    aleph_one::follow(connector, identity.fingerprint(), hidden);
                (Some(natives), Some(follower))
            }
            _ => (None, None),
        };
        let links = aleph_one::Links {
            accounts: Some(accounts),
            bans: bans.clone(),
            listings: listings.clone(),
            natives,
            bridge: registry.map(|registry| registry.identity.fingerprint()),
        };
        Ok(Self {
            server: aleph_one::Server::bind(myth.settings.clone(), links)?,
            https,
            natives: follower,
        })
    }

    fn spawn(self, vital: &Vital, closing: &CancellationToken) {
        let addresses = self.server.local_addresses();
        let rooms = self.server.room_titles().zip(&addresses[1..]);
        let rooms: Vec<String> = rooms.map(|(room, at)| format!("{room}={at}")).collect();
        tracing::info!(address = %addresses[0], ?rooms, "the metaserver is open");
        let serve = self.server.run(closing.clone());
        vital.spawn(format!("the metaserver at {}", addresses[0]), serve);
        if let Some(https) = self.https {
            let fingerprint = https.fingerprint();
            let address = https.local_address();
            tracing::info!(%address, %fingerprint, "logins over HTTPS");
            vital.spawn(format!("HTTPS at {address}"), https.run(closing.clone()));
        }
        if let Some(natives) = self.natives {
            let follow = async move { natives.run().await };
            let follow = closing.clone().run_until_cancelled_owned(follow);
            vital.spawn("following the registry", follow);
        }
    }
}
