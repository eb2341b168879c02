//! What the list needs beyond its rules: its sockets and its file.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use futures::future::BoxFuture;
use metaserve::{
    Fingerprint, ServerInfo,
    time::{now, wall_clock},
};
use metaserve_client::Server;
use tokio::net::UdpSocket;

use super::{
    Limits, PROTOCOL,
    entries::Servers,
    list::Shown,
    listing,
    master::{Challenge, Listed, Master},
    native::Native,
    routes,
    stored::StoredList,
};
use crate::{
    kept,
    metrics::{Question, Tally},
    peers,
    protocol::OpenError,
    web::{Counter, Ready, ServerList, Site, WebList, Worker},
};

/// Sends challenges.
pub(crate) struct Challenger {
    sockets: Vec<UdpSocket>,
    tally: Tally,
}

impl Challenger {
    /// Opens a socket of each family that this machine has.
    async fn open(tally: Tally) -> io::Result<Self> {
        let four = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
        let six = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await;
        match (four, six) {
            (Err(error), Err(_)) => Err(error),
            (four, six) => Ok(Self {
                sockets: four.into_iter().chain(six).collect(),
                tally,
            }),
        }
    }
}

impl Worker<Master> for Challenger {
    fn run(
        &mut self,
        Challenge(to, datagram): Challenge,
    ) -> Option<BoxFuture<'static, <Master as ServerList>::Done>> {
        let is_of_family = |socket: &&UdpSocket| {
            let local = socket.local_addr();
            local.is_ok_and(|it| it.is_ipv4() == to.is_ipv4())
        };
        // A challenge that is lost is sent again with the next request.
        let socket = self.sockets.iter().find(is_of_family);
        let unsupported = || io::Error::other("this machine does not have its address family");
        let sent = socket.ok_or_else(unsupported);
        match sent.and_then(|socket| socket.try_send_to(&datagram, to)) {
            Ok(_) => {
                self.tally.question(Question::Asked);
                tracing::trace!(%to, "sent a challenge");
            }
            Err(error) => {
                self.tally.unsent(1);
                tracing::debug!(%to, "cannot send a challenge: {error}");
            }
        }
        None
    }
}

impl WebList for Master {
    const TITLE: &'static str = "DDNet";
    const PROTOCOL: &'static str = PROTOCOL;
    const FILE: &'static str = "ddnet.json";
    const CACHED: &'static str = "public, max-age=1";

    type Worker = Challenger;

    async fn open(limits: &Limits, file: &Path, tally: &Tally) -> Result<Ready<Self>, OpenError> {
        let worker = Challenger::open(tally.clone()).await?;
        let (seed, stored) = earlier(file)?;
        let mut list = Self::new(limits.clone(), &seed).counting(tally.clone());
        list.restore(stored.servers, now(), wall_clock());
        Ok(Ready {
            list,
            worker,
            content: Box::new(move |shown: &Shown, now, wall| {
                let list = StoredList::new(&seed, &shown.servers, now, wall);
                serde_json::to_vec(&list).unwrap_or_default()
            }),
        })
    }

    fn site(counter: Counter<Self>) -> Site {
        routes::site(counter)
    }

    fn page(shown: &Shown) -> Vec<u8> {
        shown.json()
    }

    fn read(server: &Server, info: &ServerInfo) -> Option<Native> {
        Native::read(server, info)
    }

    fn record(
        listed: &Listed,
        bridge: Option<&Fingerprint>,
        limit: usize,
    ) -> Option<(SocketAddr, ServerInfo)> {
        let address = listed.addresses.first()?.at;
        Some((address, listing::record(listed, bridge, limit)))
    }
}

/// Reads what an earlier run has left, or begins with a seed of its own.
fn earlier(path: &Path) -> Result<([u8; 32], StoredList), peers::ListenError> {
    let file = path.display();
    let read = kept::read(path).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| {
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let list: StoredList = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let seed = list.seed().ok_or("it has no seed")?;
        Ok(Some((seed, list)))
    });
    match read {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => {}
        Err(error) => tracing::error!(
            "cannot use {file}, so that servers have to prove their addresses again: {error}"
        ),
    }
    let seed = peers::seed()?;
    let list = StoredList::new(&seed, &Servers::new(), now(), wall_clock());
    // Servers keep their tokens for days, also if none is listed before the next restart.
    let written = serde_json::to_vec(&list).map_err(io::Error::from);
    if let Err(error) = written.and_then(|content| kept::write(path, &content)) {
        tracing::warn!(
            "cannot write {file}, so that a restart would be noticed by game servers: {error}: \
             choose a directory with space for it with --state-dir"
        );
    }
    Ok((seed, list))
}
