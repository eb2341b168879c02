//! Servers that announce themselves, with a clock of their own.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::peers::Lobby as _;

const SECOND: Duration = Duration::from_secs(1);
const HOST: [u8; 4] = [192, 0, 2, 1];

/// A list, with everything that it has shown and asked.
struct Net {
    list: List,
    now: Instant,
    wall: SystemTime,
    pings: Vec<Ping>,
    shown: Shown,
    published: BTreeMap<u64, Listed>,
    kept: Option<(Shown, Instant, SystemTime)>,
}

impl Net {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            list: List::new(limits),
            now: metaserve::time::now() + SECOND * 10_000,
            wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            pings: Vec::new(),
            shown: Shown::default(),
            published: BTreeMap::new(),
            kept: None,
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Option<(u16, String)> {
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::Send(_, message) => {
                    let reply = Reply::decode(message).unwrap();
                    let text = String::from_utf8(reply.body.to_vec()).unwrap();
                    answer = Some((reply.status, text));
                }
                Effect::Close(_) => assert!(answer.is_some()),
                Effect::List(id, listed) => drop(self.published.insert(id, listed)),
                Effect::Unlist(id) => drop(self.published.remove(&id)),
                Effect::Errand(Errand::Ping(ping)) => self.pings.push(ping),
                Effect::Errand(Errand::Show(shown)) => self.shown = shown,
                Effect::Errand(Errand::Keep(shown, now, wall)) => {
                    self.kept = Some((shown, now, wall));
                }
            }
        }
        answer
    }

    fn ask_from(
        &mut self,
        from: [u8; 4],
        json: &Value,
        resolved: Option<Vec<IpAddr>>,
    ) -> (u16, String) {
        let announcement = Announcement::from_json(json.to_string().as_bytes()).unwrap();
        let asked = Asked {
            from: from.into(),
            announcement,
            resolved,
        };
        let event = Event::Asks(Box::new(asked));
        let effects = self.list.handle(ConnectionId(1), event, self.now);
        self.carry_out(effects).expect("an answer")
    }

    fn ask(&mut self, json: &Value) -> u16 {
        self.ask_from(HOST, json, None).0
    }

    /// The oldest ping ends.
    fn ponged(&mut self, took: Option<f64>) {
        let ping = self.pings.remove(0);
        let event = Event::Pinged(ping, took);
        let effects = self.list.handle(ConnectionId(0), event, self.now);
        self.carry_out(effects);
    }

    fn hear(&mut self, news: News) {
        let effects = self.list.hear(news, self.now, self.wall);
        self.carry_out(effects);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.wall += time;
        self.hear(News::Second);
    }

    fn list(&self) -> Vec<Map<String, Value>> {
        let list: Value = serde_json::from_slice(&self.shown.json()).unwrap();
        let total = list["total"]["servers"].as_u64().unwrap();
        let items = list["list"].as_array().unwrap();
        assert_eq!(items.len() as u64, total);
        items
            .iter()
            .map(|it| it.as_object().unwrap().clone())
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let name = |it: &Map<String, Value>| it["name"].as_str().unwrap().to_owned();
        self.list().iter().map(name).collect()
    }
}

fn update(port: u16, name: &str) -> Value {
    json!({
        "action": "update", "address": "", "port": port, "name": name, "description": "d",
        "version": "5.6.1", "gameid": "minetest_game", "clients": 0, "clients_list": ["Ana"],
        "clients_max": 7, "uptime": 0, "game_time": 0, "lag": 0.1,
    })
}

fn start(port: u16, name: &str) -> Value {
    let mut start = update(port, name);
    start["action"] = "start".into();
    start["mods"] = json!(["stairs"]);
    start["mapgen"] = "v7".into();
    start
}

fn delete(port: u16) -> Value {
    json!({ "action": "delete", "address": "", "port": port })
}

#[test]
fn a_server_is_listed_when_it_has_answered_and_removed_when_it_ends() {
    let mut net = Net::new();
    assert_eq!(net.ask(&start(30000, "a")), 202);
    assert_eq!(net.names(), [""; 0]);
    assert_eq!(net.pings[0].targets, [SocketAddr::from((HOST, 30000))]);
    net.ponged(Some(0.25));
    let listed = &net.list()[0];
    assert_eq!(
        (&listed["address"], &listed["port"]),
        (&"192.0.2.1".into(), &30000.into())
    );
    assert_eq!(
        (&listed["ping"], &listed["clients"]),
        (&0.25.into(), &1.into())
    );
    assert!(!listed.contains_key("action"));
    assert_eq!(net.published[&1].at, SocketAddr::from((HOST, 30000)));
    let (status, text) = net.ask_from(HOST, &delete(30000), None);
    assert_eq!((status, &*text), (200, "Removed from server list."));
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
    let (status, text) = net.ask_from(HOST, &delete(30000), None);
    assert_eq!((status, &*text), (200, "Server not found."));
}

