//! Servers as records of the registry, and servers of the registry as old clients find them
//! (`docs/specifications/quake3-master.md`, section 12). Pure.

use std::net::SocketAddr;

use metaserve::{Fingerprint, ServerInfo};
use metaserve_client::Server;

use super::{dialect::Dialect, games::Games, info::Info, servers::Listed};
use crate::{
    peers::Addresses,
    publish::{self, Listing},
};

/// The longest record: what daemons accept by default.
const MAX_BYTES: usize = 8 * 1024;

/// A server of the registry, as old clients find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// What lists need to know.
    pub info: Info,
    /// Where players join it: at most one address of each family.
    pub addresses: Vec<SocketAddr>,
}

/// A change of what is shown of the registry, by numbers of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NativeChange {
    /// Show it like this.
    Show(u64, Native),
    /// Do not show it any longer.
    Withdraw(u64),
}

/// Makes the listing of a server that `bridge` publishes.
#[must_use]
pub fn listing(dialect: Dialect, listed: &Listed, bridge: Option<&Fingerprint>) -> Listing {
    let mut info = server_info(dialect, listed);
    publish::mark(&mut info, bridge);
    Listing {
        game: listed.game.clone(),
        address: listed.address,
        heartbeat: info.fit(MAX_BYTES).to_json().into(),
    }
}

/// Makes the record of a server. One without a name is called by its address.
#[must_use]
pub fn server_info(dialect: Dialect, listed: &Listed) -> ServerInfo {
    let mut info = dialect.speech().record(listed);
    if info.name.is_empty() {
        info.name = listed.address.to_string();
    }
    info
}

/// Makes of a server of the registry what old clients find; `None` if they cannot.
#[must_use]
pub fn native(
    dialect: Dialect,
    server: &Server,
    record: &ServerInfo,
    games: &Games,
    addresses: &Addresses,
) -> Option<Native> {
    let mut info = dialect.speech().wire(&server.game, record, games)?;
    info.clients = record.players;
    info.max_clients = record.max_players;
    let shown = server
        .addresses
        .iter()
        .filter_map(|it| addresses.shown(*it));
    let shown: Vec<_> = shown.filter(|it| dialect.speech().carries(*it)).collect();
    (games.accepts(&info.gamename) && !shown.is_empty()).then_some(Native {
        info,
        addresses: shown,
    })
}
