//! `PUT` and `DELETE` of `/api/v1/servers/{game}/{port}`: servers that are announced over HTTP.
//!
//! ```text
//!  request ──▶ may it announce? ──▶ how often? ──▶ path, secret, body ──▶ table.rs ──▶ registry
//!                                                        once a second: sweep ──▶┘
//! ```
//!
//! `metaserve::announce` reads requests and writes answers.

mod table;

use super::{
    client::{Client, Obscured, Way},
    web::Web,
};
use crate::{
    metrics::BannedAt,
    rules::{Rules, banned_close},
    settings::ClusterRole,
    shared::Shared,
};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::Method,
    response::Response,
};
use bytes::Bytes;
use futures::TryFutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metaserve::{
    address::joinable,
    announce::{self, Announcement, Answer, BODY_TIMEOUT, Outcome, Refusal, Secret},
    bounds::{Prefix, Rates},
    registry::{Applied, Registry},
    time::{every, now},
};
use parking_lot::Mutex;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use table::{Put, Table};

/// How often servers that were not announced again are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The announced servers, and how often they are announced.
pub(super) struct Announced {
    table: Mutex<Table>,
    rates: Mutex<Rates<Prefix>>,
}

impl Announced {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            table: Mutex::new(Table::new(registry)),
            rates: Mutex::default(),
        }
    }

    /// Lists a server, or keeps it listed, if it is still allowed. The rules are read while the
    /// table is locked: what a change of theirs [takes off](hold_to) does not come back by a
    /// request that was on its way.
    fn put(
        &self,
        put: &Put,
        allowed: impl FnOnce() -> Result<Arc<Rules>, Refusal>,
    ) -> Result<(Outcome, Applied), Refusal> {
        let mut table = self.table.lock();
        let rules = allowed()?;
        table.put(put, &rules.limits, now())
    }

    /// The number of announced servers.
    pub(super) fn len(&self) -> usize {
        self.table.lock().len()
    }
}

