//! A master with servers and clients in memory. The recorded conversations are in
//! `lobby-bridge/tests/teeworlds_transcripts.rs`.

mod abuse;
mod registry;

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve_query::teeworlds::packets::{
    Message, Token, message, token_answer, token_asked, token_given, token_request,
};

use super::{Errand, Listed, Master, News, Rules};
use crate::peers::{Addresses, Effect, Lobby, Reach, Saved, Way, saved};

/// The tokens of all servers and clients: of 0.7, each has its own for each address.
const PEERS: Token = [7; 4];

/// A server's answer to `gie3`, without the letters.
fn answer(name: &str, map: &str) -> Vec<u8> {
    let text = format!("\u{5}0.7.5\0{name}\0\0{map}\0CTF\0\u{1}\0");
    [text.as_bytes(), &[2, 8, 3, 16], b"Ana\0\0\x40\x05\0"].concat()
}

/// A master, the time, and what it has done.
struct Stage {
    master: Master,
    now: Instant,
    /// What was sent, in order, and not looked at yet.
    sent: Vec<(Way, Bytes)>,
    listed: Vec<(u64, Listed)>,
    unlisted: Vec<u64>,
    saved: Option<String>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Rules {
            addresses: Addresses {
                reach: Reach::Any,
                ..Addresses::default()
            },
            ..Rules::default()
        };
        change(&mut rules);
        Self {
            master: Master::new(rules, [1; 32]),
            now: metaserve::time::now(),
            sent: Vec::new(),
            listed: Vec::new(),
            unlisted: Vec::new(),
            saved: None,
        }
    }

    fn hear(&mut self, news: News) {
        for effect in self.master.hear(news, self.now, SystemTime::UNIX_EPOCH) {
            match effect {
                Effect::Errand(Errand::Say(way, datagram)) => self.sent.push((way, datagram)),
                Effect::Errand(Errand::Answer(way, datagrams)) => {
                    self.sent.extend(datagrams.into_iter().map(|it| (way, it)));
                }
                Effect::Errand(Errand::Save(text)) => self.saved = Some(text),
                Effect::List(id, listed) => self.listed.push((id, listed)),
                Effect::Unlist(id) => self.unlisted.push(id),
                other => panic!("{other:?}"),
            }
        }
    }

    fn says(&mut self, way: Way, datagram: Vec<u8>) {
        self.hear(News::Datagram(way, datagram.into()));
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.now += Duration::from_millis(250);
            self.hear(News::Tick);
        }
    }

    /// Has a peer ask for the master's token.
    fn token(&mut self, who: &str) -> Token {
        self.sent.clear();
        self.says(at(who), token_request(PEERS));
        let (_, answer) = self.sent.pop().expect("an answer");
        token_given(&answer, PEERS).expect("a token")
    }

    /// A message, with this token of the master's.
    fn tells(&mut self, who: &str, token: Token, kind: [u8; 4], rest: &[u8]) {
        self.says(at(who), message(token, PEERS, kind, rest));
    }

    /// Calls, with a token of the master's.
    fn calls(&mut self, who: &str) {
        let token = self.token(who);
        let port = at(who).peer().port();
        self.tells(who, token, *b"bea2", &port.to_be_bytes());
    }

    /// Answers what the master asks, as a server does, until nothing is asked. Returns the kinds of
    /// all that it was sent.
    fn serves(&mut self, says: &[u8]) -> Vec<String> {
        let mut kinds = Vec::new();
        while let Some((way, datagram)) = self.take() {
            let reply = match token_asked(&datagram) {
                Some(theirs) => {
                    kinds.push("token?".to_owned());
                    Some(token_answer(theirs, PEERS))
                }
                None => {
                    let said = Message::read(&datagram).expect("a message");
                    kinds.push(String::from_utf8_lossy(&said.kind).into_owned());
                    match &said.kind {
                        b"fw??" => Some(message(said.from, PEERS, *b"fw!!", b"")),
                        b"gie3" => Some(message(said.from, PEERS, *b"inf3", says)),
                        _ => None,
                    }
                }
            };
            if let Some(reply) = reply {
                self.says(way, reply);
            }
        }
        kinds
    }

    fn take(&mut self) -> Option<(Way, Bytes)> {
        (!self.sent.is_empty()).then(|| self.sent.remove(0))
    }

    /// Registers a server, and returns what it was sent.
    fn registers(&mut self, who: &str) -> Vec<String> {
        self.calls(who);
        self.serves(&answer("Tee", "ctf1"))
    }

    /// The servers that a client gets; `None` without an answer.
    fn list(&mut self, who: &str) -> Option<Vec<String>> {
        let token = self.token(who);
        self.list_with(who, token)
    }

    fn list_with(&mut self, who: &str, token: Token) -> Option<Vec<String>> {
        self.sent.clear();
        self.tells(who, token, *b"req2", b"");
        let datagrams = std::mem::take(&mut self.sent);
        let servers = datagrams.iter().flat_map(|(_, it)| {
            let message = Message::read(it).expect("a message");
            assert_eq!((message.to, &message.kind), (PEERS, b"lis2"));
            items(message.rest)
        });
        let mut servers: Vec<String> = servers.map(|it| it.to_string()).collect();
        servers.sort_unstable();
        (!datagrams.is_empty()).then_some(servers)
    }

    fn count(&mut self) -> u16 {
        let who = "203.0.113.99:1";
        let token = self.token(who);
        self.tells(who, token, *b"cou2", b"");
        let (_, counted) = self.take().expect("an answer");
        let counted = Message::read(&counted).expect("a message");
        u16::from_be_bytes(counted.rest.try_into().expect("two bytes"))
    }
}

