//! Servers that register, in words of the protocol and with a clock of their own.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{ddnet::stored::StoredList, peers::Lobby as _, web::Reply};

const SECRETS: [&str; 3] = [
    "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
    "1ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
    "2ad36cca-85e8-4e39-a7e7-70d33ba47b8c",
];
const SIX: &str = "tw-0.6+udp://192.0.2.1:8303";
const SEVEN: &str = "tw-0.7+udp://192.0.2.1:8303";
const SIX6: &str = "tw-0.6+udp://[2001:db8::1]:8303";
const SECOND: Duration = Duration::from_secs(1);

/// A list, with everything that it has shown and sent.
struct Net {
    master: Master,
    now: Instant,
    wall: SystemTime,
    /// The tokens that arrived, by address.
    tokens: BTreeMap<Address, String>,
    challenges: usize,
    shown: Shown,
    published: BTreeMap<u64, Listed>,
    kept: Option<(Servers, Instant, SystemTime)>,
}

impl Net {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            master: Master::new(limits, &[7; 32]),
            now: metaserve::time::now(),
            wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            tokens: BTreeMap::new(),
            challenges: 0,
            shown: Shown::default(),
            published: BTreeMap::new(),
            kept: None,
        }
    }

    /// Carries out what the list wants, and returns what it answers.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Option<String> {
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::Send(_, message) => {
                    let reply = Reply::decode(message).unwrap();
                    let json: Value = serde_json::from_slice(&reply.body).unwrap();
                    let status = json["status"].as_str().unwrap();
                    answer = Some(match reply.status {
                        200 => status.to_owned(),
                        other => format!("{status} {other}"),
                    });
                }
                Effect::Close(_) => assert!(answer.is_some(), "closed without an answer"),
                Effect::List(id, listed) => {
                    assert!(!listed.addresses.is_empty());
                    self.published.insert(id, listed);
                }
                Effect::Unlist(id) => drop(self.published.remove(&id)),
                Effect::Errand(Errand::Challenge(to, datagram)) => {
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
                Effect::Errand(Errand::Show(shown)) => self.shown = shown,
                Effect::Errand(Errand::Keep(servers, now, wall)) => {
                    self.kept = Some((servers, now, wall));
                }
            }
        }
        answer
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
        let event = Event::Asks(Box::new(request), self.wall);
        let effects = self.master.handle(ConnectionId(1), event, self.now);
        self.carry_out(effects).expect("an answer")
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

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.wall += time;
        self.hear(News::Second);
    }

    fn hear(&mut self, news: News) {
        let effects = self.master.hear(news, self.now, self.wall);
        self.carry_out(effects);
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
fn a_restart_of_the_list_is_not_noticed() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(1, SIX6);
    net.pass(SECOND * 20);
    assert_eq!(net.ask(0, SIX, 0, ""), "success");
    net.pass(SECOND);
    let (servers, now, wall) = net.kept.take().unwrap();
    let file = serde_json::to_vec(&StoredList::new(&[7; 32], &servers, now, wall)).unwrap();
    let stored: StoredList = serde_json::from_slice(&file).unwrap();
    assert_eq!(stored.seed(), Some([7; 32]));
    // The list was away for 9 s: the second server is too old by then.
    let mut later = Net::new();
    later.tokens.clone_from(&net.tokens);
    (later.now, later.wall) = (net.now + SECOND * 1_000, net.wall + SECOND * 9);
    later.master.restore(stored.servers, later.now, later.wall);
    later.hear(News::Second);
    assert_eq!(later.list(), [("a".to_owned(), vec![SIX.to_owned()])]);
    assert_eq!(later.ask(0, SIX, 0, ""), "success");
    assert_eq!(later.ask(1, SIX6, 0, ""), "success");
    assert_eq!((later.names().len(), later.published.len()), (2, 2));
    assert_eq!(later.challenges, 0);
}

