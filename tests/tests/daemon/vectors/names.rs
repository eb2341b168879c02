//! Messages about names, as the vectors write them.

use super::{
    bytes,
    script::{exact, hex, number},
};
use metaserve::protocol::{
    codec,
    names::{Claim, FromDaemon, FromPeer, Held},
};
use serde_json::{Value, json};

/// A message of the daemon.
pub(super) fn answer(message: &[u8]) -> anyhow::Result<Value> {
    let (name, id, mut fields) = match codec::decode(message)? {
        FromDaemon::Granted { id, epoch, proof } => {
            let fields = json!({"epoch": exact(epoch), "proof": hex(&proof)});
            ("granted", id, fields)
        }
        FromDaemon::Held { id, epoch, value } => {
            let fields = json!({"epoch": exact(epoch), "value": hex(value)});
            ("held", id, fields)
        }
        FromDaemon::Lost { id } => ("lost", id, json!({})),
        FromDaemon::Found {
            id,
            epoch,
            value,
            address,
        } => {
            let (epoch, value) = (exact(epoch), hex(value));
            let fields = json!({"epoch": epoch, "value": value, "address": address});
            ("found", id, fields)
        }
        FromDaemon::Absent { id } => ("absent", id, json!({})),
        FromDaemon::Unavailable { id, why } => ("unavailable", id, json!({"why": why})),
        FromDaemon::Up {
            id,
            key,
            epoch,
            value,
        } => {
            let fields = json!({"key": key, "epoch": exact(epoch), "value": hex(value)});
            ("up", id, fields)
        }
        FromDaemon::Current { id } => ("current", id, json!({})),
        FromDaemon::Down { id, key } => ("down", id, json!({"key": key})),
        FromDaemon::Reset { id } => ("reset", id, json!({})),
        FromDaemon::Order {
            id,
            order,
            key,
            payload,
            within_millis,
        } => {
            let (order, payload) = (exact(order), hex(payload));
            let fields = json!({
                "order": order, "key": key, "payload": payload, "within_ms": within_millis,
            });
            ("order", id, fields)
        }
        FromDaemon::Refused {
            id,
            refusal,
            again_millis,
            why,
        } => {
            let fields = json!({"refusal": refusal, "again_ms": again_millis, "why": why});
            ("refused", id, fields)
        }
    };
    fields["id"] = exact(id);
    Ok(json!({"message": name, "fields": fields}))
}

/// A message of a peer whose fields are not known before: a claim, or an order that is refused.
pub(super) fn said(name: &str, fields: &Value) -> Vec<u8> {
    if name == "refuse" {
        let why = fields["why"].as_str().unwrap();
        let order = number(&fields["order"]);
        return codec::frame(FromPeer::Refused { order, why }).to_vec();
    }
    assert_eq!(name, "claim");
    let held = Held {
        epoch: number(&fields["held"]["epoch"]),
        proof: bytes(&fields["held"]["proof"]).try_into().unwrap(),
    };
    let claim = Claim {
        id: number(&fields["id"]),
        key: fields["key"].as_str().unwrap(),
        value: &bytes(&fields["value"]),
        ticket: None,
        held: Some(held),
    };
    codec::frame(FromPeer::Claim(claim)).to_vec()
}