/// Answers a request, and counts what came of it.
pub(super) async fn answer(
    State(web): State<Web>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Response {
    let answered = match *request.method() {
        Method::PUT => put(&web, client, request).await,
        Method::DELETE => delete(&web, client, &request),
        _ => Err(Refusal::new(
            Outcome::Method,
            "use PUT to announce a server, and DELETE to take it off the list",
        )),
    };
    let (outcome, response) = match answered {
        Ok(Some(answer)) => (answer.outcome, answer.response()),
        Ok(None) => (Outcome::Unlisted, announce::unlisted()),
        Err(refusal) => (refusal.outcome, refusal.response()),
    };
    web.shared.metrics.announced(outcome);
    response.map(Body::from)
}

/// Lists a server, or keeps it listed.
async fn put(web: &Web, client: Client, request: Request) -> Result<Option<Answer>, Refusal> {
    let rules = web.shared.rules();
    may_announce(web, &rules, client, &request)?;
    let (head, body) = request.into_parts();
    let announced = Announcement::read(head.uri.path(), head.uri.query())?;
    let secret = Secret::read(&head.headers)?;
    let address = joinable(SocketAddr::new(client.address, announced.port));
    let address = address.map_err(|error| Refusal::new(Outcome::Address, error.to_string()))?;
    let max_bytes = rules.limits.max_heartbeat_bytes;
    announce::check_body(&head.headers, max_bytes)?;
    let heartbeat = read(body, max_bytes).await?;
    web.shared.metrics.received(heartbeat.len());
    let keys = web.shared.certificates.secret();
    let put = Put {
        announcer: keys.announcer(secret.as_bytes()),
        identity: keys.announced(secret.as_bytes(), &announced.game, announced.port),
        address,
        ttl: announced.ttl,
        heartbeat,
        game: announced.game.clone(),
    };
    // The body took its time: all this may have changed.
    let allowed = || {
        let rules = web.shared.rules();
        is_on(web, &rules)?;
        not_banned(&rules, client.address)?;
        is_ready(web)?;
        Ok(rules)
    };
    let (outcome, applied) = web.announced.put(&put, allowed)?;
    web.shared.metrics.heartbeat(applied);
    Ok(Some(Answer {
        outcome,
        address: Some(address),
        identity: Some(put.identity),
        listed: None,
        ttl: announced.ttl,
        announce_every: announced.announce_every(),
        min_interval: rules.limits.min_interval,
    }))
}

/// Takes a server off the list.
fn delete(web: &Web, client: Client, request: &Request) -> Result<Option<Answer>, Refusal> {
    may_announce(web, &web.shared.rules(), client, request)?;
    let announced = Announcement::read(request.uri().path(), request.uri().query())?;
    let secret = Secret::read(request.headers())?;
    let keys = web.shared.certificates.secret();
    let identity = keys.announced(secret.as_bytes(), &announced.game, announced.port);
    match web.announced.table.lock().remove(identity) {
        true => Ok(None),
        false => Err(Refusal::new(
            Outcome::NotListed,
            "this secret lists no server of this game and port: its TTL may be over",
        )),
    }
}

/// Whether the client may announce servers now. Nothing of its request has been read but the head.
fn may_announce(
    web: &Web,
    rules: &Rules,
    client: Client,
    request: &Request,
) -> Result<(), Refusal> {
    is_on(web, rules)?;
    announce::no_browser(request.headers())?;
    not_banned(rules, client.address)?;
    known(client)?;
    let prefix = rules.trusted.origin(client.address).leaf();
    let each = Duration::from_secs(1) / rules.limits.announces_per_prefix;
    let at_once = rules.limits.announces_at_once;
    let spent = web
        .announced
        .rates
        .lock()
        .spend(prefix, each, at_once, now());
    spent.map_err(|left| {
        let reason = format!(
            "{prefix} announces too often: at most {} times per second (--announces-per-prefix)",
            rules.limits.announces_per_prefix
        );
        Refusal::new(Outcome::Rate, reason).retry_after(left)
    })?;
    is_ready(web)
}

fn is_on(web: &Web, rules: &Rules) -> Result<(), Refusal> {
    let off = |reason: &str| Err(Refusal::new(Outcome::Off, reason));
    if !rules.announce {
        return off(
            "servers cannot be announced here: the operator turns it on with --announce on",
        );
    }
    if web.shared.settings.cluster.role == ClusterRole::Edge {
        return off("this daemon is an edge, which lists no servers: announce to another member");
    }
    Ok(())
}

fn is_ready(web: &Web) -> Result<(), Refusal> {
    let not_ready = |reason: &str, seconds| {
        let refusal = Refusal::new(Outcome::NotReady, reason);
        Err(refusal.retry_after(Duration::from_secs(seconds)))
    };
    if web.closing.is_cancelled() {
        return not_ready("the daemon is stopping: announce again soon", 10);
    }
    if !web.shared.is_joined() {
        return not_ready("joining the cluster: announce again in some seconds", 5);
    }
    Ok(())
}

fn not_banned(rules: &Rules, address: IpAddr) -> Result<(), Refusal> {
    let ban = rules.banned(address);
    ban.map_or(Ok(()), |ban| {
        Err(Refusal::new(Outcome::Banned, banned_close(ban).reason))
    })
}

/// Whether the client's address is known, and nobody could read its secret on the way.
fn known(client: Client) -> Result<(), Refusal> {
    let refused = |outcome, reason: &str| Err(Refusal::new(outcome, reason));
    match client.way {
        Way::Proxy => Ok(()),
        Way::Direct if client.address.is_loopback() => Ok(()),
        Way::Direct => refused(
            Outcome::Plain,
            "the secret would be sent in plain text: announce over HTTPS (the operator puts a \
             reverse proxy in front of the daemon, and names it with --http-trusted-proxy)",
        ),
        Way::Unknown(Obscured::Untrusted) => refused(
            Outcome::Proxied,
            "the request comes through a proxy that the operator does not trust, so the address \
             of the server is not known: announce without one, or ask the operator to name it with \
             --http-trusted-proxy",
        ),
        Way::Unknown(Obscured::Silent) => refused(
            Outcome::Proxied,
            "the proxy does not say whose request this is: the operator has it send the client's \
             address as X-Forwarded-For. A program on the daemon's machine does without the proxy: \
             http://localhost and the daemon's port",
        ),
        Way::Unknown(Obscured::Unnamed) => refused(
            Outcome::Proxied,
            "the request comes from the daemon's machine, but is not for it. If a reverse proxy \
             has passed it on, the operator names the proxy with --http-trusted-proxy and has it \
             send the client's address as X-Forwarded-For. A program on the daemon's machine \
             announces over HTTP/1.1 to http://localhost and the daemon's port",
        ),
    }
}

/// Reads a heartbeat.
async fn read(body: Body, max_bytes: usize) -> Result<Bytes, Refusal> {
    // One more than allowed tells a heartbeat that is too long.
    let body = Limited::new(body, max_bytes + 1).collect();
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => announce::oversize(max_bytes),
        false => Refusal::malformed("body", "the body is cut short"),
    });
    let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
    let body = body.map_err(|_| {
        let reason = format!("the body did not arrive within {BODY_TIMEOUT:?}");
        Refusal::new(Outcome::Slow, reason)
    })??;
    announce::whole_body(&body.to_bytes(), max_bytes)
}

