//! Which shard a datagram is for, pure.

use metaserve::tls::connection_ids::{ConnectionIds, LENGTH};

/// What one shard knows of all of them.
#[derive(Clone, Debug)]
pub(super) struct Router {
    pub(super) ids: ConnectionIds,
    /// The shard itself.
    pub(super) own: usize,
    /// How many shards there are.
    pub(super) running: usize,
}

impl Router {
    /// The other shard that a datagram is for; none if this one is to read it.
    ///
    /// A connection belongs to the shard that has handed out its ids. The first packets of a
    /// connection have ids that the peer has made up, and belong to the shard that they arrive
    /// at. What shards of a former run have handed out is for the first, which answers that the
    /// connection is gone.
    pub(super) fn elsewhere(&self, datagram: &[u8]) -> Option<usize> {
        let id = destination(datagram)?;
        if self.ids.is_of(self.own, id) {
            return None;
        }
        let shard = self.ids.shard(id)?;
        let reader = if shard < self.running { shard } else { 0 };
        (reader != self.own).then_some(reader)
    }
}

/// The connection id that the first packet of a datagram is sent to, if it is as long as ours are.
/// RFC 8999, sections 5.1 and 5.2.
fn destination(datagram: &[u8]) -> Option<&[u8; LENGTH]> {
    let long_header = datagram.first()? & 0x80 != 0;
    let at = match long_header {
        true if usize::from(*datagram.get(5)?) != LENGTH => return None,
        true => 6,
        false => 1,
    };
    datagram.get(at..at + LENGTH)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::tls::secret::Secret;

    fn short(id: &[u8]) -> Vec<u8> {
        [&[0x40][..], id, &[7; 30]].concat()
    }

    fn long(id: &[u8]) -> Vec<u8> {
        let length = u8::try_from(id.len()).unwrap();
        [&[0xe0, 0, 0, 0, 1, length][..], id, &[7; 30]].concat()
    }

    fn router(ids: &ConnectionIds, own: usize, running: usize) -> Router {
        let ids = ids.clone();
        Router { ids, own, running }
    }

    #[test]
    fn a_datagram_is_for_the_shard_that_has_handed_out_its_id() {
        let directory = tempfile::tempdir().unwrap();
        let secret = Secret::load_or_create(directory.path()).unwrap();
        let ids = secret.connection_ids();
        for shard in 0..8 {
            let id = ids.another(shard);
            for datagram in [short(&id), long(&id)] {
                let at = |own, running| router(ids, own, running).elsewhere(&datagram);
                assert_eq!(at(shard, 8), None);
                assert_eq!(at((shard + 1) % 8, 8), Some(shard));
                if shard >= 2 {
                    assert_eq!(at(0, 2), None, "the first answers for those that are gone");
                    assert_eq!(at(1, 2), Some(0));
                }
            }
        }
    }

    #[test]
    fn anything_else_stays_where_it_arrived() {
        let directory = tempfile::tempdir().unwrap();
        let secret = Secret::load_or_create(directory.path()).unwrap();
        let router = router(secret.connection_ids(), 1, 2);
        let id = secret.connection_ids().another(0);
        let datagrams = [
            Vec::new(),
            vec![0x40],
            vec![0xc0],
            short(&id)[..8].to_vec(),
            long(&id)[..13].to_vec(),
            long(&id[..7]),
            long(&[id.as_slice(), &[0]].concat()),
            long(&[]),
            short(&[9; 8]),
            long(&[9; 8]),
        ];
        for datagram in datagrams {
            assert_eq!(router.elsewhere(&datagram), None, "{datagram:02x?}");
        }
    }
}
