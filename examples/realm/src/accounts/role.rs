//! What all requests share.

use super::{
    OpenError, Settings,
    database::{CONNECTIONS, Database},
    http::Problem,
    keys::Keys,
    password::Hasher,
};
use crate::{
    addresses::{self, Client},
    ids::{Name, ZoneId},
    log::Log,
    tickets::Tickets,
};
use axum::http::HeaderMap;
use ipnet::IpNet;
use metaserve::{
    bounds::{Attempt, AttemptLimits, Attempts},
    time::{now, wall_clock},
};
use metaserve_ticket::Issuer;
use parking_lot::Mutex;
use ring::hmac;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Where characters come into the world.
pub(crate) const START: &str = "shared/meadow";

/// How many accounts strangers make: 5 from one address, then one every ten minutes; 60 together,
/// then one every minute.
const SIGN_UPS: AttemptLimits = AttemptLimits {
    each_pair: (5, Duration::from_secs(600)),
    each_address: (5, Duration::from_secs(600)),
    each_account: (60, Duration::from_secs(60)),
    remembered: 10_000,
};

/// The accounts role of this process.
pub(super) struct Role {
    pub(super) database: Database,
    /// A connection for the keeper alone, so that no crowd of requests keeps the world from being
    /// saved.
    pub(super) saves: Database,
    pub(super) log: Arc<dyn Log>,
    pub(super) issuer: Issuer,
    pub(super) refresh: hmac::Key,
    pub(super) tickets: Tickets,
    pub(super) hasher: Hasher,
    /// Where new characters begin.
    pub(super) start: ZoneId,
    pub(super) standing: watch::Sender<Standing>,
    attempts: Mutex<Attempts>,
    sign_ups: Mutex<Attempts>,
    proxies: Vec<IpNet>,
}

/// Whether this process carries the role out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It holds the claim.
    pub(super) holds: bool,
    /// The database was reached, and its tables can be used. The connection may be lost again since.
    pub(super) is_ready: bool,
}

impl Role {
    pub(super) fn new(
        settings: &Settings,
        keys: &Keys,
        log: Arc<dyn Log>,
    ) -> Result<Self, OpenError> {
        let (url, patience) = (settings.database(), settings.patience);
        let database = Database::open(url.as_str(), patience, CONNECTIONS)?;
        let saves = Database::open(url.as_str(), patience, 1)?;
        Ok(Self {
            database,
            saves,
            log,
            issuer: keys.issuer.clone(),
            refresh: keys.refresh.clone(),
            tickets: Tickets::new(keys.pass.public.clone()),
            hasher: Hasher::new(),
            start: START.parse().expect("the first zone has a valid name"),
            standing: watch::Sender::default(),
            attempts: Mutex::new(Attempts::new(AttemptLimits::default())),
            sign_ups: Mutex::new(Attempts::new(SIGN_UPS)),
            proxies: settings.trusted_proxy.clone(),
        })
    }

    /// Why the role does not serve now.
    pub(super) fn not_serving(&self) -> Option<Problem> {
        let Standing { holds, is_ready } = *self.standing.borrow();
        match (holds, is_ready) {
            (true, true) => None,
            (true, false) => Some(Problem::later(
                "the database of accounts cannot be reached yet",
            )),
            (false, _) => Some(Problem::later(
                "this is a spare: another process has the role of accounts, or none until the \
                 daemon grants it",
            )),
        }
    }

    /// Charges an attempt to log in.
    pub(super) fn attempt(&self, name: Option<&Name>, from: IpAddr) -> Result<Attempt, Problem> {
        let name = name.map(Name::folded);
        let attempt = self
            .attempts
            .lock()
            .begin(name.as_ref().map(Name::as_str), from, now());
        attempt.ok_or_else(|| {
            tracing::info!(address = %from, "too many attempts to log in");
            Problem::too_many("too many attempts to log in: try again in a few minutes")
        })
    }

    /// Gives an attempt back that was no wrong guess.
    pub(super) fn no_guess(&self, attempt: Attempt) {
        self.attempts.lock().succeeded(attempt);
    }

    /// Charges a new account, also if its name is taken: the answer tells which names are. Whoever
    /// is on this machine may make any number.
    pub(super) fn sign_up(&self, from: Client) -> Result<Option<Attempt>, Problem> {
        if from.is_local {
            return Ok(None);
        }
        // All are charged to one name, so that its limit is that of all together.
        let attempt = self.sign_ups.lock().begin(Some(""), from.address, now());
        if attempt.is_none() {
            tracing::info!(address = %from, "too many new accounts");
            return Err(Problem::too_many("too many new accounts: try again later"));
        }
        Ok(attempt)
    }

