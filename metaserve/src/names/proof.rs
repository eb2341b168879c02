//! What a holder shows to keep its claim through a restart.

use super::{event::Held, key::Key, mark::DaemonId};
use ring::hmac;
use std::fmt;

/// A keyed hash of a key and an epoch: it shows that the daemon has granted that claim. Epochs are
/// public, proofs are known to the holder only.
pub type Proof = [u8; 32];

/// Makes proofs and checks them.
pub struct Proofs(hmac::Key);

impl Proofs {
    /// Proofs under this key, which must be secret and must survive a restart.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The proof that `key` was granted with `epoch`.
    #[must_use]
    pub fn prove(&self, key: &Key, epoch: u64) -> Proof {
        self.tag(&claim(key, epoch))
    }

    /// Whether the proof is the one of that key and epoch. Takes the same time for each wrong proof.
    #[must_use]
    pub fn verify(&self, key: &Key, held: &Held) -> bool {
        hmac::verify(&self.0, &claim(key, held.epoch), &held.proof).is_ok()
    }

    /// Names the key, and so the daemon that it belongs to, without giving it away.
    #[must_use]
    pub fn daemon(&self) -> DaemonId {
        let [a, b, c, d, e, f, g, h, ..] = self.tag(b"metaserve names daemon");
        DaemonId([a, b, c, d, e, f, g, h])
    }

    fn tag(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.0, message);
        tag.as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
    }
}

/// No other message under the same key begins as this one does.
fn claim(key: &Key, epoch: u64) -> Vec<u8> {
    let epoch = epoch.to_le_bytes();
    [
        b"metaserve names claim",
        &epoch[..],
        key.as_str().as_bytes(),
    ]
    .concat()
}

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proofs").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_key_one_epoch_and_one_daemon() {
        let (proofs, other) = (Proofs::new(&[1; 32]), Proofs::new(&[2; 32]));
        let (a, b) = (Key::new("a").unwrap(), Key::new("b").unwrap());
        let held = Held {
            epoch: 7,
            proof: proofs.prove(&a, 7),
        };
        assert!(proofs.verify(&a, &held));
        assert!(!proofs.verify(&b, &held));
        assert!(!proofs.verify(&a, &Held { epoch: 8, ..held }));
        assert!(!other.verify(&a, &held));
        assert_ne!(proofs.daemon(), other.daemon());
    }
}
