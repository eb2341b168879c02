//! Connection ids that tell which shard of the daemon they belong to.

use quinn_proto::{ConnectionId, ConnectionIdGenerator, HashedConnectionIdGenerator, InvalidCid};
use std::{fmt, sync::Arc, time::Duration};

/// The most shards that a daemon has, and that the ids of a former run are recognized of.
pub const MAX_SHARDS: u8 = 64;

/// The length of every connection id that a daemon hands out, in bytes.
pub const LENGTH: usize = 8;

/// The keys that connection ids are made with, one for each shard.
///
/// An id is a random number and a short hash of it under the key of the shard that hands it out,
/// so every shard can tell whose it is. The hash is no proof: others who see ids on the network may
/// be able to forge more. A forged id makes a packet take one more step before it is dropped.
#[derive(Clone)]
pub struct ConnectionIds {
    keys: Arc<[u64]>,
}

impl ConnectionIds {
    pub(super) fn new(keys: impl Iterator<Item = u64>) -> Self {
        Self {
            keys: keys.collect(),
        }
    }

    fn made_with(key: u64, id: &[u8]) -> bool {
        let id = ConnectionId::new(id);
        HashedConnectionIdGenerator::from_key(key)
            .validate(&id)
            .is_ok()
    }

    /// Whether `shard` has handed out `id`, in this run of the daemon or a former one.
    #[must_use]
    pub fn is_of(&self, shard: usize, id: &[u8; LENGTH]) -> bool {
        let key = self.keys.get(shard);
        key.is_some_and(|key| Self::made_with(*key, id))
    }

    /// The shard that has handed out `id`; none if it is not one of ours.
    #[must_use]
    pub fn shard(&self, id: &[u8; LENGTH]) -> Option<usize> {
        let made = |key: &u64| Self::made_with(*key, id);
        self.keys.iter().position(made)
    }

    /// Another id of a shard, as its endpoint hands them out.
    ///
    /// # Panics
    /// When `shard` is not less than [`MAX_SHARDS`].
    #[must_use]
    pub fn another(&self, shard: usize) -> [u8; LENGTH] {
        let id = self.generator(shard, self.keys.len()).generate_cid();
        (*id).try_into().expect("every id is of this length")
    }

    /// Makes the ids of one shard, of `running` that there are.
    pub(super) fn generator(&self, shard: usize, running: usize) -> Generator {
        Generator {
            own: HashedConnectionIdGenerator::from_key(self.keys[shard]),
            orphans: (shard == 0).then(|| (self.clone(), running)),
        }
    }
}

impl fmt::Debug for ConnectionIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionIds").finish_non_exhaustive()
    }
}

/// Makes the ids of one shard.
pub(super) struct Generator {
    own: HashedConnectionIdGenerator,
    /// With how many shards run, in the one that answers for those that no longer do.
    orphans: Option<(ConnectionIds, usize)>,
}

impl ConnectionIdGenerator for Generator {
    fn generate_cid(&mut self) -> ConnectionId {
        self.own.generate_cid()
    }

    /// Whether to answer a packet for an unknown connection with a stateless reset.
    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let of_orphan = |(ids, running): &(ConnectionIds, usize)| {
            let id = <&[u8; LENGTH]>::try_from(&**id).ok()?;
            ids.shard(id).filter(|shard| shard >= running)
        };
        match self.orphans.as_ref().and_then(of_orphan) {
            Some(_) => Ok(()),
            None => self.own.validate(id),
        }
    }

    fn cid_len(&self) -> usize {
        self.own.cid_len()
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        self.own.cid_lifetime()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> ConnectionIds {
        ConnectionIds::new(
            (0..u64::from(MAX_SHARDS)).map(|key| (key + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        )
    }

    #[test]
    fn an_id_names_the_shard_that_handed_it_out() {
        let ids = ids();
        for shard in 0..usize::from(MAX_SHARDS) {
            let id = ids.generator(shard, 8).generate_cid();
            let id = <&[u8; LENGTH]>::try_from(&*id).unwrap();
            assert_eq!(ids.shard(id), Some(shard));
            assert!(ids.is_of(shard, id));
            assert!(!ids.is_of((shard + 1) % 64, id));
        }
        assert_eq!(ids.shard(&[0; LENGTH]), None);
    }

    #[test]
    fn the_first_shard_answers_for_those_that_no_longer_run_and_no_other_does() {
        let ids = ids();
        let mut eighth = ids.generator(7, 8);
        let id = eighth.generate_cid();
        assert!(eighth.validate(&id).is_ok());
        let answers = |shard, running| ids.generator(shard, running).validate(&id).is_ok();
        assert!(answers(0, 2), "the eighth is gone");
        assert!(!answers(0, 8), "the eighth runs");
        assert!(!answers(1, 2));
        let forged = ConnectionId::new(&[9; LENGTH]);
        assert!(ids.generator(0, 2).validate(&forged).is_err());
    }
}
