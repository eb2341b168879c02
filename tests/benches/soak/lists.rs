//! The lists of the clients. Each list is kept once for all clients that have it.

use bytes::Bytes;
use metaserve::protocol::client::ListMessage;
use std::{
    collections::{BTreeMap, HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The list of some clients at one moment.
pub(crate) struct List {
    pub(crate) id: u64,
    pub(crate) servers: HashMap<u64, Bytes>,
}

/// The lists of all clients, each built once for all clients that get the same message in the same
/// state. Clients that reach the same list in different ways share it from then on.
#[derive(Default)]
pub(crate) struct Lists {
    known: HashMap<(Option<u64>, u64), Arc<List>>,
    order: VecDeque<(Option<u64>, u64)>,
    /// The newest lists by their revision.
    at: BTreeMap<u64, Arc<List>>,
    /// The number of lists that have been built.
    pub(crate) made: u64,
}

/// The number of steps and lists that are kept for clients that reach them later.
const KEPT: usize = 256;

impl Lists {
    pub(crate) fn take(&mut self, list: Option<&Arc<List>>, bytes: &Bytes) -> Arc<List> {
        let mut digest = DefaultHasher::new();
        bytes.hash(&mut digest);
        let step = (list.map(|list| list.id), digest.finish());
        if let Some(known) = self.known.get(&step) {
            return known.clone();
        }
        let message = ListMessage::decode(bytes, 64 << 20).expect("a message");
        let mut servers = match message.from {
            None => HashMap::new(),
            Some(_) => list.expect("a snapshot comes first").servers.clone(),
        };
        for gone in &message.removed {
            servers.remove(gone).expect("it was there");
        }
        let placed = message.placed.into_iter();
        // Copied, so that no list keeps whole messages in memory.
        let own = |heartbeat: Bytes| Bytes::copy_from_slice(&heartbeat);
        servers.extend(placed.map(|it| (it.number, own(it.heartbeat))));
        for it in message.updated {
            servers
                .insert(it.number, own(it.heartbeat))
                .expect("it was there");
        }
        let same = self.at.get(&message.to).filter(|it| it.servers == servers);
        let list = match same {
            Some(same) => same.clone(),
            None => {
                self.made += 1;
                let id = self.made;
                Arc::new(List { id, servers })
            }
        };
        self.at.insert(message.to, list.clone());
        if self.at.len() > KEPT {
            self.at.pop_first();
        }
        self.known.insert(step, list.clone());
        self.order.push_back(step);
        if self.order.len() > KEPT {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        list
    }
}
