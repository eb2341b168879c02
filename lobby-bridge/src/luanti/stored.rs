//! The file of the list: the servers with what they have said, since they say some of it only when
//! they start. Pure. (`docs/specifications/luanti-serverlist.md`, section 4.)

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use metaserve_query::luanti::Said;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    entry::Entry,
    page::{Announced, Totals},
};

/// The content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct StoredList {
    /// The servers.
    #[serde(default)]
    pub servers: Vec<Stored>,
    /// The most servers and the most players that there were.
    #[serde(default)]
    pub most: (u64, u64),
}

/// A server in the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stored {
    ip: IpAddr,
    port: u16,
    address: String,
    fields: Map<String, Value>,
    ping: f64,
    clients_top: u64,
    clients_sum: u64,
    updates: u64,
    /// When it last announced itself, in milliseconds since 1970.
    announced: u64,
}

impl StoredList {
    /// Makes the content of the file. `now` and `wall` are of the same moment.
    #[must_use]
    pub fn new(announced: &Announced, now: Instant, wall: SystemTime) -> Self {
        let stored = announced.servers.values().map(|entry| {
            let at = wall.checked_sub(now.saturating_duration_since(entry.announced));
            let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            Stored {
                ip: entry.at.ip(),
                port: entry.at.port(),
                address: entry.said.address.clone(),
                fields: entry.said.fields.clone(),
                ping: entry.ping,
                clients_top: entry.clients_top,
                clients_sum: entry.clients_sum,
                updates: entry.updates,
                announced: since.unwrap_or_default().as_millis() as u64,
            }
        });
        let Totals { servers, clients } = announced.most;
        Self {
            servers: stored.collect(),
            most: (servers, clients),
        }
    }
}

impl Stored {
    /// Returns the entry again; `None` if it cannot be read, or is of before this machine started.
    pub(super) fn entry(self, id: u64, now: Instant, wall: SystemTime) -> Option<Entry> {
        let announced = UNIX_EPOCH.checked_add(Duration::from_millis(self.announced))?;
        let age = wall.duration_since(announced).unwrap_or_default();
        let at = SocketAddr::new(self.ip.to_canonical(), self.port);
        let said = Said::new(&self.fields).ok()?;
        let announced = now.checked_sub(age)?;
        let mut entry = Entry::new(id, at, announced);
        let address = self.address;
        entry.announce(Said { address, ..said }, announced);
        entry.ping = Some(self.ping).filter(|it| it.is_finite()).unwrap_or(0.0);
        (entry.clients_top, entry.clients_sum) = (self.clients_top, self.clients_sum);
        entry.updates = self.updates;
        Some(entry)
    }
}
