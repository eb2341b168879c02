//! Servers that register, in words of the protocol and with a clock of their own.

mod limits;
mod model;
mod states;

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    time::Duration,
};

use serde_json::Value;

use super::*;
use crate::{
    ddnet::stored::StoredList,
    web::{
        News,
        net::{self, SECOND},
    },
};

const SECRETS: [&str; 3] = [
    "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
    "1ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
    "2ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
];
const SIX: &str = "tw-0.6+udp://192.0.2.1:8303";
const SEVEN: &str = "tw-0.7+udp://192.0.2.1:8303";
const SIX6: &str = "tw-0.6+udp://[2001:db8::1]:8303";

/// A list, with the servers that receive its challenges.
struct Net {
    net: net::Net<Master>,
    /// The tokens that arrived, by address.
    tokens: BTreeMap<Address, String>,
    challenges: usize,
}

impl Deref for Net {
    type Target = net::Net<Master>;

    fn deref(&self) -> &Self::Target {
        &self.net
    }
}

impl DerefMut for Net {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.net
    }
}

impl Net {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::of(Master::new(limits, &[7; 32]))
    }

    fn of(master: Master) -> Self {
        Self {
            net: net::Net::new(master),
            tokens: BTreeMap::new(),
            challenges: 0,
        }
    }

    /// Servers receive what was sent to them.
    fn receive(&mut self) {
        for Challenge(to, datagram) in std::mem::take(&mut self.net.work) {
            self.challenges += 1;
            let seven = datagram[0] == 0x21;
            let mut parts = datagram.split(|it| *it == 0);
            let secret = String::from_utf8_lossy(parts.next().unwrap()).into_owned();
            assert!(secret.ends_with(":x"), "{secret}");
            let token = String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
            let scheme = if seven { "tw-0.7" } else { "tw-0.6" };
            let address = format!("{scheme}+udp://{to}").parse().unwrap();
            self.tokens.insert(address, token);
        }
    }

    /// A server that knows the last token that has arrived asks.
    fn ask(&mut self, secret: usize, address: &str, serial: u64, body: &str) -> String {
        let address: Address = address.parse().unwrap();
        let asked = Registration {
            challenge_secret: format!("{}:x", SECRETS[0]),
            connless_token: Some([1, 2, 3, 4]),
            challenge_token: self.tokens.get(&address).cloned(),
            serial,
            body: body.to_owned().into(),
            is_json: !body.starts_with("not json"),
        };
        self.send(secret, address, Action::Register(asked))
    }

    fn send(&mut self, secret: usize, address: Address, action: Action) -> String {
        let request = Request {
            address,
            secret: Secret::new(SECRETS[secret]).unwrap(),
            action,
        };
        let reply = self.net.ask(request);
        self.receive();
        let json: Value = serde_json::from_slice(&reply.body).unwrap();
        let status = json["status"].as_str().unwrap();
        match reply.status {
            200 => status.to_owned(),
            other => format!("{status} {other}"),
        }
    }

    fn register(&mut self, secret: usize, address: &str) {
        assert_eq!(
            self.ask(secret, address, 0, r#"{"name":"a"}"#),
            "need_challenge"
        );
        assert_eq!(self.ask(secret, address, 0, r#"{"name":"a"}"#), "success");
    }

    fn delete(&mut self, secret: usize, address: &str) -> String {
        self.send(secret, address.parse().unwrap(), Action::Delete)
    }

    /// The names of the servers in the list, each with its addresses.
    fn list(&self) -> Vec<(String, Vec<String>)> {
        let json = self.shown.json();
        let json: Value = serde_json::from_slice(&json).unwrap();
        let servers = json["servers"].as_array().unwrap().iter();
        servers
            .map(|server| {
                let name = server["info"]["name"].as_str().unwrap().to_owned();
                let addresses = server["addresses"].as_array().unwrap().iter();
                let text = |it: &Value| it.as_str().unwrap().to_owned();
                (name, addresses.map(text).collect())
            })
            .collect()
    }

    /// The list of a later run, with what this one has kept, after it was away for some time.
    fn restarted(&mut self, away: Duration) -> Self {
        let (shown, now, wall) = self.kept.take().expect("it is kept");
        let file = StoredList::new(&[7; 32], &shown.servers, now, wall);
        let file = serde_json::to_vec(&file).unwrap();
        let stored: StoredList = serde_json::from_slice(&file).unwrap();
        assert_eq!(stored.seed(), Some([7; 32]));
        // The clocks of two runs have nothing in common.
        let (now, wall) = (self.now + SECOND * 1_000, self.wall + away);
        let mut master = Master::new(Limits::default(), &[7; 32]);
        master.restore(stored.servers, now, wall);
        let mut later = Self::of(master);
        later.tokens.clone_from(&self.tokens);
        (later.now, later.wall) = (now, wall);
        later.hear(News::Second);
        later
    }

    fn names(&self) -> Vec<String> {
        self.list().into_iter().map(|(name, _)| name).collect()
    }
}

#[test]
fn all_addresses_of_a_secret_are_one_server() {
    let mut net = Net::new();
    for address in [SIX6, SEVEN, SIX] {
        net.register(0, address);
    }
    let addresses = [SIX, SEVEN, SIX6].map(str::to_owned).to_vec();
    assert_eq!(net.list(), [("a".to_owned(), addresses)]);
    assert_eq!(net.published.len(), 1);
    assert_eq!(net.published[&1].addresses[0].to_string(), SIX);
}

#[test]
fn a_token_of_another_address_or_protocol_proves_nothing() {
    let mut net = Net::new();
    net.register(0, SIX);
    let token = net.tokens[&SIX.parse().unwrap()].clone();
    for other in [SEVEN, SIX6, "tw-0.6+udp://192.0.2.1:8304"] {
        net.tokens.insert(other.parse().unwrap(), token.clone());
        assert_eq!(net.ask(0, other, 0, ""), "need_challenge");
    }
    assert_eq!(net.list()[0].1, [SIX]);
}

#[test]
fn the_serial_says_which_information_is_the_newest() {
    let mut net = Net::new();
    net.register(0, SIX);
    // (serial, body, answer, name in the list after it)
    for (serial, body, answer, name) in [
        (0, "", "success", "a"),
        (0, r#"{"name":"ignored"}"#, "success", "a"),
        (1, "", "need_info", "a"),
        (1, "not json", "error 415", "a"),
        (1, "[1]", "error 400", "a"),
        (1, r#"{"name":"b"}"#, "success", "b"),
        (0, r#"{"name":"older"}"#, "success", "b"),
        (1, "", "success", "b"),
        (7, r#"{"name":"c"}"#, "success", "c"),
    ] {
        assert_eq!(net.ask(0, SIX, serial, body), answer, "{serial} {body}");
        assert_eq!(net.names(), [name], "{serial} {body}");
    }
    // The other protocol brings only the new serial.
    net.ask(0, SEVEN, 7, "");
    assert_eq!(net.ask(0, SEVEN, 7, ""), "success");
    assert_eq!(net.list()[0].1.len(), 2);
}

#[test]
fn the_information_is_not_asked_for_before_the_address_is_proven() {
    let mut net = Net::new();
    assert_eq!(net.ask(0, SIX, 3, ""), "need_challenge");
    assert_eq!(net.ask(0, SIX, 3, ""), "need_info");
    assert_eq!(net.names(), [""; 0]);
    assert_eq!(net.ask(0, SIX, 3, r#"{"name":"a"}"#), "success");
}

#[test]
fn an_address_leaves_thirty_seconds_after_its_last_success() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(0, SEVEN);
    net.pass(SECOND * 29);
    assert_eq!(net.ask(0, SIX, 0, ""), "success");
    // Requests that are refused refresh nothing.
    assert_eq!(net.ask(0, SEVEN, 1, "[]"), "error 400");
    net.pass(SECOND);
    assert_eq!(net.list()[0].1, [SIX]);
    net.pass(SECOND * 28);
    assert_eq!(net.names(), ["a"]);
    net.pass(SECOND);
    assert_eq!(net.names(), [""; 0]);
    assert!(net.published.is_empty());
    // One that comes back is known, and for a while needs to say nothing again.
    assert_eq!(net.ask(0, SIX, 0, ""), "success");
    assert_eq!(net.names(), ["a"]);
    net.pass(SECOND * 30);
    net.pass(SECOND * 60);
    assert_eq!(net.ask(0, SIX, 0, ""), "need_info");
}

#[test]
fn a_server_that_was_restarted_takes_its_address_along() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(0, SIX6);
    assert_eq!(net.ask(1, SIX, 0, r#"{"name":"again"}"#), "success");
    assert_eq!(
        net.list(),
        [
            ("again".to_owned(), vec![SIX.to_owned()]),
            ("a".to_owned(), vec![SIX6.to_owned()]),
        ]
    );
    assert_eq!(net.published.len(), 2);
    assert_eq!(net.ask(1, SIX6, 0, ""), "success");
    assert_eq!(net.names(), ["again"]);
    assert_eq!(net.published.len(), 1);
}

#[test]
fn a_delete_takes_all_addresses_along_and_needs_the_secret() {
    let mut net = Net::new();
    for address in [SIX, SEVEN, SIX6] {
        net.register(0, address);
    }
    assert_eq!(net.delete(1, SIX), "error 400");
    assert_eq!(net.delete(0, "tw-0.6+udp://192.0.2.9:8303"), "error 400");
    assert_eq!(net.names(), ["a"]);
    assert_eq!(net.delete(0, SIX), "success");
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
    assert_eq!(net.delete(0, SEVEN), "error 400");
    // As `sv_register 0` and then `1`: the old token and no body.
    assert_eq!(net.ask(0, SIX, 0, ""), "success");
    assert_eq!(net.names(), ["a"]);
}

#[test]
fn servers_of_the_registry_are_among_the_others_once() {
    let mut net = Net::new();
    net.register(0, SIX);
    let native = |name: &str, address: &str| Native {
        addresses: vec![address.parse().unwrap()],
        info: Info::parse(format!("{{\"name\":\"{name}\"}}").as_bytes()).unwrap(),
        location: Some("eu".into()),
    };
    let elsewhere = "tw-0.6+udp://192.0.2.2:8303";
    net.hear(News::Natives(vec![
        (1, Some(native("native", elsewhere))),
        (2, Some(native("the same again", SEVEN))),
    ]));
    assert_eq!(net.names(), ["a", "native"]);
    assert_eq!(
        net.published.len(),
        1,
        "only what has registered is published"
    );
    let json = String::from_utf8(net.shown.json()).unwrap();
    assert!(json.contains(r#""location":"eu","info":{"#), "{json}");
    net.delete(0, SIX);
    assert_eq!(net.names(), ["native", "the same again"]);
    net.hear(News::Natives(vec![(1, None)]));
    assert_eq!(net.names(), ["the same again"]);
}
