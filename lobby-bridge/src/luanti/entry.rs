//! A server of the list. Pure. (`docs/specifications/luanti-serverlist.md`, sections 3, 4 and 6.)

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use metaserve_query::luanti::Said;
use serde_json::{Map, Value};

/// Fields that a server says only when it starts.
const AT_START: [&str; 6] = [
    "dedicated",
    "rollback",
    "mapgen",
    "privs",
    "can_see_far_names",
    "mods",
];

/// Names a server: the address that its announcements come from, and its port.
pub type Key = (IpAddr, u16);

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Names it for as long as the bridge runs.
    pub id: u64,
    /// Where it has answered.
    pub at: SocketAddr,
    /// Where it wants players to join: the name that it has given, or its address.
    pub address: String,
    /// What it says of itself.
    pub said: Said,
    /// How long it took to answer the last ping, in seconds.
    pub ping: f64,
    /// The most players that it has had.
    pub clients_top: u64,
    /// The sum of the numbers of players in all announcements, and how many these are.
    pub clients_sum: u64,
    /// How often it has announced itself.
    pub updates: u64,
    /// When it last announced itself.
    pub announced: Instant,
    /// When it last answered a ping.
    pub proven: Instant,
}

impl Entry {
    /// Makes the entry of a server that has announced itself for the first time.
    #[must_use]
    pub fn new(id: u64, at: SocketAddr, now: Instant) -> Self {
        Self {
            id,
            at,
            address: String::new(),
            said: Said::default(),
            ping: 0.0,
            clients_top: 0,
            clients_sum: 0,
            updates: 0,
            announced: now,
            proven: now,
        }
    }

    /// Takes in an announcement. What is said only at the start of the server stays.
    pub fn announce(&mut self, said: Said, now: Instant) {
        let before = std::mem::replace(&mut self.said, said);
        if !self.said.starts {
            for field in AT_START {
                if let Some(value) = before.fields.get(field) {
                    let fields = &mut self.said.fields;
                    fields.entry(field).or_insert_with(|| value.clone());
                }
            }
        }
        self.address = match &*self.said.address {
            "" => self.at.ip().to_string(),
            given => given.to_owned(),
        };
        let clients = clients(&self.said.fields);
        self.clients_top = self.clients_top.max(clients);
        self.clients_sum = self.clients_sum.saturating_add(clients);
        self.updates += 1;
        self.announced = now;
    }

    /// The average number of players.
    #[must_use]
    pub fn popularity(&self) -> f64 {
        match self.updates {
            0 => 0.0,
            updates => self.clients_sum as f64 / updates as f64,
        }
    }
}

/// How many players there are.
#[must_use]
pub(super) fn clients(fields: &Map<String, Value>) -> u64 {
    fields.get("clients").and_then(Value::as_u64).unwrap_or(0)
}
