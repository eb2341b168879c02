//! The lists of all clients. Clients that get the same message in the same state are in the same
//! state afterwards. So each message is decoded once, and the bytes of every client are compared
//! with it in full: thousands of lists are followed exactly at little cost.

use crate::{
    clients::lock,
    heartbeats::{Said, Truth},
};
use anyhow::{Context, bail};
use bytes::Bytes;
use metaserve::{list::Cursor, protocol::client::ListMessage};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// The state of a list, shared by all clients that have it.
#[derive(Debug)]
pub(crate) struct List {
    id: u64,
    epoch: u64,
    revision: u64,
    pub(crate) servers: HashMap<u64, Bytes>,
}

impl List {
    /// Where a client that has it goes on.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            revision: self.revision,
        }
    }
}

/// A message of the daemon, with its effects.
struct Message {
    bytes: Bytes,
    content: ListMessage,
    /// When and by whom its heartbeats were sent: a sample, if they are many.
    said: Vec<Said>,
    /// From the id of a list (`None` for no list) to the list after this message.
    leads: Mutex<HashMap<Option<u64>, Arc<List>>>,
}

/// The lists and messages of all clients.
#[derive(Default)]
pub(crate) struct Lists {
    messages: Mutex<Messages>,
    lists: AtomicU64,
}

#[derive(Default)]
struct Messages {
    known: HashMap<Sketch, Vec<Arc<Message>>>,
    order: VecDeque<Sketch>,
}

/// A key for finding a message quickly: its length, and some of its bytes.
type Sketch = (usize, Vec<u8>);

/// The number of messages that are kept for comparison.
const KEPT: usize = 128;

/// The number of heartbeats per message whose times are recorded for each client.
const SAMPLED: usize = 64;

/// The longest message that is accepted, compressed or not.
pub(crate) const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// The effect of a message on a list.
pub(crate) struct Taken {
    pub(crate) list: Arc<List>,
    /// The number of servers in the message.
    pub(crate) updates: usize,
    /// Whether it was a snapshot.
    pub(crate) snapshot: bool,
    /// The number of servers that have left the list.
    pub(crate) removed: usize,
    message: Arc<Message>,
}

impl Lists {
    /// The list of a client that had `list` and receives `bytes`.
    ///
    /// # Errors
    /// When the bytes are not a message, or it does not match the list.
    pub(crate) fn take(
        &self,
        list: Option<&Arc<List>>,
        bytes: Bytes,
        truth: &Truth,
    ) -> anyhow::Result<Taken> {
        let message = self.message(bytes, truth)?;
        let known = list.map(|list| list.id);
        let mut leads = lock(&message.leads);
        let list = match leads.get(&known) {
            Some(list) => list.clone(),
            None => {
                let id = self.lists.fetch_add(1, Ordering::Relaxed);
                let next = message.apply(list.map(|list| &**list), id)?;
                // Clients that reach the same list in different ways share it from here on.
                let same = leads.values().find(|other| other.servers == next.servers);
                let next = same.cloned().unwrap_or_else(|| Arc::new(next));
                leads.insert(known, next.clone());
                next
            }
        };
        drop(leads);
        Ok(Taken {
            list,
            updates: message.content.placed.len() + message.content.updated.len(),
            snapshot: message.content.from.is_none(),
            removed: message.content.removed.len(),
            message,
        })
    }

    fn message(&self, bytes: Bytes, truth: &Truth) -> anyhow::Result<Arc<Message>> {
        let some = 32.min(bytes.len());
        let ends = [&bytes[..some], &bytes[bytes.len() - some..]].concat();
        let sketch = (bytes.len(), ends);
        let mut messages = lock(&self.messages);
        let known = messages.known.entry(sketch.clone()).or_default();
        if let Some(known) = known.iter().find(|known| known.bytes == bytes) {
            return Ok(known.clone());
        }
        let message = Arc::new(Message::read(bytes, truth)?);
        known.push(message.clone());
        messages.order.push_back(sketch);
        if messages.order.len() > KEPT
            && let Some(oldest) = messages.order.pop_front()
        {
            messages.known.remove(&oldest);
        }
        Ok(message)
    }
}

impl Taken {
    /// Gives `record` how long its heartbeats took to a client that received it at `now`, in
    /// microseconds, with the server of each.
    pub(crate) fn times(&self, now: Instant, mut record: impl FnMut(usize, u64)) {
        for said in &self.message.said {
            let micros = now.saturating_duration_since(said.at).as_micros();
            record(said.server, u64::try_from(micros).unwrap_or(u64::MAX));
        }
    }
}

impl Message {
    fn read(bytes: Bytes, truth: &Truth) -> anyhow::Result<Self> {
        let content = ListMessage::decode(&bytes, MAX_MESSAGE_BYTES)
            .context("the daemon sent an invalid message")?;
        let placed = content.placed.iter().map(|server| &server.heartbeat);
        let updated = content.updated.iter().map(|it| &it.heartbeat);
        let mut heartbeats: Vec<&Bytes> = placed.chain(updated).collect();
        fastrand::shuffle(&mut heartbeats);
        let said = heartbeats
            .into_iter()
            .filter_map(|heartbeat| truth.said(heartbeat))
            .take(SAMPLED)
            .collect();
        Ok(Self {
            bytes,
            content,
            said,
            leads: Mutex::default(),
        })
    }

    fn apply(&self, list: Option<&List>, id: u64) -> anyhow::Result<List> {
        let mut servers = match (self.content.from, list) {
            (None, _) => HashMap::new(),
            (Some(from), Some(list)) if list.revision == from => list.servers.clone(),
            (Some(from), list) => bail!(
                "a delta from revision {from} came to a list at {:?}",
                list.map(|list| list.revision)
            ),
        };
        for number in &self.content.removed {
            servers.remove(number);
        }
        for server in &self.content.placed {
            servers.insert(server.number, server.heartbeat.clone());
        }
        for server in &self.content.updated {
            servers.insert(server.number, server.heartbeat.clone());
        }
        Ok(List {
            id,
            epoch: self.content.epoch,
            revision: self.content.to,
            servers,
        })
    }
}
