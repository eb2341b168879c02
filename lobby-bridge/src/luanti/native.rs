//! Servers of the registry that clients of Luanti can join. Pure.
//! (`docs/specifications/luanti-serverlist.md`, section 11.)

use std::net::SocketAddr;

use metaserve::{ServerInfo, address::joinable, printable};
use metaserve_client::Server;
use metaserve_query::luanti::Said;
use serde_json::{Map, Value, json};

use super::PROTOCOL;
use crate::web;

/// A server of the registry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// Where it can be joined: at least one address.
    pub addresses: Vec<SocketAddr>,
    /// What the list says of it.
    pub fields: Map<String, Value>,
}

impl Native {
    /// Reads a server; `None` if clients cannot join it.
    #[must_use]
    pub fn read(server: &Server, info: &ServerInfo) -> Option<Self> {
        let addresses = server.addresses.iter();
        let addresses: Vec<SocketAddr> = addresses.filter_map(|at| joinable(*at).ok()).collect();
        let legacy = info.legacy.as_ref();
        // A server that has announced itself at another bridge.
        let announced = legacy.filter(|it| it.get("protocol") == Some(&PROTOCOL.into()));
        let announced = announced.and_then(|it| Said::new(it.get("fields")?.as_object()?).ok());
        let fields = announced.map_or_else(|| fields(info), |said| said.fields);
        (!addresses.is_empty()).then_some(Self { addresses, fields })
    }
}

impl web::Native for Native {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().copied()
    }
}

/// The fields of a server that has not announced itself. Without versions of the protocol, clients
/// assume that they can join.
fn fields(info: &ServerInfo) -> Map<String, Value> {
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or_default());
    let names: Vec<String> = info
        .player_list
        .iter()
        .map(|it| printable(&it.name))
        .collect();
    let most = info.max_players.unwrap_or(0);
    let mut fields = Map::new();
    for (name, value) in [
        ("name", json!(printable(&info.name))),
        ("description", json!(text(&info.description))),
        ("version", json!(text(&info.version))),
        ("gameid", json!(text(&info.mode))),
        ("clients", json!(info.players.unwrap_or(0))),
        ("clients_max", json!(most)),
        ("clients_list", json!(names)),
        ("password", json!(info.password.unwrap_or(false))),
    ] {
        fields.insert(name.to_owned(), value);
    }
    if let Some(website) = &info.website {
        fields.insert("url".to_owned(), website.clone().into());
    }
    fields
}
