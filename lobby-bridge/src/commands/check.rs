//! `check`: shows what the bridge would do with its settings.

use std::{collections::HashSet, io, net::SocketAddr};

use anyhow::Context;
use metaserve::{
    program::{check::Check, listen, settings::Given},
    socket,
};

use crate::{
    accounts::{Administration, sqlite_file},
    bans::Guard,
    metrics,
    settings::{Bridge, BridgeSettings},
};

pub(super) async fn run(given: Given<BridgeSettings>) -> anyhow::Result<()> {
    let (settled, _) = given.look();
    // Looked up first, since it waits.
    let hub = hubs(&settled.settings).await;
    Check::of(given).run("the bridge", |settings, findings| {
        if let Some(hub) = hub {
            findings.add(hub)?;
        }
        if let Some(file) = &settings.ban_file {
            let opened = Guard::open(file).map(|_| format!("bans: {}\n", file.display()));
            findings.add(opened)?;
        }
        let bridge = match Bridge::of(settings.clone()) {
            Ok(bridge) => bridge,
            Err(error) => return findings.add(Err(anyhow::Error::from(error))),
        };
        // Protocols can share an address.
        let mut tried_before = HashSet::new();
        for protocol in &bridge.protocols {
            for address in protocol.listens() {
                if !tried_before.insert(address) {
                    continue;
                }
                let tried = listen::tcp(address).map(drop);
                findings.add(listening(address, "TCP", tried))?;
            }
            for address in protocol.listens_for_datagrams() {
                let tried = listen::families(address, |address| socket::bind(address).map(drop));
                findings.add(listening(address, "UDP", tried))?;
            }
        }
        let metrics = metrics::described(bridge.metrics);
        findings.add(metrics.map_err(anyhow::Error::from))?;
        for protocol in &bridge.protocols {
            let described = protocol.described(&bridge.state_dir);
            findings.add(described.map_err(anyhow::Error::from_boxed))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Describes an address that was tried.
fn listening(address: SocketAddr, over: &str, tried: io::Result<()>) -> anyhow::Result<String> {
    match tried {
        Ok(()) => Ok(format!("listen: {address} ({over})\n")),
        // The running bridge may use it.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("listen: {address} ({over}), which is in use now\n"))
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// The consequence of having no hub.
const NO_HUB: &str = "has no hub: new players of Aleph One cannot gather before they change a \
                      setting (hub add)";

/// Tells whether there is a hub, if there is a database to look into.
async fn hubs(settings: &BridgeSettings) -> Option<anyhow::Result<String>> {
    settings.aleph_one.aleph_one?;
    let url = settings.accounts.database(&settings.state_dir);
    if sqlite_file(&url).is_some_and(|file| !file.exists()) {
        return Some(Ok(format!(
            "database: an SQLite file, which will be created, and {NO_HUB}\n"
        )));
    }
    let look = async {
        let database = Administration::open(&url).await;
        let database = database.context("cannot open the database (--database)")?;
        let hubs = database.hubs().await?.len();
        database.close().await;
        Ok(match hubs {
            0 => format!("database: it can be used, but {NO_HUB}\n"),
            _ => format!("database: {hubs} hubs\n"),
        })
    };
    Some(look.await)
}
