//! Keys that let a peer come back cheaply, and that outlive a restart of the daemon.

use super::{
    FileError,
    files::{self, FileProblem},
};
use ring::{
    aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
    rand::{SecureRandom, SystemRandom},
};
use std::{fmt, path::Path, sync::Arc};

/// The secret from which session tickets and address-validation tokens are made.
///
/// Kept in one file, so that a restart costs no peer a full handshake or a round trip, and
/// several daemons may share it. Who has the file can read neither past nor future connections
/// (each has its own key exchange), but can pretend to have validated an address.
pub struct Tickets {
    sessions: LessSafeKey,
    addresses: hkdf::Prk,
}

const SECRET_BYTES: usize = 64;
const FILE: &str = "tickets.key";

/// Twelve hours, in seconds, as rustls' own tickets last.
const LIFETIME: u32 = 12 * 60 * 60;

/// Above what any ticket of ours has: a session with a client certificate is below 4 KiB.
const MAX_TICKET_BYTES: usize = 16 * 1024;

impl Tickets {
    /// The secret kept in `directory` (`tickets.key`), made there if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or does not hold 64 bytes.
    pub fn load_or_create(directory: &Path) -> Result<Arc<Self>, FileError> {
        let path = directory.join(FILE);
        if !path.exists() {
            files::write_private(&path, &random::<SECRET_BYTES>())?;
        }
        let secret = files::read(&path)?;
        if secret.len() != SECRET_BYTES {
            let problem = format!("it has {} bytes instead of {SECRET_BYTES}", secret.len());
            return Err(
                FileProblem::Unusable(problem + "; remove it to have a new one made").at(&path),
            );
        }
        Ok(Arc::new(Self::from_secret(&secret)))
    }

    /// A secret that ends with the process.
    #[must_use]
    pub fn ephemeral() -> Arc<Self> {
        Arc::new(Self::from_secret(&random::<SECRET_BYTES>()))
    }

    fn from_secret(secret: &[u8]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"metaserve tickets 1");
        let root = salt.extract(secret);
        let derive = |purpose: &[u8]| -> UnboundKey {
            let parts = [purpose];
            let derived = root.expand(&parts, &aead::CHACHA20_POLY1305);
            derived.expect("a key is shorter than HKDF's limit").into()
        };
        let addresses = hkdf::Salt::new(hkdf::HKDF_SHA256, b"metaserve addresses 1");
        Self {
            sessions: LessSafeKey::new(derive(b"session tickets")),
            addresses: addresses.extract(secret),
        }
    }

    pub(crate) fn address_validation(&self) -> Arc<dyn quinn::crypto::HandshakeTokenKey> {
        Arc::new(self.addresses.clone())
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system gives random bytes");
    bytes
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

/// A ticket is a random nonce, then the sealed session.
impl rustls::server::ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
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

    #[test]
    fn tickets_outlive_a_restart_and_nothing_else_is_accepted() {
        let directory = tempfile::tempdir().unwrap();
        let ticket = Tickets::load_or_create(directory.path())
            .unwrap()
            .encrypt(b"hi")
            .unwrap();
        let restarted = Tickets::load_or_create(directory.path()).unwrap();
        assert_eq!(restarted.decrypt(&ticket).as_deref(), Some(&b"hi"[..]));
        assert_eq!(Tickets::ephemeral().decrypt(&ticket), None);
        assert_eq!(restarted.decrypt(&ticket[..ticket.len() - 1]), None);
        assert_eq!(restarted.decrypt(b""), None);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "short").unwrap();
        let error = Tickets::load_or_create(directory.path()).unwrap_err();
        assert!(
            error.problem.to_string().contains("5 bytes instead of 64"),
            "{error:?}"
        );
    }
}
