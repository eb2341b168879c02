//! The daemon's secret, which makes reconnecting cheap and survives a restart.

use super::{
    FileError,
    connection_ids::{ConnectionIds, MAX_SHARDS},
    files::{self, FileProblem},
};
use crate::{Fingerprint, Game};
use ring::{
    aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use std::{fmt, path::Path, sync::Arc, time::Duration};

/// The secret from which session tickets, address-validation tokens, connection identifiers, reset
/// tokens, proofs of names and identities of announced servers are derived.
///
/// It is kept in one file. So after a restart no peer needs a full handshake or an additional
/// round trip, and each learns with its next packet that its old connection is gone (by QUIC's
/// stateless reset), not by its idle timeout. Several daemons may share the file.
///
/// Protect it like the key of the certificate. With the file an attacker cannot read past or
/// future connections (each has its own key exchange), but can connect as any game server or
/// relay, with a forged session ticket that names its certificate; can reset connections; can pretend
/// to have validated an address; can take any name from its holder; and can try out weak secrets of
/// announced servers.
pub struct Secret {
    sessions: LessSafeKey,
    addresses: hkdf::Prk,
    resets: hmac::Key,
    connection_ids: ConnectionIds,
    names: [u8; 32],
    announced: hmac::Key,
}

/// Who announces servers over HTTP: what the daemon keeps of their secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Announcer([u8; 32]);

const SECRET_BYTES: usize = 64;
const FILE: &str = "secret.key";

/// Twelve hours in seconds, the same as the lifetime of rustls' own tickets.
const TICKET_LIFETIME: u32 = 12 * 60 * 60;

/// More than any of our tickets has: a session with a client certificate takes less than 4 KiB.
const MAX_TICKET_BYTES: usize = 16 * 1024;

/// The shortest time between two stateless resets: none. A reset is shorter than the packet that it
/// answers, costs less than reading that packet, and only answers ids that a daemon with this
/// secret has handed out. Peers of a former daemon send in bursts, and quinn reads the clock once
/// for all packets that it finds, so with any interval it would answer one of them. The others
/// would wait for their next retry, which comes later each time.
const RESET_INTERVAL: Duration = Duration::ZERO;

impl Secret {
    /// Loads the secret kept in `directory` (`secret.key`), or creates it.
    ///
    /// # Errors
    /// When the file cannot be read or written, or does not contain 64 bytes.
    pub fn load_or_create(directory: &Path) -> Result<Arc<Self>, FileError> {
        let path = directory.join(FILE);
        if !path.exists() {
            files::write(&path, &random::<SECRET_BYTES>(), files::Readers::Owner)?;
        }
        Self::read(&path)
    }

    /// Loads the secret kept in `directory`, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read, or does not contain 64 bytes.
    pub fn load(directory: &Path) -> Result<Option<Arc<Self>>, FileError> {
        let path = directory.join(FILE);
        path.exists().then(|| Self::read(&path)).transpose()
    }

    fn read(path: &Path) -> Result<Arc<Self>, FileError> {
        let secret = files::read(path)?;
        if secret.len() != SECRET_BYTES {
            let bytes = secret.len();
            let problem = format!(
                "it has {bytes} bytes instead of {SECRET_BYTES}; remove the file to create a new one"
            );
            return Err(FileProblem::Unusable(problem).at(path));
        }
        Ok(Arc::new(Self::from_bytes(&secret)))
    }

    fn from_bytes(secret: &[u8]) -> Self {
        let prk = |purpose: &[u8]| hkdf::Salt::new(hkdf::HKDF_SHA256, purpose).extract(secret);
        let sessions = prk(b"metaserve session tickets 1");
        let sessions = sessions.expand(&[b"key"], &aead::CHACHA20_POLY1305);
        let sessions: UnboundKey = sessions.expect("a key is below HKDF's limit").into();
        let derive = |purpose: &[u8], info: &[&[u8]]| {
            let mut bytes = [0; 32];
            let derived = prk(purpose);
            let derived = derived.expand(info, hkdf::HKDF_SHA256);
            let filled = derived.and_then(|derived| derived.fill(&mut bytes));
            filled.expect("32 bytes are what HKDF-SHA256 gives");
            bytes
        };
        let connection_ids = |shard: u8| {
            // The first shard's is what a daemon without shards had.
            let number = [shard];
            let info: &[&[u8]] = match shard {
                0 => &[b"key"],
                _ => &[b"key of shard", &number],
            };
            let [a, b, c, d, e, f, g, h, ..] = derive(b"metaserve connection ids 1", info);
            u64::from_le_bytes([a, b, c, d, e, f, g, h])
        };
        Self {
            sessions: LessSafeKey::new(sessions),
            addresses: prk(b"metaserve address validation 1"),
            resets: hmac::Key::new(
                hmac::HMAC_SHA256,
                &derive(b"metaserve stateless resets 1", &[b"key"]),
            ),
            connection_ids: ConnectionIds::new((0..MAX_SHARDS).map(connection_ids)),
            names: derive(b"metaserve names 1", &[b"key"]),
            announced: hmac::Key::new(
                hmac::HMAC_SHA256,
                &derive(b"metaserve announced servers 1", &[b"key"]),
            ),
        }
    }

    pub(crate) fn address_validation(&self) -> Arc<dyn quinn::crypto::HandshakeTokenKey> {
        Arc::new(self.addresses.clone())
    }

    /// Which shard of a daemon has handed out a connection id.
    #[must_use]
    pub fn connection_ids(&self) -> &ConnectionIds {
        &self.connection_ids
    }

    /// The key of the proofs that names were granted.
    #[must_use]
    pub fn names(&self) -> &[u8; 32] {
        &self.names
    }

    /// Who announces with this secret, which has no zero byte.
    #[must_use]
    pub fn announcer(&self, secret: &[u8]) -> Announcer {
        Announcer(self.tag(&[secret]))
    }

    /// The identity of the server that is announced with this secret for a game and a port. It
    /// stays the same through restarts, and does not let anybody guess the secret, as a plain hash
    /// would.
    #[must_use]
    pub fn announced(&self, secret: &[u8], game: &Game, port: u16) -> Fingerprint {
        let port = port.to_be_bytes();
        // The zero byte ends the secret: no other secret, game and port give the same bytes.
        Fingerprint::from(self.tag(&[secret, &[0], &port, game.as_str().as_bytes()]))
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.announced);
        parts.iter().for_each(|part| context.update(part));
        let tag = context.sign();
        let tag = tag.as_ref().try_into();
        tag.expect("a tag of HMAC-SHA-256 has 32 bytes")
    }

    /// Settings of the endpoint of one shard, of `running` that there are. It recognizes packets of
    /// its predecessor's connections and tells their peers that these are gone; the first shard
    /// does that for shards that no longer run.
    ///
    /// # Panics
    /// When `shard` is not less than [`MAX_SHARDS`].
    #[must_use]
    pub fn endpoint_config(&self, shard: usize, running: usize) -> quinn::EndpointConfig {
        let mut config = quinn::EndpointConfig::new(Arc::new(self.resets.clone()));
        let ids = self.connection_ids.clone();
        config
            .cid_generator(move || Box::new(ids.generator(shard, running)))
            .min_reset_interval(RESET_INTERVAL);
        config
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system provides random bytes");
    bytes
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announcer(..)")
    }
}

