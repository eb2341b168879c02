//! What the list needs beyond its rules: its pings and its file.

use std::{net::SocketAddr, path::Path};

use metaserve::{
    Fingerprint, ServerInfo,
    time::{now, wall_clock},
};
use metaserve_client::Server;

use super::{
    Limits, PROTOCOL,
    list::{List, Listed},
    listing,
    native::Native,
    page::Shown,
    ping::Pinger,
    routes,
    stored::StoredList,
};
use crate::{
    kept,
    metrics::Tally,
    protocol::OpenError,
    web::{Counter, Ready, Site, WebList},
};

impl WebList for List {
    const TITLE: &'static str = "Luanti";
    const PROTOCOL: &'static str = PROTOCOL;
    const FILE: &'static str = "luanti.json";
    /// `docs/specifications/luanti-serverlist.md`, section 6.
    const CACHED: &'static str = "no-cache";

    type Worker = Pinger;

    async fn open(limits: &Limits, file: &Path, tally: &Tally) -> Result<Ready<Self>, OpenError> {
        let mut list = Self::new(limits.clone()).counting(tally.clone());
        list.restore(earlier(file), now(), wall_clock());
        Ok(Ready {
            list,
            worker: Pinger::new(limits.pings, limits.ping_time),
            content: Box::new(|shown: &Shown, now, wall| {
                let list = StoredList::new(&shown.servers, now, wall);
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
        Some((listed.at, listing::record(listed, bridge, limit)?))
    }
}

/// Reads what an earlier run has left.
fn earlier(path: &Path) -> StoredList {
    let read = kept::read(path).and_then(|bytes| {
        let list = bytes.map(|bytes| serde_json::from_slice(&bytes));
        Ok(list.transpose()?)
    });
    match read {
        Ok(list) => list.unwrap_or_default(),
        Err(error) => {
            let file = path.display();
            tracing::error!(
                "cannot use {file}, so that the list is empty until servers announce themselves \
                 again: {error}"
            );
            StoredList::default()
        }
    }
}
