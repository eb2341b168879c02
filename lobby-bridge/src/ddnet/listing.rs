//! Turns a server into its entry of the registry: `ServerInfo` JSON. Pure.
//! (`docs/specifications/ddnet-register.md`, section 14.)

use metaserve::{Fingerprint, ServerInfo};
use serde_json::json;

use super::{PROTOCOL, master::Listed};
use crate::publish::mark;

/// The longest information that is published with all its players, which are in the record as well.
const MAX_PUBLISHED_BYTES: usize = 3 * 1024;

/// Makes the record of a server, published by `bridge`, in at most `limit` bytes.
pub(super) fn record(listed: &Listed, bridge: Option<&Fingerprint>, limit: usize) -> ServerInfo {
    let unnamed = listed.addresses.first().map(|it| it.at.to_string());
    let mut info = listed.info.described(&unnamed.unwrap_or_default());
    let addresses: Vec<String> = listed.addresses.iter().map(ToString::to_string).collect();
    let raw = match listed.info.json().len() <= MAX_PUBLISHED_BYTES {
        true => listed.info.value(),
        false => listed.info.without_clients(),
    };
    let mut legacy = json!({ "protocol": PROTOCOL, "addresses": addresses });
    if raw.to_string().len() <= MAX_PUBLISHED_BYTES {
        legacy["info"] = raw;
    }
    info.legacy = Some(legacy);
    mark(&mut info, bridge);
    info.fit(limit)
}
