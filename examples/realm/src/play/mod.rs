//! Play: what gateways and zone hosts serve to players, spectators and plain clients.
//!
//! ```text
//!  WebSocket ──▶ text ──▶ session ──▶ sessions ──▶ log (append, post)
//!      ▲                                            │
//!   socket ◀── frames ◀── follow (zones), mail ◀────┘
//! ```
//!
//! * `session` is the conversation over one socket, pure; `text` reads its frames.
//! * `socket` is its task. It keeps a place in each feed, never a queue: who reads slowly gets a
//!   snapshot of the zone.
//! * `sessions` claims `session/ACCOUNT` and does what is done in a session's name.
//! * `follow` reads what a zone tells, once for all who look at it, and has it started; `mail` reads
//!   whispers and what is said to everybody.
//! * `api` has the same for plain clients, over HTTP.

pub(crate) mod api;
mod feed;
mod follow;
mod frames;
mod mail;
pub(crate) mod owners;
mod session;
mod sessions;
mod socket;
mod text;

use crate::{
    addresses::{self, Client},
    ids::ZoneId,
    shared::Shared,
};
use api::Requests;
use axum::{Router, http::HeaderMap};
use follow::Follows;
use ipnet::IpNet;
use mail::Mail;
use metaserve::bounds::Places;
use owners::Owners;
use sessions::Sessions;
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Whose zones are served.
#[derive(Clone, Debug)]
pub enum Serves {
    /// All zones: a gateway.
    All,
    /// These, which a zone host owns. Requests for others are sent on to their owners.
    Zones(watch::Receiver<BTreeSet<ZoneId>>),
}

/// Bounds of what is served.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "play")]
pub struct Settings {
    /// How many WebSockets there may be at a time
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub max_sockets: usize,
    /// How many of them may come from one address
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub max_sockets_per_address: usize,
    /// How many may watch a shared zone without a log-in; 0 for none
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub max_spectators: usize,
    /// How many requests an address may send in a second; four times as many at once
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub max_requests_per_second: u32,
    /// Where else pages may come from that open WebSockets: `https://play.example.org` for example
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// Believe X-Forwarded-For from proxies with these prefixes; those of this machine are always
    /// believed
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpNet>,
    /// How long a player whose connection is lost stays in the world
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = humantime::parse_duration)]
    pub linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_sockets: 2_000,
            max_sockets_per_address: 64,
            max_spectators: 500,
            max_requests_per_second: 30,
            origin: Vec::new(),
            trusted_proxy: Vec::new(),
            linger: Duration::from_secs(15),
        }
    }
}

/// What is served to players by one process.
#[derive(Debug)]
pub struct Play {
    shared: Shared,
    serves: Serves,
    settings: Settings,
    zones: Owners,
    follows: Follows,
    mail: Mail,
    sessions: Sessions,
    places: Places<CancellationToken>,
    spectators: Arc<Semaphore>,
    requests: Requests,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Play {
    /// With the default bounds. Call it inside a runtime.
    #[must_use]
    pub fn new(shared: Shared, serves: Serves) -> Arc<Self> {
        Self::with(shared, serves, Settings::default())
    }

    /// With these bounds. Call it inside a runtime.
    #[must_use]
    pub fn with(shared: Shared, serves: Serves, settings: Settings) -> Arc<Self> {
        let zones = Owners::follow(shared.names.clone(), ZoneId::PREFIX);
        Arc::new(Self {
            follows: Follows::new(shared.clone(), zones.clone()),
            mail: Mail::new(shared.log.clone()),
            shared,
            serves,
            spectators: Arc::new(Semaphore::new(settings.max_spectators)),
            settings,
            zones,
            sessions: Sessions::default(),
            places: Places::default(),
            requests: Requests::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Ends all connections with words, and releases the claims of their sessions; their characters
    /// stay in the world, and go on elsewhere. Returns when all connections have ended: those that take
    /// nothing any more are given 3 s.
    pub async fn close(&self) {
        self.closing.cancel();
        // Nobody waits for the slowest connection.
        self.sessions.clear();
        self.tasks.close();
        self.tasks.wait().await;
        self.sessions.clear();
    }

    /// From where a request comes, as far as proxies can be believed.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        addresses::client(peer, headers, &self.settings.trusted_proxy)
    }

    /// Whether this zone is served here.
    fn serves(&self, zone: &ZoneId) -> bool {
        match &self.serves {
            Serves::All => true,
            Serves::Zones(zones) => zones.borrow().contains(zone),
        }
    }

    /// Lets a spectator watch a zone for as long as it keeps the permit.
    fn may_watch(&self, zone: &ZoneId) -> Result<OwnedSemaphorePermit, String> {
        match zone {
            ZoneId::Solo(..) => Err(format!("{zone} can be seen by its owner only")),
            ZoneId::Shared(_) if self.settings.max_spectators == 0 => {
                Err("this gateway shows nothing without a log-in".into())
            }
            ZoneId::Shared(_) if !self.serves(zone) => Err(format!("{zone} is not served here")),
            ZoneId::Shared(_) => {
                let permit = self.spectators.clone().try_acquire_owned();
                permit.map_err(|_| "there are too many spectators: try again later".into())
            }
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// The routes: `/ws`, `/zones`, `/health`, `/openapi.json`, and those beside them. The bound on an
/// address's requests is for all of them.
pub fn router(play: Arc<Play>, beside: Router) -> Router {
    api::router(play, beside)
}
