//! Requests of several servers to the list of `DDNet`. Input: parts, each the lines of a head, an
//! empty line and a body; `{c}` is the token of the last challenge.
//!
//! Whatever comes, each request is answered once, nobody is listed without a token that was sent to
//! that address, the list is JSON, and every entry ends.

use std::{
    collections::HashSet,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use metaserve_lobby_bridge::{
    ddnet::{
        Limits,
        info::Info,
        list::Shown,
        master::{Challenge, Master},
        request::{Action, Request},
    },
    peers::{ConnectionId, Effect, Lobby},
    web::{self, Errand, Event, ListLobby, News},
};
use serde_json::Value;

use super::parts::parts;

/// What the list has done.
#[derive(Default)]
struct Seen {
    token: Vec<u8>,
    /// Which tokens were sent where.
    tokens: HashSet<(SocketAddr, Vec<u8>)>,
    /// Where the current request has a token from; `None` if it wants nothing listed.
    proof: Option<(SocketAddr, Vec<u8>)>,
    listed: HashSet<u64>,
    shown: Shown,
    answers: usize,
}

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let (mut now, mut wall) = (metaserve::time::now(), SystemTime::UNIX_EPOCH);
    let mut list = ListLobby::new(Master::new(Limits::default(), &[0; 32]), 100);
    let mut seen = Seen::default();
    for (number, part) in parts(input).enumerate() {
        now += part.passes();
        wall += part.passes();
        let text = part.with(&seen.token);
        let (headers, body) = request(&text);
        let info = Info::parse(&body);
        if let Ok(info) = info {
            let described = info.described("unnamed").fit(8 * 1024);
            assert!(described.to_json().len() <= 8 * 1024);
            assert!(serde_json::from_slice::<Value>(info.json()).is_ok());
        }
        if let Ok(request) = Request::read(part.peer().ip(), &headers, body) {
            seen.proof = match &request.action {
                Action::Register(asked) => {
                    let token = asked.challenge_token.clone().unwrap_or_default();
                    Some((request.address.at, token.into_bytes()))
                }
                Action::Delete => None,
            };
            let event = Event::Asks(Box::new(request), wall);
            seen.takes(list.handle(ConnectionId(number as u64), event, now));
            assert_eq!(std::mem::take(&mut seen.answers), 1, "it is answered once");
            seen.proof = None;
        }
        seen.takes(list.hear(News::Second, now, wall));
        let json: Value = serde_json::from_slice(&seen.shown.json()).expect("the list is JSON");
        let servers = json["servers"].as_array().expect("a list").len();
        assert_eq!(servers, seen.listed.len());
    }
    // What nobody keeps alive ends: first its addresses, and then what is remembered of it.
    for _ in 0..2 {
        now += Duration::from_secs(3_600);
        seen.takes(list.hear(News::Second, now, wall));
    }
    assert!(seen.listed.is_empty() && seen.shown.servers.is_empty());
}

impl Seen {
    fn takes(&mut self, effects: Vec<web::Effect<Master>>) {
        for effect in effects {
            match effect {
                Effect::Send(..) => self.answers += 1,
                Effect::List(id, _) => {
                    let proof = self.proof.as_ref();
                    assert!(proof.is_none_or(|it| self.tokens.contains(it)), "no token");
                    self.listed.insert(id);
                }
                Effect::Unlist(id) => drop(self.listed.remove(&id)),
                Effect::Errand(Errand::Do(Challenge(to, datagram))) => {
                    let parts = datagram.strip_suffix(&[0]).expect("a NUL ends it");
                    let token = parts.rsplit(|byte| *byte == 0).next();
                    self.token = token.unwrap_or_default().to_vec();
                    self.tokens.insert((to, self.token.clone()));
                }
                Effect::Errand(Errand::Show(shown)) => self.shown = shown,
                _ => {}
            }
        }
    }
}

/// The head and the body of a request, as far as they can be read.
fn request(text: &[u8]) -> (HeaderMap, Bytes) {
    let end = text.windows(2).position(|it| it == b"\n\n");
    let end = end.unwrap_or(text.len());
    let lines = text[..end].split(|byte| *byte == b'\n');
    let headers = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        Some((name, value))
    });
    let body = text.get(end + 2..).unwrap_or_default();
    (headers.collect(), Bytes::copy_from_slice(body))
}