#[test]
fn a_token_of_the_last_hour_is_good_and_brings_a_new_one() {
    let mut net = Net::new();
    net.register(0, SIX);
    for _ in 0..5 {
        net.pass(Duration::from_secs(1_800));
        // The server has been away from the list, and its information is forgotten.
        let before = net.challenges;
        assert_eq!(net.ask(0, SIX, 0, r#"{"name":"a"}"#), "success");
        let renewed = net.challenges - before;
        assert!(renewed <= 1);
    }
    assert!(net.challenges >= 3, "{}", net.challenges);
    net.pass(Duration::from_secs(7_200));
    assert_eq!(net.ask(0, SIX, 0, ""), "need_challenge");
}

#[test]
fn challenges_to_one_address_are_few() {
    let mut net = Net::new();
    for _ in 0..100 {
        net.tokens.clear();
        assert_eq!(net.ask(0, SIX, 0, ""), "need_challenge");
    }
    assert_eq!(net.challenges, 5);
    net.pass(SECOND * 15);
    net.tokens.clear();
    net.ask(0, SIX, 0, "");
    assert_eq!(net.challenges, 6);
}

#[test]
fn one_host_and_all_of_them_have_limits() {
    let mut net = Net::with(Limits {
        servers: 2,
        per_host: 2,
        info_bytes: 100,
        ..Limits::default()
    });
    let third = "tw-0.6+udp://192.0.2.1:8304";
    net.register(0, SIX);
    net.register(0, SEVEN);
    net.ask(0, third, 0, "");
    assert_eq!(net.ask(0, third, 0, ""), "error 429");
    net.register(1, SIX6);
    let other = "tw-0.6+udp://192.0.2.7:8303";
    net.ask(2, other, 0, "{}");
    assert_eq!(net.ask(2, other, 0, "{}"), "error 503");
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(100));
    assert_eq!(net.ask(1, SIX6, 1, &long), "error 503");
    assert_eq!(net.ask(1, SIX6, 0, ""), "success", "it stays as it was");
    // Room is given back.
    assert_eq!(net.delete(0, SIX), "success");
    assert_eq!(net.ask(1, third, 0, ""), "success");
}

#[test]
fn banned_hosts_leave_the_list() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(1, SIX6);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    let bans = Bans::read(file.path()).unwrap();
    net.hear(News::Bans(Arc::new(bans)));
    assert_eq!(net.list()[0].1, [SIX6]);
    assert_eq!(net.published.len(), 1);
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

#[test]
fn addresses_that_nobody_can_join_are_refused() {
    let mut net = Net::new();
    assert_eq!(
        net.ask(0, "tw-0.6+udp://169.254.1.1:8303", 0, "{}"),
        "error 400"
    );
    assert_eq!(net.challenges, 0);
}

/// A step of the model.
#[derive(Clone, Debug)]
enum Step {
    Register {
        server: usize,
        address: usize,
        serial: u64,
        body: bool,
    },
    Delete {
        server: usize,
        address: usize,
    },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize, 0..4_usize, 0..3_u64, any::<bool>()).prop_map(
            |(server, address, serial, body)| Step::Register { server, address, serial, body }
        ),
        1 => (0..3_usize, 0..4_usize)
            .prop_map(|(server, address)| Step::Delete { server, address }),
        2 => (1..40_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever servers do, each address is in the list once, and until 30 s after its last
    /// success; what is published is what is listed; and nothing is left over.
    #[test]
    fn every_address_is_listed_once_and_no_longer_than_it_should_be(steps in steps()) {
        const ADDRESSES: [&str; 4] = [SIX, SEVEN, SIX6, "tw-0.6+udp://192.0.2.7:1"];
        let mut net = Net::new();
        for address in ADDRESSES {
            net.ask(0, address, 0, "");
        }
        let mut owners: BTreeMap<&str, (usize, Instant)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Register { server, address, serial, body } => {
                    let address = ADDRESSES[address];
                    let body = if body { format!("{{\"name\":\"{server}\"}}") } else { String::new() };
                    if net.ask(server, address, serial, &body) == "success" {
                        owners.insert(address, (server, net.now));
                    }
                }
                Step::Delete { server, address } => {
                    let address = ADDRESSES[address];
                    let owns = owners.get(address).is_some_and(|it| it.0 == server);
                    prop_assert_eq!(net.delete(server, address) == "success", owns);
                    owners.retain(|_, it| !(owns && it.0 == server));
                }
                Step::Pass(seconds) => {
                    net.pass(SECOND * seconds as u32);
                    owners.retain(|_, it| net.now - it.1 < SECOND * 30);
                }
            }
            let listed: BTreeMap<String, usize> = net
                .list()
                .into_iter()
                .flat_map(|(name, addresses)| {
                    addresses.into_iter().map(move |it| (it, name.parse().unwrap()))
                })
                .collect();
            let expected = owners.iter().map(|(address, it)| ((*address).to_owned(), it.0));
            prop_assert_eq!(&listed, &expected.collect::<BTreeMap<_, _>>());
            let published = net.published.values().map(|it| it.addresses.len()).sum::<usize>();
            prop_assert_eq!(published, owners.len());
        }
        for _ in 0..2 {
            net.pass(SECOND * 100);
        }
        let entries = &net.master.entries;
        prop_assert!(entries.servers().is_empty() && net.published.is_empty());
        prop_assert!(entries.is_clear());
    }
}