#[test]
fn a_server_that_is_silent_is_not_listed() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ponged(None);
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
}

#[test]
fn a_server_that_ends_while_it_is_pinged_is_not_listed_by_the_answer() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    assert_eq!(net.ask(&delete(30000)), 200);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), [""; 0]);
    // Nor by the answer to an older ping.
    net.ask(&start(30000, "b"));
    net.ask(&delete(30000));
    net.ask(&start(30000, "c"));
    assert_eq!(net.pings.len(), 2);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), [""; 0]);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), ["c"]);
}

#[test]
fn what_is_said_only_at_the_start_stays() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.ask(&update(30000, "b"));
    net.ponged(Some(0.1));
    let listed = &net.list()[0];
    assert_eq!(
        (&listed["name"], &listed["mods"]),
        (&"b".into(), &json!(["stairs"]))
    );
    assert_eq!(
        (&listed["mapgen"], &listed["lag"]),
        (&"v7".into(), &0.1.into())
    );
    // A new start says it anew.
    let mut again = start(30000, "c");
    again.as_object_mut().unwrap().remove("mapgen");
    net.ask(&again);
    net.ponged(Some(0.1));
    assert!(!net.list()[0].contains_key("mapgen"));
}

#[test]
fn an_update_of_an_unknown_server_lists_it_after_a_ping() {
    let mut net = Net::new();
    assert_eq!(net.ask(&update(30000, "a")), 202);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), ["a"]);
    assert!(!net.list()[0].contains_key("mods"));
}

#[test]
fn the_start_is_not_forgotten_because_of_an_update_before_the_answer() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ask(&update(30000, "b"));
    assert_eq!(net.pings.len(), 1, "one ping in flight");
    net.ponged(Some(0.1));
    assert_eq!(net.names(), ["b"]);
}

#[test]
fn an_address_must_be_where_the_request_comes_from() {
    let mut net = Net::new();
    let mut named = start(30000, "a");
    named["address"] = "play.example.org".into();
    let stranger: IpAddr = [203, 0, 113, 7].into();
    assert_eq!(net.ask_from(HOST, &named, Some(vec![stranger])).0, 400);
    assert!(net.pings.is_empty(), "nobody can have strangers pinged");
    let both = vec![HOST.into(), "2001:db8::1".parse().unwrap()];
    assert_eq!(net.ask_from(HOST, &named, Some(both)).0, 202);
    assert_eq!(net.pings[0].targets.len(), 2, "all have to answer");
    net.ponged(Some(0.1));
    assert_eq!(net.list()[0]["address"], "play.example.org");
    assert_eq!(net.published[&1].at.ip(), IpAddr::from(HOST));
}

#[test]
fn fields_that_the_public_list_requires_are_required() {
    for field in ["uptime", "game_time"] {
        let mut net = Net::new();
        let mut lacking = start(30000, "a");
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(net.ask(&lacking), 400, "{field}");
        assert!(net.pings.is_empty());
    }
}

#[test]
fn a_server_that_is_silent_for_long_is_pinged_and_then_dropped() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.pass(SECOND * 349);
    assert!(net.pings.is_empty());
    // A lost update costs nothing, if the server answers.
    net.pass(SECOND);
    net.ponged(Some(0.3));
    assert_eq!(net.list()[0]["ping"], 0.3);
    net.pass(SECOND * 299);
    assert_eq!(net.names(), ["a"]);
    net.pass(SECOND);
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
    // One that does not answer leaves at once.
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.pass(SECOND * 350);
    net.ponged(None);
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
}

#[test]
fn a_restart_of_the_list_is_not_noticed() {
    let mut net = Net::new();
    for (port, name) in [(30000, "a"), (30001, "b")] {
        net.ask(&start(port, name));
        net.ponged(Some(0.1));
    }
    net.pass(SECOND * 300);
    net.ask(&update(30000, "a"));
    net.ponged(Some(0.2));
    net.pass(SECOND);
    let (shown, now, wall) = net.kept.take().unwrap();
    let file = serde_json::to_vec(&StoredList::new(&shown, now, wall)).unwrap();
    let mut later = Net::new();
    (later.now, later.wall) = (net.now + SECOND * 5_000, net.wall + SECOND * 349);
    let stored = serde_json::from_slice(&file).unwrap();
    later.list.restore(stored, later.now, later.wall);
    later.hear(News::Second);
    assert_eq!(later.names(), ["a"], "the other one is too old");
    let listed = &later.list()[0];
    assert_eq!(
        (&listed["mods"], &listed["ping"]),
        (&json!(["stairs"]), &0.2.into())
    );
    assert_eq!(later.shown.most.servers, 2);
    assert_eq!(later.published.len(), 1);
    // It may have ended while the list was away.
    later.ponged(None);
    assert_eq!((later.names(), later.published.len()), (vec![], 0));
}

