//! Keeps lobbies of old games alive, and shows their games in a metaserve list.
//!
//! Players of old games can use only one protocol and one server, which is gone. The bridge speaks
//! that protocol with them, and publishes their open games like those of any modern server.
//!
//! ```no_run
//! use metaserve_lobby_bridge::{publish::Listings, vcmi};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), vcmi::ListenError> {
//! let listings = Listings::default();
//! let lobby = vcmi::Server::bind(vcmi::Settings::default(), listings.clone())?;
//! // It ends when the token is cancelled, or with an error if it cannot continue.
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
//! - [`quake`]: the master servers of Quake III, DarkPlaces and the games made from them, and of
//!   `QuakeWorld`, Quake II and `GoldSrc`.
//! - [`teeworlds`]: the master server of Teeworlds 0.7.
//! - [`ddnet`]: the list of `DDNet`'s servers; [`luanti`]: that of Luanti's.
//! - [`accounts`]: its accounts, hubs and logs, in SQL.
//! - [`mac_roman`]: the text encoding of Aleph One's players and their accounts.
//! - [`bans`]: the banned addresses.
//! - [`protocol`]: the interface of a protocol to the bridge.
//! - [`peers`]: tasks and sockets of all protocols; [`web`]: HTTP for those that need it.
//! - [`follow`]: follows the daemon's list, for protocols that show it to their players.
//! - [`publish`]: the open games of all protocols, for the list.
//! - [`metrics`]: counters of all that, and their text for Prometheus.
//! - [`relay`]: publishes them to the daemon, through its restarts.
//! - [`commands`]: manages accounts, hubs and bans.
//! - [`command_line`]: parses the command line into [`settings`]. Each protocol declares its own.
//!   They become a [`Bridge`], and [`run`] runs it.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod accounts;
pub mod aleph_one;
pub mod bans;
pub mod command_line;
pub mod commands;
pub mod ddnet;
pub mod follow;
mod kept;
pub mod luanti;
pub mod mac_roman;
pub mod metrics;
pub mod peers;
pub mod protocol;
pub mod publish;
pub mod quake;
pub mod relay;
pub mod settings;
pub mod teeworlds;
pub mod vcmi;
pub mod web;

use std::{sync::Arc, time::Duration};

use metaserve::{
    ConnectError, Identity, PublishAt,
    program::{
        self, Stopped, Vital,
        service::{self, State},
    },
    tls::FileError,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bans::Guard,
    metrics::{Endpoint, EndpointError, Metrics},
    peers::Pulse,
    protocol::{House, OpenError, Registry},
    publish::Listings,
    relay::Relay,
    settings::Bridge,
    web::{BindError, Sites},
};

/// Why the bridge cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A protocol cannot be opened.
    #[error(transparent)]
    Open(OpenError),
    /// The ban file cannot be used.
    #[error("cannot read the bans: correct the file, or choose another one with `--ban-file`")]
    Bans(#[from] metaserve::bans::BanFileError),
    /// Lists cannot be served over HTTP.
    #[error(transparent)]
    Web(#[from] BindError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] EndpointError),
    /// The bridge's identity can neither be read nor made.
    #[error(
        "cannot use the identity in the state directory: choose a directory with `--state-dir`"
    )]
    Identity(#[from] FileError),
    /// The daemon's name or the trust in it cannot be used.
    #[error("cannot publish to the daemon")]
    Connect(#[from] ConnectError),
    /// A task that the bridge cannot do without has failed.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// How long the other tasks may take to end in order after one has failed.
const LAST_MOMENTS: Duration = Duration::from_secs(20);

/// Runs all lobbies of `bridge` until `shutdown`, then closes them in order.
///
/// # Errors
/// Either something cannot be opened, and nothing has run; or a task that the bridge cannot do
/// without has failed, and nothing runs any more.
pub async fn run(bridge: Bridge, shutdown: CancellationToken) -> Result<(), RunError> {
    let listings = Listings::default();
    let bans = match &bridge.ban_file {
        Some(file) => Guard::open(file)?,
        None => Guard::none(),
    };
    let metrics = Metrics::default();
    let (registry, relays) = match bridge.daemons.is_empty() {
        true => (None, Vec::new()),
        false => publishers(&bridge, &listings)?,
    };
    let house = House {
        bans: bans.clone(),
        listings: listings.clone(),
        state_dir: bridge.state_dir.clone(),
        registry,
        web: Sites::new(bridge.web.clone(), bans.clone(), metrics.clone()),
        metrics: metrics.clone(),
    };
    let mut lobbies = Vec::new();
    for protocol in &bridge.protocols {
        lobbies.push(protocol.open(&house).await.map_err(RunError::Open)?);
    }
    let endpoint = Endpoint::open(bridge.metrics)?;
    let pulses: Arc<[Pulse]> = lobbies.iter().map(|lobby| lobby.pulse()).collect();
    let (vital, closing) = (Vital::default(), shutdown.child_token());
    house.web.serve(&vital, &closing)?;
    for lobby in lobbies {
        lobby.serve(&vital, &closing);
    }
    if let Some(endpoint) = endpoint {
        // Its own listings do not count: with those of the lobbies the relays end.
        let seen = (listings.clone(), bans.clone());
        let serve = endpoint.run(metrics.clone(), seen, closing.clone());
        vital.spawn("serving metrics", serve);
    }
    // It holds listings, with which the relays end.
    drop(house);
    for relay in relays {
        let name = format!("publishing at {}", relay.daemon());
        let publish = relay.counting(metrics.clone()).run(listings.clone());
        vital.spawn(name, closing.clone().run_until_cancelled_owned(publish));
    }
    drop(listings);
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
            tracing::error!("{stopped}; the bridge ends, since it cannot work without it");
            let _ = tokio::time::timeout(LAST_MOMENTS, vital.join()).await;
            return Err(stopped.into());
        }
    }
    Ok(())
}

/// Completes when the owner of each lobby has answered.
async fn all_beat(pulses: Arc<[Pulse]>) {
    for pulse in &*pulses {
        pulse.beat().await;
    }
}

/// Prepares publishing to the daemons, with the bridge's own identity, which is made at the first
/// start: a relay for all of them, or one for each. Prints the flag with which a daemon trusts this
/// bridge.
fn publishers(
    bridge: &Bridge,
    listings: &Listings,
) -> Result<(Option<Registry>, Vec<Relay>), RunError> {
    let identity = Identity::load_or_create(&bridge.state_dir, &[])?;
    let fingerprint = identity.fingerprint();
    let daemons = bridge.daemons.as_slice();
    let relays: Vec<&[String]> = match bridge.publish_at {
        PublishAt::One => vec![daemons],
        PublishAt::Every => daemons.chunks(1).collect(),
    };
    let relays = relays.into_iter().map(|daemons| {
        program::announce(format!(
            "publishing at {}, which lets this bridge in with: --trust-relay {fingerprint}\n",
            daemons.join(",")
        ));
        Relay::new(daemons, &bridge.trust, &identity)
    });
    let relays = relays.collect::<Result<_, _>>()?;
    let is_one_list = bridge.publish_at == PublishAt::One || daemons.len() == 1;
    let registry = Registry {
        daemons: daemons.to_vec(),
        trust: bridge.trust.clone(),
        bridge: fingerprint,
        held_back: is_one_list.then(|| listings.clone()),
    };
    Ok((Some(registry), relays))
}
