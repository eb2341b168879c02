//! Messages about names, and who refuses what of them.

use super::{Read, hex, number, read};
use crate::{
    names::{Block, Effect, Event, Names, NamesLimits, PeerId, Proofs},
    protocol::{
        close::Close,
        codec::{self, DecodeError},
        framing::Deframer,
        names::{self, FromDaemon, FromPeer, Held, MAX_MESSAGE_BYTES, Start},
        session::Piece,
    },
    stream::FrameError,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) fn from_peer(bytes: &[u8]) -> Result<Read, DecodeError> {
    read(bytes, |message| {
        assert!(FromPeer::own(&message).is_ok(), "{message:?}");
        match message {
            FromPeer::Claim(it) => {
                let (ticket, held) = (it.ticket.map(hex), it.held.map(grant));
                let (id, key, value) = (number(it.id), it.key, hex(it.value));
                let claim = json!({
                    "id": id, "key": key, "value": value, "ticket": ticket, "held": held,
                });
                ("claim", claim)
            }
            FromPeer::Update { id, value } => {
                ("update", json!({ "id": number(id), "value": hex(value) }))
            }
            FromPeer::Release { id } => ("release", json!({ "id": number(id) })),
            FromPeer::Resolve { id, key, start } => {
                let start = start.map(how);
                let resolve = json!({ "id": number(id), "key": key, "start": start });
                ("resolve", resolve)
            }
            FromPeer::Watch { id, prefix } => {
                ("watch", json!({ "id": number(id), "prefix": prefix }))
            }
            FromPeer::Unwatch { id } => ("unwatch", json!({ "id": number(id) })),
            FromPeer::Offer {
                id,
                prefix,
                slots,
                ticket,
            } => {
                let (id, ticket) = (number(id), ticket.map(hex));
                let offer = json!({ "id": id, "prefix": prefix, "slots": slots, "ticket": ticket });
                ("offer", offer)
            }
            FromPeer::Refused { order, why } => {
                ("refuse", json!({ "order": number(order), "why": why }))
            }
            FromPeer::Drain { id } => ("drain", json!({ "id": number(id) })),
        }
    })
}

fn grant(held: Held) -> Value {
    json!({ "epoch": number(held.epoch), "proof": hex(&held.proof) })
}

fn how(start: Start<'_>) -> Value {
    let (payload, ticket) = (hex(start.payload), start.ticket.map(hex));
    json!({ "payload": payload, "within_ms": start.within_millis, "ticket": ticket })
}

pub(super) fn from_daemon(bytes: &[u8]) -> Result<Read, DecodeError> {
    read(bytes, |message: FromDaemon<'_>| {
        assert!(message.own().is_ok(), "{message:?}");
        let (name, id, mut fields) = match message {
            FromDaemon::Granted { id, epoch, proof } => {
                let fields = json!({ "epoch": number(epoch), "proof": hex(&proof) });
                ("granted", id, fields)
            }
            FromDaemon::Held { id, epoch, value } => {
                let fields = json!({ "epoch": number(epoch), "value": hex(value) });
                ("held", id, fields)
            }
            FromDaemon::Lost { id } => ("lost", id, json!({})),
            FromDaemon::Found {
                id,
                epoch,
                value,
                address,
            } => {
                let (epoch, value) = (number(epoch), hex(value));
                let fields = json!({ "epoch": epoch, "value": value, "address": address });
                ("found", id, fields)
            }
            FromDaemon::Absent { id } => ("absent", id, json!({})),
            FromDaemon::Unavailable { id, why } => ("unavailable", id, json!({ "why": why })),
            FromDaemon::Up {
                id,
                key,
                epoch,
                value,
            } => {
                let (epoch, value) = (number(epoch), hex(value));
                (
                    "up",
                    id,
                    json!({ "key": key, "epoch": epoch, "value": value }),
                )
            }
            FromDaemon::Current { id } => ("current", id, json!({})),
            FromDaemon::Down { id, key } => ("down", id, json!({ "key": key })),
            FromDaemon::Reset { id } => ("reset", id, json!({})),
            FromDaemon::Order {
                id,
                order,
                key,
                payload,
                within_millis,
            } => {
                let fields = json!({
                    "order": number(order), "key": key, "payload": hex(payload),
                    "within_ms": within_millis,
                });
                ("order", id, fields)
            }
            FromDaemon::Refused {
                id,
                refusal,
                again_millis,
                why,
            } => {
                let fields = json!({ "refusal": refusal, "again_ms": again_millis, "why": why });
                ("refused", id, fields)
            }
        };
        fields["id"] = number(id);
        (name, fields)
    })
}

/// Calls `hear` with each message of a stream, until it is finished.
fn messages(
    pieces: Vec<Piece>,
    mut hear: impl FnMut(&[u8]) -> Result<(), Close>,
) -> Result<(), Close> {
    let mut deframer = Deframer::default();
    for piece in pieces {
        if piece.join(&mut deframer)? {
            return Ok(());
        }
        while let Some(message) = deframer.next(MAX_MESSAGE_BYTES).map_err(FrameError::from)? {
            hear(&message)?;
        }
    }
    Ok(())
}

/// What the daemon closes a peer with that says this.
pub(super) fn daemon(pieces: Vec<Piece>, now: Instant) -> Result<(), Close> {
    let limits = NamesLimits::default();
    let proofs = Proofs::new(&[0; 32]);
    let mut names = Names::new(limits, proofs, Duration::ZERO, now);
    let peer = PeerId(1);
    let block = Block {
        from: 1,
        below: 100,
    };
    names.handle(Event::Reserved(block), now);
    names.handle(Event::Joined(peer, ([192, 0, 2, 1], 1).into()), now);
    messages(pieces, |message| {
        let said = names::read(message).map_err(Close::malformed)?;
        let effects = names.handle(Event::Said(peer, said), now);
        let close = effects.into_iter().find_map(|effect| match effect {
            Effect::Close(_, close) => Some(close),
            _ => None,
        });
        close.map_or(Ok(()), Err)
    })
}

/// What a peer closes a daemon with that says this.
pub(super) fn peer(pieces: Vec<Piece>) -> Result<(), Close> {
    messages(pieces, |message| {
        let message: FromDaemon<'_> = codec::decode(message).map_err(Close::malformed)?;
        message.own().map_err(Close::malformed)?;
        Ok(())
    })
}
