//! What lists must be: a function of what the owners of servers have said, and of nothing else.

use super::net::Machine;
use metaserve::{Fingerprint, Game, list::Server};
use std::{collections::BTreeMap, net::SocketAddr};

/// A row of the list, as players see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) game: String,
    pub(super) address: SocketAddr,
    pub(super) second: Option<SocketAddr>,
    pub(super) identity: Option<String>,
    pub(super) heartbeat: String,
}

/// The rows of a list, sorted.
pub(super) fn rows(list: &[Server]) -> Vec<Row> {
    let row = |server: &Server| Row {
        game: server.placement.game.to_string(),
        address: server.placement.address,
        second: server.placement.second_address,
        identity: server.placement.identity.map(|it| it.to_string()),
        heartbeat: text(&server.heartbeat),
    };
    let mut rows: Vec<_> = list.iter().map(row).collect();
    rows.sort();
    rows
}

/// What a member says of its own servers.
pub(super) fn said(machine: &Machine) -> Vec<Server> {
    machine.registry.own().servers()
}

/// One address of a server, as one owner states it.
struct Link<'a> {
    owner: usize,
    claim: u64,
    address: SocketAddr,
    server: &'a Server,
}

/// The list that follows from what each owner says.
pub(super) fn merged(owners: &[Vec<Server>]) -> Vec<Row> {
    let mut known: BTreeMap<(Fingerprint, Game), Vec<Link<'_>>> = BTreeMap::new();
    let mut nameless: BTreeMap<(Game, SocketAddr), Vec<Link<'_>>> = BTreeMap::new();
    for (owner, servers) in owners.iter().enumerate() {
        for server in servers {
            let placement = &server.placement;
            let addresses = [Some(placement.address), placement.second_address];
            for (address, claim) in addresses.into_iter().flatten().zip(placement.claims.iter()) {
                let (claim, game) = (claim.0, placement.game.clone());
                let link = Link {
                    owner,
                    claim,
                    address,
                    server,
                };
                match placement.identity {
                    Some(identity) => known.entry((identity, game)).or_default().push(link),
                    None => nameless.entry((game, address)).or_default().push(link),
                }
            }
        }
    }
    let mut rows = Vec::new();
    for ((identity, game), links) in known {
        let newest = |v4: bool| {
            let family = links.iter().filter(|link| link.address.is_ipv4() == v4);
            family.max_by_key(|link| link.claim)
        };
        let shown: Vec<_> = [newest(true), newest(false)]
            .into_iter()
            .flatten()
            .collect();
        let says = shown
            .iter()
            .max_by_key(|link| link.claim)
            .expect("one at least");
        rows.push(Row {
            game: game.to_string(),
            address: shown[0].address,
            second: shown.get(1).map(|link| link.address),
            identity: Some(identity.to_string()),
            heartbeat: text(&says.server.heartbeat),
        });
    }
    for ((game, address), links) in nameless {
        let newest = links
            .iter()
            .max_by_key(|link| link.claim)
            .expect("one at least");
        for link in links.iter().filter(|link| link.owner == newest.owner) {
            rows.push(Row {
                game: game.to_string(),
                address,
                second: None,
                identity: None,
                heartbeat: text(&link.server.heartbeat),
            });
        }
    }
    rows.sort();
    rows
}

/// A heartbeat as text; of a long one its end, length and sum.
fn text(heartbeat: &[u8]) -> String {
    match heartbeat {
        short if short.len() < 100 => String::from_utf8_lossy(short).into_owned(),
        long => {
            let sum = long.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            format!("{} bytes, {sum}", long.len())
        }
    }
}
