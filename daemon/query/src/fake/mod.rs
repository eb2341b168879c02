//! Fake game servers for tests: on loopback, of every protocol, well and badly behaved.
//!
//! ```no_run
//! use metaserve_query::{Protocol, fake::{Behaviour, Fake}};
//!
//! # async fn example() -> std::io::Result<()> {
//! let ip = std::net::Ipv4Addr::LOCALHOST.into();
//! let fake = Fake::start(Protocol::Valve, ip, Behaviour::Answers { bytes: 1000 }).await?;
//! let answer = metaserve_query::query(fake.target()).await.expect("it answers");
//! # Ok(())
//! # }
//! ```

mod answers;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use crate::{Protocol, Target};
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::task::JoinSet;

/// The protocols of which there are fakes: all that this crate speaks itself, each once.
#[must_use]
pub fn protocols() -> Vec<Protocol> {
    Protocol::own().collect()
}

/// The map, the players and the limit of every fake whose protocol has a word for them.
pub const MAP: &str = "fakemap";
/// How many people are on every fake.
pub const PLAYERS: u32 = 3;
/// How many people every fake has room for.
pub const MAX_PLAYERS: u32 = 16;

/// What a fake does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers as a real server does, with about this many bytes: at most 60,000.
    Answers {
        /// How long the answer is in all.
        bytes: usize,
    },
    /// Says nothing.
    Silent,
    /// Sends a kilobyte of random bytes.
    Garbage,
    /// Sends what looks like an answer, without end: until nobody receives it.
    Flood,
    /// Answers from another port. Over TCP it closes the connection.
    Elsewhere,
    /// Answers byte by byte over TCP, and over UDP with the first half of its answer.
    Slow,
}

/// A fake server. It ends when this is dropped.
#[derive(Debug)]
pub struct Fake {
    target: Target,
    asked: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Fake {
    /// Starts one at a port that the system chooses.
    ///
    /// # Errors
    /// When there is no port at this address.
    pub async fn start(protocol: Protocol, ip: IpAddr, behaviour: Behaviour) -> io::Result<Self> {
        let asked = Arc::<AtomicU64>::default();
        let mut task = JoinSet::new();
        let server = if protocol == Protocol::Minecraft {
            let listener = tokio::net::TcpListener::bind((ip, 0)).await?;
            let server = listener.local_addr()?;
            task.spawn(tcp::serve(listener, behaviour, Arc::clone(&asked)));
            server
        } else {
            let socket = tokio::net::UdpSocket::bind((ip, 0)).await?;
            let server = socket.local_addr()?;
            let elsewhere = tokio::net::UdpSocket::bind((ip, 0)).await?;
            let sockets = udp::Sockets { socket, elsewhere };
            task.spawn(udp::serve(protocol, sockets, behaviour, Arc::clone(&asked)));
            server
        };
        let target = Target {
            protocol,
            host: ip.to_string(),
            port: server.port(),
        };
        Ok(Self {
            target,
            asked,
            _task: task,
        })
    }

    /// What the list shows as its name when it answers: some protocols do not tell one.
    #[must_use]
    pub fn name(&self) -> String {
        match self.target.protocol {
            Protocol::Luanti | Protocol::Mumble => self.target.authority(),
            protocol => format!("Fake {protocol}"),
        }
    }

    /// What the list shows of its players and their limit when it answers: [`PLAYERS`] of
    /// [`MAX_PLAYERS`], unless its protocol tells neither.
    #[must_use]
    pub fn occupancy(&self) -> Option<String> {
        let told = self.target.protocol != Protocol::Luanti;
        told.then(|| format!("{PLAYERS}/{MAX_PLAYERS}"))
    }

    /// Where it is, and how it is asked.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How many datagrams or connections have come.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}
