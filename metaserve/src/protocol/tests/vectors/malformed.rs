//! Malformed streams, at the state machines of both sides.

use super::{bytes, names, section, text};
use crate::{
    Limits, Role,
    protocol::{
        close::Close,
        ended::Ended,
        framing,
        session::{
            Change, Heartbeats, Listings, Piece, Say, Speaker, Subscriber,
            daemon::{
                Effect, First, Publication, Quiet, Statement, Statements, hello, subscription,
            },
            speaker, subscriber,
        },
    },
};
use serde_json::Value;
use std::time::Instant;

/// What the peer's stream brings.
fn stream(vector: &Value, messages: &[Value]) -> Vec<Piece> {
    let named = |name: &Value| messages.iter().find(|it| it["name"] == *name);
    let before = vector["after"].as_array().unwrap().iter().flat_map(|name| {
        let message = named(name).unwrap_or_else(|| panic!("no message {name}"));
        framing::frame(|into| into.extend(bytes(message)))
    });
    let stream: Vec<u8> = before.chain(bytes(vector)).collect();
    let mut pieces = vec![Piece::Bytes(stream.into())];
    if vector["then"]["finish"] == true {
        pieces.push(Piece::Finished);
    }
    if let Some(code) = vector["then"]["reset"].as_u64() {
        pieces.push(Piece::Reset(quinn::VarInt::from_u64(code).unwrap()));
    }
    pieces
}

/// What the daemon answers a relay or closes a peer with.
enum Answer {
    Closes(Close),
    Refuses(String),
}

fn daemon(role: Role, pieces: Vec<Piece>, now: Instant) -> Result<Vec<String>, Close> {
    let limits = Limits::default();
    match role {
        Role::Relay => return statements(pieces, &limits),
        Role::Names => return names::daemon(pieces, now).map(|()| Vec::new()),
        Role::Heartbeat | Role::Client => {}
    }
    let mut first = First::new(role, &limits, now);
    let mut pieces = pieces.into_iter();
    let message = loop {
        if let Some(message) = first.next(now).map_err(|fault| fault.close)? {
            break message;
        }
        let Some(piece) = pieces.next() else {
            return Ok(Vec::new());
        };
        first.handle(piece).map_err(|fault| fault.close)?;
    };
    if role == Role::Client {
        subscription(&message).map_err(|fault| fault.close)?;
        let quiet = Quiet::new(&first.rest()).map_err(|fault| fault.close)?;
        for piece in pieces {
            quiet.handle(&piece).map_err(|fault| fault.close)?;
        }
        return Ok(Vec::new());
    }
    hello(&message).map_err(|fault| fault.close)?;
    let mut publication = Publication::new(&limits, first.rest(), now);
    loop {
        while let Some(effect) = publication.next(now).map_err(|fault| fault.close)? {
            if matches!(effect, Effect::Gone) {
                return Ok(Vec::new());
            }
        }
        let Some(piece) = pieces.next() else {
            return Ok(Vec::new());
        };
        publication.handle(piece).map_err(|fault| fault.close)?;
    }
}

/// The notices that a relay gets.
fn statements(pieces: Vec<Piece>, limits: &Limits) -> Result<Vec<String>, Close> {
    let mut statements = Statements::new(limits);
    let mut notices = Vec::new();
    for piece in pieces {
        statements.handle(piece).map_err(|fault| fault.close)?;
        while let Some(statement) = statements.next_statement().map_err(|fault| fault.close)? {
            match statement {
                Statement::Refused { key, why, .. } => notices.push(format!("server {key}: {why}")),
                Statement::Gone => break,
                Statement::Change(_) => {}
            }
        }
    }
    Ok(notices)
}

fn speaks<T, W: Say<T>>(words: W, pieces: Vec<Piece>, now: Instant) -> Result<(), Ended> {
    let mut session = Speaker::new(words);
    session.handle::<T>(speaker::Event::Connected, now)?;
    for piece in pieces {
        session.handle::<T>(speaker::Event::Piece(piece), now)?;
        while session.next(now)?.is_some() {}
    }
    Ok(())
}

/// The content of the list is not compared with a client's: the client is in another crate.
fn follows(pieces: Vec<Piece>) -> Result<(), Ended> {
    let mut session = Subscriber::new(None, 1 << 26);
    session.handle(subscriber::Event::Connected(None))?;
    for piece in pieces {
        session.handle(subscriber::Event::Piece(piece))?;
        while session.next_effect()?.is_some() {}
    }
    Ok(())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn every_malformed_stream_is_refused_with_its_code_and_reason() {
    let (messages, now) = (section("messages"), Instant::now());
    let mut seen = 0;
    for vector in section("malformed") {
        let (name, reason) = (text(&vector, "name"), text(&vector, "reason"));
        // These are up to QUIC, and to the list that a client has.
        let of_list = vector["hex"]
            .as_str()
            .is_some_and(|it| it.get(8..10) == Some("01"))
            && vector["role"] == "client"
            && (vector["subscribes_again"] == true || reason == "99");
        if vector.get("quic").is_some() || of_list {
            continue;
        }
        let role = Role::ALL
            .into_iter()
            .find(|role| vector["role"] == role.name());
        let role = role.unwrap_or_else(|| panic!("{name}: no role"));
        let pieces = stream(&vector, &messages);
        let answer = match (text(&vector, "side"), role) {
            ("daemon", _) => match daemon(role, pieces, now) {
                Ok(notices) => Answer::Refuses(notices.join("; ")),
                Err(close) => Answer::Closes(close),
            },
            (_, role) => {
                let violation = |ended: Result<(), Ended>| ended.err()?.violation();
                let violation = match role {
                    Role::Client => violation(follows(pieces)),
                    Role::Heartbeat => {
                        let words = Heartbeats::new(crate::Game::default(), None);
                        violation(speaks::<&[u8], _>(words, pieces, now))
                    }
                    Role::Relay => violation(speaks::<Change, _>(Listings::default(), pieces, now)),
                    Role::Names => names::peer(pieces).err(),
                };
                Answer::Closes(violation.unwrap_or_else(|| panic!("{name}: accepted")))
            }
        };
        let expected = vector["close"].as_u64();
        match answer {
            Answer::Closes(close) => {
                // The code of a client that subscribes again does not matter.
                assert!(
                    expected.is_none_or(|it| it == close.code.number()),
                    "{name}: {close}"
                );
                assert!(vector.get("notice").is_none(), "{name}: {close}");
                assert!(close.reason.contains(reason), "{name}: {close}");
            }
            Answer::Refuses(notice) => {
                assert_eq!(vector["notice"], 2, "{name}: {notice:?}");
                assert!(
                    !notice.is_empty() && notice.contains(reason),
                    "{name}: {notice:?}"
                );
            }
        }
        seen += 1;
    }
    assert!(seen > 500, "{seen}");
}
