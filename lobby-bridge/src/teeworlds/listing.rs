//! Servers as records of the registry. Pure. (`docs/specifications/ddnet-register.md`, sections 14
//! and 15.)

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use metaserve::{Fingerprint, Game, ServerInfo};
use metaserve_query::teeworlds::{info_answer, packets::Message};
use serde_json::json;

use super::{PROTOCOL, servers::Listed};
use crate::publish::{self, Listing};

/// The longest record: what daemons accept by default.
const MAX_BYTES: usize = 8 * 1024;

/// Makes the listing of a server that `bridge` publishes.
#[must_use]
pub fn listing(game: &Game, listed: &Listed, bridge: Option<&Fingerprint>) -> Listing {
    let mut info = server_info(listed);
    publish::mark(&mut info, bridge);
    Listing {
        game: game.clone(),
        address: listed.address,
        heartbeat: info.fit(MAX_BYTES).to_json().into(),
    }
}

/// Makes the record of a server. One without a name is called by its address.
#[must_use]
pub fn server_info(listed: &Listed) -> ServerInfo {
    let message = Message {
        to: [0; 4],
        from: [0; 4],
        kind: *b"inf3",
        rest: &listed.answer,
    };
    let mut info = info_answer(&message).unwrap_or_default();
    if info.name.is_empty() {
        info.name = listed.address.to_string();
    }
    info.legacy = Some(json!({
        "protocol": PROTOCOL,
        "info": BASE64.encode(&listed.answer),
    }));
    info
}