fn at(who: &str) -> Way {
    Way::to(who.parse().unwrap())
}

/// The servers of one datagram.
fn items(list: &[u8]) -> Vec<SocketAddr> {
    let item = |it: &[u8]| {
        let ip: [u8; 16] = it[..16].try_into().unwrap();
        let port = u16::from_be_bytes([it[16], it[17]]);
        metaserve::address::canonical(SocketAddr::from((ip, port)))
    };
    list.chunks(18).map(item).collect()
}

const SERVER: &str = "192.0.2.1:8303";
const CLIENT: &str = "203.0.113.1:1";

#[test]
fn a_server_is_checked_from_another_port_told_and_listed() {
    let mut stage = Stage::new(|_| {});
    stage.calls(SERVER);
    let (way, _) = &stage.sent[0];
    assert!(way.is_beside(), "not the port that it has called");
    assert_eq!(stage.count(), 0, "a heartbeat alone lists nobody");
    stage.pass(2);
    stage.sent.drain(1..);
    let told = stage.serves(&answer("Tee", "ctf1"));
    assert_eq!(told, ["token?", "fw??", "fwok", "gie3"]);
    assert_eq!(stage.list(CLIENT).unwrap(), [SERVER]);
    assert_eq!(stage.count(), 1);
    assert_eq!(stage.listed.len(), 1);
}

#[test]
fn a_change_is_published_and_a_repetition_is_not() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.pass(15);
    stage.registers(SERVER);
    assert_eq!(stage.listed.len(), 1);
    stage.pass(15);
    stage.calls(SERVER);
    stage.serves(&answer("Tee", "ctf2"));
    assert_eq!(stage.listed.len(), 2);
    assert_eq!(
        stage.listed[0].0, stage.listed[1].0,
        "it is the same server"
    );
}

#[test]
fn a_server_that_vanishes_is_listed_for_90_seconds() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.pass(60);
    stage.registers(SERVER);
    stage.pass(89);
    assert_eq!(stage.count(), 1, "the last check counts");
    assert!(stage.unlisted.is_empty());
    stage.pass(1);
    assert_eq!(stage.count(), 0);
    assert_eq!(stage.unlisted, [stage.listed[0].0]);
    // It may come back.
    stage.registers(SERVER);
    assert_eq!(stage.list(CLIENT).unwrap(), [SERVER]);
}

