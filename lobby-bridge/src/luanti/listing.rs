//! Turns a server into its entry of the registry: `ServerInfo` JSON. Pure.
//! (`docs/specifications/luanti-serverlist.md`, section 11.)

use metaserve::{Fingerprint, ServerInfo};
use serde_json::{Value, json};

use super::{PROTOCOL, list::Listed};
use crate::publish::mark;

/// The longest fields that are published as they are.
const MAX_PUBLISHED_BYTES: usize = 3 * 1024;

/// Makes the record of a server, published by `bridge`, in at most `limit` bytes; `None` if it says
/// nothing that can be shown.
pub(super) fn record(
    listed: &Listed,
    bridge: Option<&Fingerprint>,
    limit: usize,
) -> Option<ServerInfo> {
    let mut info = listed.said.info().ok()?;
    if info.name.is_empty() {
        info.name = listed.at.to_string();
    }
    let mut legacy = json!({ "protocol": PROTOCOL, "address": listed.address });
    let mut fields = listed.said.fields.clone();
    // Long lists, of which one is in the record as well.
    for field in ["mods", "clients_list", "description", "privs"] {
        if Value::from(fields.clone()).to_string().len() > MAX_PUBLISHED_BYTES {
            fields.remove(field);
        }
    }
    legacy["fields"] = fields.into();
    info.legacy = Some(legacy);
    mark(&mut info, bridge);
    Some(info.fit(limit))
}