/// Takes servers off the list when their TTL is over, when their address is banned, and all when
/// announcing is turned off. Ends with the daemon.
pub(crate) async fn sweep(web: Web) {
    let Web {
        shared, announced, ..
    } = &web;
    let mut rules = shared.rules.subscribe();
    let mut ticks = every(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let now = now();
                announced.rates.lock().sweep(now);
                announced.table.lock().sweep(now);
            }
            Ok(()) = rules.changed() => {
                let rules = rules.borrow_and_update().clone();
                hold_to(&rules, announced, shared);
            }
        }
    }
}

/// Takes off the list what the rules no longer allow.
fn hold_to(rules: &Rules, announced: &Announced, shared: &Shared) {
    let banned = |address| rules.banned(address).is_some();
    let off = announced
        .table
        .lock()
        .take_off(|address| !rules.announce || banned(address));
    for address in off.into_iter().filter(|it| banned(it.ip())) {
        shared.metrics.banned(BannedAt::Announced);
        tracing::info!(%address, "an announced server was taken off the list: its address is banned");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::{Game, tls::secret};

    /// A server whose address was banned while its request waited for the table came back, and
    /// stayed until its TTL was over.
    #[test]
    fn no_rules_that_are_out_of_date_let_a_server_in() {
        let directory = tempfile::tempdir().unwrap();
        let keys = secret::Secret::load_or_create(directory.path()).unwrap();
        let game = Game::default();
        let put = Put {
            announcer: keys.announcer(b"ours"),
            identity: keys.announced(b"ours", &game, 7777),
            game,
            address: "192.0.2.1:7777".parse().unwrap(),
            ttl: announce::DEFAULT_TTL,
            heartbeat: "words".into(),
        };
        let announced = Announced::new(Registry::new(1, Vec::new()));
        let allowed = || {
            assert!(announced.table.try_lock().is_none(), "rules are read first");
            Ok(Arc::new(Rules::default()))
        };
        let (outcome, _) = announced.put(&put, allowed).unwrap();
        assert_eq!(outcome, Outcome::Listed);
        let banned = || Err(Refusal::new(Outcome::Banned, "banned meanwhile"));
        assert_eq!(
            announced.put(&put, banned).unwrap_err().outcome,
            Outcome::Banned
        );
    }
}