#[test]
fn a_server_behind_a_firewall_is_told_and_not_listed() {
    let mut stage = Stage::new(|_| {});
    stage.calls(SERVER);
    stage.pass(10);
    let mut sent: HashMap<bool, Vec<Bytes>> = HashMap::new();
    for (way, datagram) in stage.sent.drain(..) {
        sent.entry(way.is_beside()).or_default().push(datagram);
    }
    assert_eq!(sent[&true].len(), 5, "it is asked every 2 s");
    let told = Message::read(&sent[&false][0]).unwrap();
    assert_eq!((told.to, &told.kind), (PEERS, b"fwer"));
    assert_eq!(sent[&false].len(), 1);
    assert_eq!((stage.count(), stage.master.unproved()), (0, 0));
}

#[test]
fn a_server_that_says_nothing_of_itself_is_listed_for_clients_only() {
    let mut stage = Stage::new(|_| {});
    stage.calls(SERVER);
    stage.serves(b"");
    stage.pass(30);
    assert_eq!((stage.count(), stage.listed.len()), (1, 0));
    stage.pass(60);
    assert_eq!((stage.count(), stage.unlisted.len()), (0, 0));
}

#[test]
fn a_server_is_told_at_the_port_that_it_calls_from() {
    let mut stage = Stage::new(|_| {});
    // A router has changed the port of its heartbeats.
    let token = stage.token("192.0.2.1:40000");
    stage.tells("192.0.2.1:40000", token, *b"bea2", &8303_u16.to_be_bytes());
    assert_eq!(stage.sent[0].0.peer(), at(SERVER).peer());
    let (way, question) = stage.take().unwrap();
    let theirs = token_asked(&question).unwrap();
    stage.says(way, token_answer(theirs, PEERS));
    stage.take().unwrap();
    stage.says(way, message(theirs, PEERS, *b"fw!!", b""));
    let (home, _) = stage.take().unwrap();
    assert_eq!(home.peer(), at("192.0.2.1:40000").peer());
    assert_eq!(stage.list(CLIENT).unwrap(), [SERVER]);
}

#[test]
fn a_server_that_is_started_again_at_once_is_told_within_seconds() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.calls(SERVER);
    assert!(stage.sent.is_empty(), "it was checked a moment ago");
    stage.pass(5);
    let told = stage.serves(&answer("Tee", "ctf1"));
    assert_eq!(told, ["token?", "fw??", "fwok", "gie3"]);
}

#[test]
fn both_families_and_lists_of_several_datagrams() {
    let mut stage = Stage::new(|_| {});
    for number in 1..=75 {
        stage.registers(&format!("198.51.100.{number}:8303"));
    }
    stage.registers("[2001:db8::1]:8303");
    assert_eq!(stage.count(), 76);
    let token = stage.token("[2001:db8::2]:1");
    stage.tells("[2001:db8::2]:1", token, *b"req2", b"");
    assert_eq!(stage.sent.len(), 2, "75 in a datagram");
    let list = stage.list("[2001:db8::2]:1").unwrap();
    assert_eq!(list.len(), 76);
    assert!(list.contains(&"[2001:db8::1]:8303".to_owned()));
}

#[test]
fn servers_of_the_last_run_are_checked_without_a_heartbeat() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.registers("192.0.2.2:8303");
    stage.pass(30);
    let text = stage.saved.take().expect("it is written");
    let saved: Vec<Saved> = saved::read(&text);
    assert_eq!(saved.len(), 2);

    let mut stage = Stage::new(|_| {});
    stage.hear(News::Saved(saved));
    stage.pass(1);
    assert!(
        stage.master.servers().is_empty(),
        "nobody is listed unasked"
    );
    let first = stage.take().unwrap();
    stage.sent = vec![first];
    let told = stage.serves(&answer("Tee", "ctf1"));
    assert_eq!(
        told,
        ["token?", "fw??", "gie3"],
        "nobody waits for a verdict"
    );
    assert_eq!((stage.count(), stage.listed.len()), (1, 1));
    stage.pass(40);
    assert_eq!(stage.saved.unwrap().lines().count(), 1);
}
