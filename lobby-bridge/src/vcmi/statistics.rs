//! Counts since the start (`docs/specifications/vcmi-lobby.md`, section 13.3).

use std::{collections::HashSet, net::IpAddr};

/// The counters that ROOT asks for.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Accepted connections of all kinds.
    pub logins: u64,
    /// Connections recognised as pipes.
    pub clients: u64,
    /// Rooms created.
    pub rooms: u64,
    /// Sessions started.
    pub sessions: u64,
    /// Pairs of pipes joined.
    pub connections: u64,
    /// The most distinct values that are counted.
    cap: usize,
    uniques: HashSet<IpAddr>,
    users: HashSet<String>,
}

impl Statistics {
    /// Makes counters at zero. At most `cap` addresses and `cap` names are counted as distinct.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self {
            cap,
            ..Self::default()
        }
    }

    /// Counts an accepted connection from `address`.
    pub fn accepted(&mut self, address: IpAddr) {
        self.logins += 1;
        if self.uniques.len() < self.cap {
            self.uniques.insert(address.to_canonical());
        }
    }

    /// Counts a user who was authorised as `name`.
    pub fn authorised(&mut self, name: &str) {
        if self.users.len() < self.cap {
            self.users.insert(name.to_owned());
        }
    }

    /// Returns the value of a field, if there is such a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<u64> {
        Some(match name {
            "uniques" => self.uniques.len() as u64,
            "users" => self.users.len() as u64,
            "logins" => self.logins,
            "clients" => self.clients,
            "rooms" => self.rooms,
            "sessions" => self.sessions,
            "connections" => self.connections,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_values_are_counted_once_and_up_to_a_cap() {
        let mut statistics = Statistics::new(2);
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            statistics.accepted(address.parse().unwrap());
        }
        for name in ["alice", "alice", "bobby", "carol"] {
            statistics.authorised(name);
        }
        let read = ["uniques", "users", "logins", "nonsense"].map(|name| statistics.field(name));
        assert_eq!(read, [Some(2), Some(2), Some(4), None]);
    }
}