    /// Gives the charge for a new account back: it could not be made.
    pub(super) fn no_sign_up(&self, attempt: Attempt) {
        self.sign_ups.lock().succeeded(attempt);
    }

    /// The client of a request, as far as proxies can be believed. A role of the world can.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let mut proxies = self.proxies.clone();
        let shown = headers.get(addresses::SHOWN);
        let shown = shown.and_then(|it| it.to_str().ok());
        if shown.is_some_and(|it| self.tickets.service(it, wall_clock()).is_ok()) {
            proxies.push(peer.to_canonical().into());
        }
        addresses::client(peer, headers, &proxies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{http::check, schema},
        log::memory::MemoryLog,
    };

    async fn role(state: &std::path::Path) -> Role {
        let settings = Settings::new(state);
        let keys = Keys::in_directory(state).unwrap();
        let role = Role::new(&settings, &keys, Arc::new(MemoryLog::new())).unwrap();
        schema::prepare(&role.database).await.unwrap();
        role
    }

    /// Whether a name exists is not to be told from the time of the answer: each takes one hash.
    #[tokio::test]
    async fn every_log_in_takes_the_same_work() {
        let state = tempfile::tempdir().unwrap();
        let role = role(state.path()).await;
        let hash = role.hasher.hash("correct horse".into()).await.unwrap();
        let ann: Name = "ann".parse().unwrap();
        role.database
            .add_account(&ann, None, &hash, 0)
            .await
            .unwrap();
        for (name, password) in [
            ("ann", "correct horse"),
            ("ann", "wrong horse"),
            ("nobody", "correct horse"),
            ("no name", "correct horse"),
            ("ann", ""),
        ] {
            let before = role.hasher.computed();
            let answer = check(&role, name, password.into(), [192, 0, 2, 1].into()).await;
            assert_eq!(answer.is_ok(), (name, password) == ("ann", "correct horse"));
            assert_eq!(role.hasher.computed() - before, 1, "{name}: {password}");
        }
    }

    #[tokio::test]
    async fn a_guesser_is_stopped_and_the_owner_is_not() {
        let state = tempfile::tempdir().unwrap();
        let role = role(state.path()).await;
        let [guesser, owner] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let (ann, folded) = ("Ann".parse::<Name>().unwrap(), "ann".parse().unwrap());
        let mut guesses = 0;
        while role.attempt(Some(&ann), guesser).is_ok() {
            guesses += 1;
        }
        assert_eq!(guesses, 10);
        // Nor does another case help, while others can log in there.
        assert!(role.attempt(Some(&folded), guesser).is_err());
        role.attempt(Some(&folded), owner).unwrap();
        let bob = "bob".parse().unwrap();
        for _ in 0..100 {
            let attempt = role.attempt(Some(&bob), guesser).unwrap();
            role.no_guess(attempt);
        }
    }

    #[tokio::test]
    async fn strangers_make_five_accounts_from_an_address() {
        let state = tempfile::tempdir().unwrap();
        let role = role(state.path()).await;
        let made = |from: [u8; 4]| {
            let from = addresses::client(from.into(), &HeaderMap::new(), &[]);
            (0..100).filter(|_| role.sign_up(from).is_ok()).count()
        };
        assert_eq!(made([192, 0, 2, 1]), 5);
        assert_eq!(made([192, 0, 2, 2]), 5);
        assert_eq!(made([127, 0, 0, 1]), 100);
    }

    /// A gateway is believed wherever it runs; whoever else writes its header is not.
    #[tokio::test]
    async fn a_role_says_whose_request_it_sends_on() {
        let state = tempfile::tempdir().unwrap();
        let role = role(state.path()).await;
        let service = Keys::in_directory(state.path()).unwrap().pass.service;
        let service = String::from_utf8(service.to_vec()).unwrap();
        let [gateway, player] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let mut headers = HeaderMap::new();
        headers.insert(addresses::FORWARDED, "192.0.2.2".parse().unwrap());
        assert_eq!(role.client(gateway, &headers).address, gateway);
        headers.insert(addresses::SHOWN, "forged".parse().unwrap());
        assert_eq!(role.client(gateway, &headers).address, gateway);
        headers.insert(addresses::SHOWN, service.parse().unwrap());
        assert_eq!(role.client(gateway, &headers).address, player);
        headers.insert(addresses::FORWARDED, "unknown".parse().unwrap());
        assert!(!role.client([127, 0, 0, 1].into(), &headers).is_local);
    }
}