/// A ticket is a random nonce followed by the sealed session.
impl rustls::server::ProducesTickets for Secret {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        TICKET_LIFETIME
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = session.to_vec();
        let aead_nonce = Nonce::assume_unique_for_key(nonce);
        self.sessions
            .seal_in_place_append_tag(aead_nonce, Aad::empty(), &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > MAX_TICKET_BYTES {
            return None;
        }
        let (nonce, sealed) = ticket.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let session = self
            .sessions
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .ok()?;
        Some(session.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::server::ProducesTickets;
    use tempfile::TempDir;

    #[test]
    fn tickets_survive_a_restart_and_forgeries_are_refused() {
        let [here, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let secret = |directory: &TempDir| Secret::load_or_create(directory.path()).unwrap();
        let ticket = secret(&here).encrypt(b"hi").unwrap();
        let restarted = secret(&here);
        assert_eq!(restarted.decrypt(&ticket).as_deref(), Some(&b"hi"[..]));
        assert_eq!(secret(&elsewhere).decrypt(&ticket), None);
        assert_eq!(restarted.decrypt(&ticket[..ticket.len() - 1]), None);
        assert_eq!(restarted.decrypt(b""), None);
    }

    #[test]
    fn an_announced_server_has_an_identity_of_its_own_that_survives_a_restart() {
        let [here, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let secret = |directory: &TempDir| Secret::load_or_create(directory.path()).unwrap();
        let [ours, theirs] = [&here, &elsewhere].map(secret);
        let [chess, go] = ["chess", "go"].map(|tag| Game::new(tag).unwrap());
        let identity = ours.announced(b"s1", &chess, 7777);
        assert_eq!(secret(&here).announced(b"s1", &chess, 7777), identity);
        for other in [
            ours.announced(b"s2", &chess, 7777),
            ours.announced(b"s1", &chess, 7778),
            ours.announced(b"s1", &go, 7777),
            theirs.announced(b"s1", &chess, 7777),
        ] {
            assert_ne!(other, identity);
        }
        assert_eq!(ours.announcer(b"s1"), secret(&here).announcer(b"s1"));
        assert_ne!(ours.announcer(b"s1"), ours.announcer(b"s2"));
        assert_ne!(ours.announcer(b"s1").0, *identity.as_bytes());
        assert!(!format!("{:?}", ours.announcer(b"s1")).contains("s1"));
    }

    #[test]
    fn an_error_names_the_damaged_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "short").unwrap();
        let error = Secret::load_or_create(directory.path()).unwrap_err();
        assert!(
            error.problem.to_string().contains("5 bytes instead of 64"),
            "{error:?}"
        );
    }

    #[test]
    fn a_ticket_is_read_up_to_the_maximum_length() {
        let secret = Secret::from_bytes(&[7; SECRET_BYTES]);
        assert!(secret.enabled());
        assert_eq!(secret.lifetime(), 43_200);
        let sealed = |bytes: usize| {
            let ticket = secret.encrypt(&vec![1; bytes]).unwrap();
            let opened = secret.decrypt(&ticket);
            (ticket.len(), opened.map(|session| session.len()))
        };
        let (most, seal) = (MAX_TICKET_BYTES, sealed(0).0);
        assert_eq!(sealed(most - seal), (most, Some(most - seal)));
        assert_eq!(sealed(most - seal + 1), (most + 1, None));
        assert_eq!(sealed(most * 2).1, None);
    }
}