#[test]
fn announcements_of_one_server_and_servers_of_one_host_have_limits() {
    let mut net = Net::with(Limits {
        per_host: 3,
        pinged_per_host: 2,
        servers: 4,
        ..Limits::default()
    });
    for _ in 0..4 {
        assert_eq!(net.ask(&start(1, "a")), 202);
    }
    assert_eq!(net.ask(&start(1, "a")), 429);
    net.now += SECOND * 5;
    assert_eq!(net.ask(&start(1, "a")), 202);
    assert_eq!(net.ask(&start(2, "b")), 202);
    assert_eq!(net.ask(&start(3, "c")), 429, "two are pinged");
    net.ponged(Some(0.1));
    net.ponged(Some(0.1));
    assert_eq!(net.ask(&start(3, "c")), 202);
    assert_eq!(net.ask(&start(4, "d")), 403);
    assert_eq!(net.ask_from([192, 0, 2, 2], &start(1, "e"), None).0, 202);
    assert_eq!(net.ask_from([192, 0, 2, 3], &start(1, "f"), None).0, 503);
    for _ in 0..9 {
        assert_eq!(net.ask(&delete(9)), 200, "deletes are not limited");
    }
}

#[test]
fn banned_hosts_leave_the_list() {
    let mut net = Net::new();
    net.ask(&start(1, "a"));
    net.ponged(Some(0.1));
    net.ask(&start(2, "b"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    net.hear(News::Bans(Arc::new(Bans::read(file.path()).unwrap())));
    net.ponged(Some(0.1));
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
}

#[test]
fn servers_of_the_registry_are_among_the_others_once() {
    let mut net = Net::new();
    net.ask(&start(1, "a"));
    net.ponged(Some(0.1));
    let native = |name: &str, port: u16| Native {
        addresses: vec![(HOST, port).into()],
        fields: serde_json::from_value(json!({ "name": name, "clients": 3 })).unwrap(),
    };
    net.hear(News::Natives(vec![
        (1, Some(native("native", 2))),
        (2, Some(native("the same again", 1))),
    ]));
    let mut names = net.names();
    names.sort();
    assert_eq!(names, ["a", "native"]);
    assert_eq!(net.shown.totals().clients, 4);
    assert_eq!(net.published.len(), 1);
    net.hear(News::Natives(vec![(1, None)]));
    assert_eq!(net.names(), ["a"]);
    assert_eq!(net.shown.most.servers, 2);
}

proptest! {
    /// Whatever servers do and however pings end, what is published is what is listed, each server
    /// was asked since it announced itself, and at the end nothing is left over.
    #[test]
    fn what_is_published_is_what_is_listed(
        steps in prop::collection::vec((0..6_u8, 1..4_u16, any::<bool>()), 0..80)
    ) {
        let mut net = Net::new();
        for (step, port, flag) in steps {
            match step {
                0 => drop(net.ask(&start(port, "a"))),
                1 => drop(net.ask(&update(port, "a"))),
                2 => drop(net.ask(&delete(port))),
                3 | 4 if !net.pings.is_empty() => net.ponged(flag.then_some(0.1)),
                _ => net.pass(SECOND * u32::from(port) * 80),
            }
            prop_assert_eq!(net.names().len(), net.published.len());
            let mut in_flight: Vec<Key> = net.list.pinged.keys().copied().collect();
            in_flight.sort_unstable();
            let mut asked: Vec<Key> = net.pings.iter().map(|it| it.key).collect();
            asked.sort_unstable();
            asked.dedup();
            prop_assert!(in_flight.iter().all(|it| asked.contains(it)));
        }
        while !net.pings.is_empty() {
            net.ponged(None);
        }
        net.pass(SECOND * 10_000);
        while !net.pings.is_empty() {
            net.ponged(None);
        }
        prop_assert!(net.list.pinged.is_empty());
        prop_assert!(net.names().is_empty() && net.published.is_empty());
    }
}
