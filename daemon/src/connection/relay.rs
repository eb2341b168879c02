//! A relay: servers that it lists on behalf of others, each under an address that it names.

use super::{Answers, canonical, malformed};
use crate::Shared;
use bytes::Bytes;
use metaserve::{
    Close, CloseCode, Fingerprint, Game,
    protocol::{
        codec,
        heartbeat::NoticeKind,
        relay::{FromRelay, OVERHEAD_BYTES, Upsert},
    },
    registry::Registration,
    stream::FrameReader,
};
use std::{collections::HashMap, net::SocketAddr};

/// Serves one relay until it goes; what it has listed goes with it.
pub(super) async fn serve(connection: &quinn::Connection, shared: &Shared) -> Result<(), Close> {
    authorise(Fingerprint::of_peer(connection), &shared.config.trust_relay)?;
    tracing::info!("a trusted relay has connected");
    let answers = Answers::open(connection, shared).await?;
    let stream = connection.accept_uni().await.map_err(super::lost)?;
    let mut relay = Relay {
        shared,
        answers,
        servers: HashMap::new(),
    };
    let mut reader = FrameReader::new(stream);
    let max = shared.config.limits.max_heartbeat_bytes + OVERHEAD_BYTES;
    while let Some(message) = reader.next(max).await? {
        match codec::decode(&message).map_err(malformed)? {
            FromRelay::Upsert(upsert) => relay.upsert(upsert).await?,
            FromRelay::Remove(key) => drop(relay.servers.remove(&key)),
        }
    }
    Ok(())
}

fn authorise(presented: Option<Fingerprint>, trusted: &[Fingerprint]) -> Result<(), Close> {
    let reason = match presented {
        Some(fingerprint) if trusted.contains(&fingerprint) => return Ok(()),
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
    answers: Answers,
    servers: HashMap<u64, Listed>,
}

/// One server of a relay.
struct Listed {
    registration: Registration,
    game: Game,
}

impl Relay<'_> {
    async fn upsert(&mut self, upsert: Upsert<'_>) -> Result<(), Close> {
        match self.try_upsert(upsert) {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.shared.metrics.relay_refusal();
                let text = format!("server {} was refused: {refusal}", upsert.key);
                self.answers.notice(NoticeKind::Refused, &text).await
            }
        }
    }

    /// Lists or changes one server. A refusal leaves it as it was.
    fn try_upsert(&mut self, upsert: Upsert<'_>) -> Result<(), String> {
        let limits = &self.shared.config.limits;
        let game = Game::new(upsert.game).map_err(|error| error.to_string())?;
        let address = joinable(upsert.address)?;
        if upsert.heartbeat.len() > limits.max_heartbeat_bytes {
            let (bytes, max) = (upsert.heartbeat.len(), limits.max_heartbeat_bytes);
            return Err(format!(
                "its heartbeat has {bytes} bytes, at most {max} are accepted"
            ));
        }
        let full = self.servers.len() >= limits.max_servers_per_relay;
        let listed = match self.servers.get(&upsert.key) {
            Some(listed) if listed.game == game => listed,
            None if full => {
                let max = limits.max_servers_per_relay;
                return Err(format!(
                    "this relay already lists {max} servers, as many as it may"
                ));
            }
            // New, or in another game than before: then what was listed ends.
            _ => {
                let registration = self.shared.registry.register(&game, address, None);
                let registration = registration.map_err(|error| error.to_string())?;
                self.servers
                    .insert(upsert.key, Listed { registration, game });
                &self.servers[&upsert.key]
            }
        };
        listed.registration.move_to(address);
        let heartbeat = Bytes::copy_from_slice(upsert.heartbeat);
        let applied = listed.registration.heartbeat(heartbeat);
        self.shared.metrics.heartbeat(applied);
        Ok(())
    }
}

/// The address, if players can join there at all.
fn joinable(address: SocketAddr) -> Result<SocketAddr, String> {
    let address = canonical(address);
    if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
        return Err(format!("players cannot join at {address}"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_certificates_relay() {
        let [trusted, other] = [Fingerprint::from([1; 32]), Fingerprint::from([2; 32])];
        assert_eq!(authorise(Some(trusted), &[trusted]), Ok(()));
        for stranger in [Some(other), None] {
            let close = authorise(stranger, &[trusted]).unwrap_err();
            assert_eq!(close.code, CloseCode::UnauthorisedRelay);
            assert!(close.reason.contains("--trust-relay"), "{close}");
        }
    }

    #[test]
    fn addresses_that_nobody_can_join_are_refused() {
        for (address, fits) in [
            ("192.0.2.1:5000", true),
            ("[::ffff:192.0.2.1]:5000", true),
            ("192.0.2.1:0", false),
            ("0.0.0.0:5000", false),
            ("[ff02::1]:5000", false),
        ] {
            assert_eq!(
                joinable(address.parse().unwrap()).is_ok(),
                fits,
                "{address}"
            );
        }
    }
}
