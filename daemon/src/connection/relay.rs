//! A relay: lists servers on behalf of others, each under an address that the relay names.

use super::talk::{Answers, lost};
use crate::{
    metrics::{BannedAt, Rejected},
    rules::Limit,
    shared::Shared,
};
use metaserve::{
    Close, CloseCode, Fingerprint, Game, Limits,
    protocol::{
        heartbeat::NoticeKind,
        session::{
            Change, Listing,
            daemon::{Fault, Statement, Statements, Unlistable},
        },
    },
    registry::{Registration, Waits},
    stream::Incoming,
};
use std::{collections::HashMap, net::SocketAddr};

/// Serves one relay until it leaves. Its servers leave the list with it.
pub(super) async fn serve(connection: &quinn::Connection, shared: &Shared) -> Result<(), Close> {
    let mut changes = shared.rules.subscribe();
    let rules = shared.rules();
    tracing::info!("a trusted relay has connected");
    let answers = Answers::open(connection, &rules.limits).await?;
    let mut relay = Relay {
        shared,
        limits: &rules.limits,
        answers,
        servers: HashMap::new(),
    };
    let mut incoming = Incoming::new(connection);
    let mut statements = Statements::new(&rules.limits);
    let broken = |fault: Fault| fault.close;
    loop {
        while let Some(statement) = statements.next_statement().map_err(broken)? {
            match statement {
                Statement::Change(Change::List(listing)) => relay.list(listing).await?,
                Statement::Change(Change::Unlist(key)) => drop(relay.servers.remove(&key)),
                Statement::Refused {
                    key,
                    heartbeat_bytes,
                    why,
                } => {
                    shared.metrics.received(heartbeat_bytes);
                    relay.refuse(key, (rejected(&why), why.to_string())).await?;
                }
                Statement::Gone => return Ok(()),
            }
        }
        tokio::select! {
            piece = incoming.next() => statements.handle(piece.map_err(lost)?).map_err(broken)?,
            Ok(()) = changes.changed() => relay.hold_to_bans().await?,
        }
    }
}

const fn rejected(why: &Unlistable) -> Rejected {
    match why {
        Unlistable::Game(_) => Rejected::Game,
        Unlistable::Address(_) => Rejected::Address,
        Unlistable::Oversize { .. } => Rejected::Oversize,
    }
}

/// Whether a relay is one that the operator trusts.
pub(super) fn authorise(
    presented: Option<Fingerprint>,
    trusted: &[Fingerprint],
) -> Result<Fingerprint, Close> {
    let reason = match presented {
        Some(fingerprint) if trusted.contains(&fingerprint) => return Ok(fingerprint),
        Some(fingerprint) => format!(
            "the relay's certificate is not trusted here: if it should be, the daemon's operator \
             adds --trust-relay {fingerprint}"
        ),
        None => "a relay has to present a client certificate that the daemon's operator trusts \
                 with --trust-relay"
            .into(),
    };
    Err(Close::new(CloseCode::UnauthorisedRelay, reason))
}

struct Relay<'a> {
    shared: &'a Shared,
    limits: &'a Limits,
    answers: Answers,
    servers: HashMap<u64, Listed>,
}

/// One server of a relay.
struct Listed {
    registration: Registration,
    game: Game,
    address: SocketAddr,
    /// Whether the relay was told that it waits for a row.
    waits: bool,
}

/// Why a server of a relay is not listed: for its log, ours, and the metrics.
type Refusal = (Rejected, String);

impl Relay<'_> {
    async fn list(&mut self, listing: Listing) -> Result<(), Close> {
        self.shared.metrics.received(listing.heartbeat.len());
        let key = listing.key;
        match self.try_list(listing) {
            Ok(None) => Ok(()),
            Ok(Some(waits)) => {
                self.shared.metrics.reached(Limit::MaxListedPerPrefix);
                let why = waits.why;
                let text = format!(
                    "server {key} is not listed: {} servers of {} are listed already; this one is \
                     number {} of those that wait",
                    why.listed,
                    why.prefix(),
                    why.position
                );
                self.answers.notice(NoticeKind::NotListed, &text).await
            }
            Err(refusal) => self.refuse(key, refusal).await,
        }
    }

    async fn refuse(&mut self, key: u64, (kind, why): Refusal) -> Result<(), Close> {
        self.shared.metrics.rejected(kind);
        if kind == Rejected::Banned {
            self.shared.metrics.banned(BannedAt::Relay);
        }
        let text = format!("server {key} was refused: {why}");
        self.answers.notice(NoticeKind::Refused, &text).await
    }

    /// Takes off the list what has come to be banned. It is listed again when the relay states it
    /// again after the ban has ended.
    async fn hold_to_bans(&mut self) -> Result<(), Close> {
        let covered = |(key, listed): (&u64, &Listed)| {
            let refusal = self.may_be_listed(listed.address).err()?;
            Some((*key, refusal))
        };
        let covered: Vec<_> = self.servers.iter().filter_map(covered).collect();
        for (key, _) in &covered {
            self.servers.remove(key);
        }
        for (key, refusal) in covered {
            self.refuse(key, refusal).await?;
        }
        Ok(())
    }

    fn may_be_listed(&self, address: SocketAddr) -> Result<(), Refusal> {
        let ban = self.shared.rules().banned(address.ip());
        ban.map_or(Ok(()), |ban| {
            let why = format!("this daemon's operator has banned {ban}");
            Err((Rejected::Banned, why))
        })
    }

    /// Lists or changes one server, under the rows of its own address. A refusal leaves it as it
    /// was. Gives why it waits for a row, if that is news.
    fn try_list(&mut self, listing: Listing) -> Result<Option<Waits>, Refusal> {
        let Listing {
            key,
            game,
            address,
            heartbeat,
        } = listing;
        let limits = self.limits;
        self.may_be_listed(address)?;
        let full = self.servers.len() >= limits.max_servers_per_relay;
        let listed = match self.servers.get_mut(&key) {
            Some(listed) if listed.game == game => listed,
            None if full => {
                let max = limits.max_servers_per_relay;
                let why = format!("this relay already lists {max} servers, as many as it may");
                return Err((Rejected::MaxServersPerRelay, why));
            }
            // New, or in another game than before: then what was listed ends.
            _ => {
                let registration = self.shared.registry.register(&game, address, None);
                let registration =
                    registration.map_err(|error| (Rejected::MaxGames, error.to_string()))?;
                let listed = Listed {
                    registration,
                    game,
                    address,
                    waits: false,
                };
                self.servers.entry(key).insert_entry(listed).into_mut()
            }
        };
        listed.address = address;
        listed.registration.move_to(address);
        let applied = listed.registration.heartbeat(heartbeat);
        self.shared.metrics.heartbeat(applied);
        let waits = listed.registration.waits();
        let told = std::mem::replace(&mut listed.waits, waits.is_some());
        Ok(waits.filter(|_| !told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_certificates_relay() {
        let [trusted, other] = [Fingerprint::from([1; 32]), Fingerprint::from([2; 32])];
        assert_eq!(authorise(Some(trusted), &[trusted]), Ok(trusted));
        for stranger in [Some(other), None] {
            let close = authorise(stranger, &[trusted]).unwrap_err();
            assert_eq!(close.code, CloseCode::UnauthorisedRelay);
            assert!(close.reason.contains("--trust-relay"), "{close}");
        }
    }
}
