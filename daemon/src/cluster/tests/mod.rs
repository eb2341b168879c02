//! Nodes over a network of their own, in virtual time: what has to hold whatever it does.
//!
//! A test whose name begins with `row_` is about that row of the fault matrix: the faults that a
//! cluster has to survive.

mod bans;
mod clock;
mod faults;
mod hostile;
mod moves;
mod net;
mod oracle;
mod questions;
mod resume;
mod scale;
mod steps;
mod tables;

use metaserve::{Fingerprint, Game, registry::Registration};
use net::{Net, TICK};
use oracle::{merged, rows, said};
use std::{net::SocketAddr, time::Duration};

/// A change is in all lists after the tick of the own feed, that of clients and the network.
const SETTLED: Duration = Duration::from_millis(1300);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn game() -> Game {
    Game::new("chess").unwrap()
}

fn address(number: u16) -> SocketAddr {
    SocketAddr::new([192, 0, 2, 1].into(), number)
}

/// Another address, in the other family.
fn address6(number: u16) -> SocketAddr {
    SocketAddr::new("2001:db8::1".parse().unwrap(), number)
}

fn identity(number: u8) -> Fingerprint {
    Fingerprint::from([number; 32])
}

impl Net {
    /// A server without an identity connects to this machine.
    fn serve(&self, at: usize, number: u16) -> Registration {
        self.serve_as(at, address(number), None)
    }

    fn serve_as(&self, at: usize, address: SocketAddr, who: Option<Fingerprint>) -> Registration {
        let registry = &self.machines[at].registry;
        let server = registry.register(&game(), address, who).unwrap();
        server.heartbeat(format!("{address} at {at}").into());
        server
    }

    /// All machines show the same, which is what follows from what they have said.
    #[track_caller]
    fn assert_equal(&self) {
        let owners: Vec<_> = self.machines.iter().map(said).collect();
        let expected = merged(&owners);
        for machine in &self.machines {
            let shown = rows(&machine.list());
            assert_eq!(shown, expected, "at {}", machine.config.name);
        }
    }

    /// The addresses that a machine shows.
    fn shows(&self, at: usize) -> Vec<u16> {
        let list = self.machines[at].list();
        let mut ports: Vec<_> = list.iter().map(|it| it.placement.address.port()).collect();
        ports.sort_unstable();
        ports
    }

    /// How this machine stands to another, in its current run.
    fn state(&self, at: usize, of: usize) -> Option<super::State> {
        let of = &self.machines[of].config;
        let status = self.machines[at].node.status();
        let mut members = status.members.iter();
        let member = members.find(|it| *it.name == *of.name && it.run == of.run)?;
        Some(member.state)
    }
}
