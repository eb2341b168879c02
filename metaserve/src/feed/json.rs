//! A list for people and scripts: servers as JSON, and frames as server-sent events.
//!
//! Only here does the daemon look inside heartbeats, to show them.

use super::content::Content;
use crate::{
    ServerInfo,
    list::{By, Server},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

/// A server as JSON shows it.
#[derive(Debug, Serialize)]
pub struct ShownServer<'a> {
    /// The registry's number for it, never given to another server of the same epoch.
    pub id: ShownNumber,
    /// The tag of its game.
    pub game: &'a str,
    /// Where players join.
    pub address: SocketAddr,
    /// All addresses: of a server in both families there are two.
    pub addresses: Vec<SocketAddr>,
    /// The fingerprint of its certificate, if it has presented one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// `http` for a server that is announced over HTTP: then the identity is the daemon's word, and
    /// no certificate proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    /// When its heartbeat last changed, in seconds since 1970, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<u64>,
    /// Whether it is shown although the member of the cluster that it is connected to is not
    /// heard. Frames do not say it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The heartbeat's length in bytes.
    pub size: usize,
    /// What the heartbeat says, if it is a [`ServerInfo`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<ServerInfo>,
    /// The heartbeat in base64, if it is anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_base64: Option<String>,
}

/// A server's number as JSON shows it: a number if JavaScript can hold it, else its digits in quotes.
/// Numbers in a cluster grow with its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownNumber(pub u64);

impl ShownNumber {
    /// The greatest number up to which JavaScript knows all.
    const MOST: u64 = (1 << 53) - 1;
}

impl Serialize for ShownNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 <= Self::MOST {
            true => serializer.serialize_u64(self.0),
            false => serializer.collect_str(&self.0),
        }
    }
}

impl<'a> From<&'a Server> for ShownServer<'a> {
    fn from(server: &'a Server) -> Self {
        let placement = &server.placement;
        let (info, heartbeat_base64) = said(&server.heartbeat);
        let since = server.updated.duration_since(UNIX_EPOCH);
        Self {
            id: ShownNumber(server.number),
            game: placement.game.as_str(),
            address: placement.address,
            addresses: std::iter::once(placement.address)
                .chain(placement.second_address)
                .collect(),
            identity: placement.identity.map(|identity| identity.to_string()),
            by: match placement.by {
                By::Quic => None,
                By::Http => Some("http"),
            },
            updated: Some(since.as_ref().map_or(0, Duration::as_secs)),
            stale: false,
            size: server.heartbeat.len(),
            info,
            heartbeat_base64,
        }
    }
}

/// A heartbeat for `info`, if it is a [`ServerInfo`], or else for `heartbeat_base64`.
#[must_use]
pub fn said(heartbeat: &[u8]) -> (Option<ServerInfo>, Option<String>) {
    let info = ServerInfo::from_json(heartbeat);
    let base64 = info.is_none().then(|| STANDARD.encode(heartbeat));
    (info, base64)
}

#[derive(Serialize)]
struct Snapshot<'a> {
    servers: Vec<ShownServer<'a>>,
}

/// Both lists of a delta's servers are whole records: a page replaces what it has by id.
#[derive(Serialize)]
struct Delta<'a> {
    removed: Vec<ShownNumber>,
    servers: Vec<ShownServer<'a>>,
}

/// What a frame says as one server-sent event: `snapshot` or `delta`, with `epoch.revision` as its
/// id.
pub(super) fn event(epoch: u64, content: &Content) -> Vec<u8> {
    let (name, data) = match content {
        Content::Snapshot { servers, .. } => {
            let servers = servers.iter().map(ShownServer::from).collect();
            ("snapshot", serde_json::to_string(&Snapshot { servers }))
        }
        Content::Delta(delta) => {
            let both = delta.placed.iter().chain(&delta.updated);
            let servers = both.map(ShownServer::from).collect();
            let removed = delta.removed.iter().copied().map(ShownNumber).collect();
            ("delta", serde_json::to_string(&Delta { removed, servers }))
        }
    };
    let data = data.expect("a record of texts and numbers is always JSON");
    let revision = content.to().0;
    format!("event: {name}\nid: {epoch}.{revision}\ndata: {data}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Game,
        feed::history::Delta as Changed,
        list::{Claims, Origin, Placement, Revision},
    };
    use std::sync::Arc;

    fn server(number: u64, heartbeat: &'static [u8]) -> Server {
        let placement = Placement {
            game: Game::new("go").unwrap(),
            address: ([192, 0, 2, 1], 7777).into(),
            second_address: Some("[2001:db8::1]:7777".parse().unwrap()),
            identity: None,
            by: By::Quic,
            claims: Claims::default(),
        };
        Server {
            number,
            placement: Arc::new(placement),
            heartbeat: heartbeat.into(),
            updated: UNIX_EPOCH + Duration::from_secs(5),
            origin: Origin::Here,
        }
    }

    #[test]
    fn a_heartbeat_is_shown_as_what_it_says_or_as_bytes() {
        let (info, bytes) = said(br#"{"name":"Dusty's"}"#);
        assert_eq!(info.map(|info| info.name).as_deref(), Some("Dusty's"));
        assert_eq!(bytes, None);
        let (info, bytes) = said(b"\xffstone");
        assert!(info.is_none());
        assert_eq!(bytes.as_deref(), Some("/3N0b25l"));
    }

    /// A browser showed one row for several servers, and never removed it.
    #[test]
    fn a_number_that_javascript_cannot_hold_is_text() {
        let last = (1 << 53) - 1;
        let changed = Changed {
            removed: vec![last, last + 1],
            updated: vec![server(u64::MAX, b"")],
            ..Changed::default()
        };
        let text = String::from_utf8(event(7, &Content::Delta(changed))).unwrap();
        let removed = r#"{"removed":[9007199254740991,"9007199254740992"],"#;
        assert!(text.contains(removed), "{text}");
        let record = r#"[{"id":"18446744073709551615","game":"go","#;
        assert!(text.contains(record), "{text}");
    }

    #[test]
    fn a_frame_is_an_event_with_its_place_in_the_list_as_its_id() {
        let record = r#"{"id":3,"game":"go","address":"192.0.2.1:7777","addresses":["192.0.2.1:7777","[2001:db8::1]:7777"],"updated":5,"size":6,"heartbeat_base64":"/3N0b25l"}"#;
        let stone = || vec![server(3, b"\xffstone")];
        let text = |content| String::from_utf8(event(7, &content)).unwrap();
        let snapshot = Content::Snapshot {
            servers: stone(),
            revision: Revision(9),
        };
        let expected = format!("event: snapshot\nid: 7.9\ndata: {{\"servers\":[{record}]}}\n\n");
        assert_eq!(text(snapshot), expected);
        let changed = Changed {
            from: Revision(9),
            to: Revision(11),
            removed: vec![1],
            updated: stone(),
            ..Changed::default()
        };
        let expected =
            format!("event: delta\nid: 7.11\ndata: {{\"removed\":[1],\"servers\":[{record}]}}\n\n");
        assert_eq!(text(Content::Delta(changed)), expected);
    }
}
