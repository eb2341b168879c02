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
//! lobby.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!  launchers, games ──legacy TCP──▶ vcmi ──open rooms──▶ publish ──▶ relay ──QUIC──▶ daemon
//! ```
//!
//! - [`vcmi`]: the text lobby and game pipe of VCMI, protocol versions 1 to 5.
//! - [`publish`]: what the bridge wants the list to say, whichever protocol it comes from.
//! - [`relay`]: tells the daemon, through its restarts.
//! - [`accounts`]: who may log in, in SQL; [`commands`] manages them.
//! - [`cli`]: flags, environment and file ([`options`]) to a [`Config`]; [`run`] does it.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod cli;
pub mod commands;
pub mod myth;
pub mod net;
pub mod options;
pub mod publish;
pub mod relay;
pub mod vcmi;
mod words;

use metaserve::{ConnectError, Identity, tls::FileError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{cli::Config, options::Daemon, publish::Listings, relay::Relay};

/// Why the bridge cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A lobby cannot be opened.
    #[error(transparent)]
    Listen(#[from] vcmi::ListenError),
    /// The bridge's identity can neither be read nor made.
    #[error("the identity in the state directory cannot be used: choose one with `--state-dir`")]
    Identity(#[from] FileError),
    /// The daemon's name or the trust in it is of no use.
    #[error("the daemon cannot be published at")]
    Connect(#[from] ConnectError),
}

/// Runs every lobby that `config` asks for until `shutdown`, then ends them in order.
///
/// # Errors
/// Something cannot be opened; nothing runs then.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    let listings = Listings::default();
    let tasks = TaskTracker::new();
    let relay = match &config.daemon {
        Daemon::At(daemon) => Some(relay(daemon, &config)?),
        Daemon::None => None,
    };
    if let Some(settings) = config.vcmi {
        let capacity = settings.limits.capacity;
        let lobby = vcmi::Server::bind(settings, listings.clone())?;
        tracing::info!(address = %lobby.local_address(), capacity, "the VCMI lobby is open");
        tasks.spawn(lobby.run(shutdown.clone()));
    }
    if let Some(relay) = relay {
        let publish = async move { relay.run(&listings).await };
        tasks.spawn(shutdown.run_until_cancelled_owned(publish));
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// The connection to the daemon, under the bridge's own identity, which is made on first start.
/// Prints what the daemon's operator needs to let it in.
fn relay(daemon: &str, config: &Config) -> Result<Relay, RunError> {
    let identity = Identity::load_or_create(&config.state_dir, &[])?;
    let fingerprint = identity.fingerprint();
    println!("publishing at {daemon}, which lets this bridge in with: --trust-relay {fingerprint}");
    Ok(Relay::new(daemon, &config.trust, &identity)?)
}
