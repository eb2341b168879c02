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
//!  launchers, games ──legacy TCP──▶ vcmi ──open rooms──▶ publish ──▶ (the daemon's relay)
//! ```
//!
//! - [`vcmi`]: the text lobby and game pipe of VCMI, protocol versions 1 to 5.
//! - [`publish`]: what the bridge wants the list to say, whichever protocol it comes from.
//! - [`cli`]: flags, environment and file ([`options`]) to a [`Config`]; [`run`] does it.

#![forbid(unsafe_code)]

pub mod cli;
pub mod options;
pub mod publish;
pub mod vcmi;
mod words;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{cli::Config, options::Daemon, publish::Listings};

/// Runs every lobby that `config` asks for until `shutdown`, then ends them in order.
///
/// # Errors
/// A lobby cannot be opened; none is then.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), vcmi::ListenError> {
    let listings = Listings::default();
    let lobbies = TaskTracker::new();
    if let Daemon::At(address) = &config.daemon {
        tracing::warn!(
            ?address,
            "games are not published: this build runs its lobbies alone"
        );
    }
    if let Some(settings) = config.vcmi {
        let capacity = settings.limits.capacity;
        let lobby = vcmi::Server::bind(settings, listings)?;
        tracing::info!(address = %lobby.local_address(), capacity, "the VCMI lobby is open");
        lobbies.spawn(lobby.run(shutdown));
    }
    lobbies.close();
    lobbies.wait().await;
    Ok(())
}
