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
//! - [`aleph_one`]: the metaserver of Aleph One.
//! - [`accounts`]: its accounts, hubs and logs, in SQL.
//! - [`mac_roman`]: text as Aleph One's players and their accounts have it.
//! - [`bans`]: who may not come in.
//! - [`protocol`]: what each of them is to the bridge.
//! - [`peers`]: tasks and sockets of all of them.
//! - [`follow`]: the daemon's list, for those that show it to their players.
//! - [`publish`]: what the bridge wants the list to say, whichever protocol it comes from.
//! - [`relay`]: tells the daemon, through its restarts.
//! - [`accounts`]: who may log in, in SQL; [`commands`] manages them.
//! - [`command_line`]: its words, to [`settings`] of which each protocol declares its own, and those
//!   to a [`Bridge`]; [`run`] does it.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod accounts;
pub mod aleph_one;
pub mod bans;
pub mod command_line;
pub mod commands;
pub mod follow;
pub mod mac_roman;
pub mod peers;
pub mod protocol;
pub mod publish;
pub mod relay;
pub mod settings;
pub mod vcmi;

use std::{sync::Arc, time::Duration};

use metaserve::{
    ConnectError, Identity,
    program::{
        self, Stopped, Vital,
        service::{self, State},
    },
    tls::FileError,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bans::Guard,
    peers::Pulse,
    protocol::{House, OpenError, Protocol, Registry},
    publish::Listings,
    relay::Relay,
    settings::{Bridge, Daemon},
};

/// Why the bridge cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A protocol cannot be opened.
    #[error(transparent)]
    Open(OpenError),
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

/// Runs every lobby that `bridge` asks for until `shutdown`, then ends them in order.
///
/// # Errors
/// Something cannot be opened, and nothing has run then; or something has failed while it ran
/// that the bridge cannot do without, and nothing runs any more.
pub async fn run(bridge: Bridge, shutdown: CancellationToken) -> Result<(), RunError> {
    let listings = Listings::default();
    let bans = match &bridge.ban_file {
        Some(file) => Guard::open(file)?,
        None => Guard::none(),
    };
    let publisher = match &bridge.daemon {
        Daemon::At(daemon) => Some(publisher(daemon, &bridge)?),
        Daemon::None => None,
    };
    let house = House {
        bans: bans.clone(),
        listings: listings.clone(),
        state_dir: bridge.state_dir.clone(),
        registry: publisher.as_ref().map(|(registry, _)| registry.clone()),
    };
    let mut lobbies = Vec::new();
    for protocol in protocols(&bridge) {
        lobbies.push(protocol.open(&house).await.map_err(RunError::Open)?);
    }
    let pulses: Arc<[Pulse]> = lobbies.iter().map(|lobby| lobby.pulse()).collect();
    let (vital, closing) = (Vital::default(), shutdown.child_token());
    for lobby in lobbies {
        lobby.serve(&vital, &closing);
    }
    if let Some((Registry { daemon, .. }, relay)) = publisher {
        let publish = async move { relay.run(&listings).await };
        let publish = closing.clone().run_until_cancelled_owned(publish);
        vital.spawn(format!("publishing at {daemon}"), publish);
    }
    tokio::spawn(closing.clone().run_until_cancelled_owned(bans.watch()));
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

/// The protocols that are to run. Another one is another line here.
pub(crate) fn protocols(bridge: &Bridge) -> impl Iterator<Item = &dyn Protocol> {
    fn asked<P: Protocol>(settings: &Option<P>) -> Option<&dyn Protocol> {
        settings.as_ref().map(|it| it as &dyn Protocol)
    }
    let protocols = [asked(&bridge.vcmi), asked(&bridge.aleph_one)];
    protocols.into_iter().flatten()
}

/// The daemon to publish at, under the bridge's own identity, which is made on first start. Prints
/// what the daemon's operator needs to let it in.
fn publisher(daemon: &str, bridge: &Bridge) -> Result<(Registry, Relay), RunError> {
    let identity = Identity::load_or_create(&bridge.state_dir, &[])?;
    let fingerprint = identity.fingerprint();
    program::announce(format!(
        "publishing at {daemon}, which lets this bridge in with: --trust-relay {fingerprint}\n"
    ));
    let relay = Relay::new(daemon, &bridge.trust, &identity)?;
    let registry = Registry {
        daemon: daemon.to_owned(),
        trust: bridge.trust.clone(),
        bridge: fingerprint,
    };
    Ok((registry, relay))
}
