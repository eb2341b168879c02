//! Servers that announce themselves, with a clock of their own.

mod limits;
mod states;

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::*;
use crate::web::{
    News,
    net::{self, SECOND},
};

const HOST: [u8; 4] = [192, 0, 2, 1];

/// A list, with the pings that it has asked for.
struct Net(net::Net<List>);

impl Deref for Net {
    type Target = net::Net<List>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Net {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Net {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self(net::Net::new(List::new(limits)))
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
        let reply = self.0.ask(asked);
        (
            reply.status,
            String::from_utf8(reply.body.to_vec()).unwrap(),
        )
    }

    fn ask(&mut self, json: &Value) -> u16 {
        self.ask_from(HOST, json, None).0
    }

    /// The oldest ping ends.
    fn ponged(&mut self, took: Option<f64>) {
        let ping = self.work.remove(0);
        self.done(Pinged { ping, took });
    }

    fn rows(&self) -> Vec<Map<String, Value>> {
        let list: Value = serde_json::from_slice(&self.shown.json()).unwrap();
        let total = list["total"]["servers"].as_u64().unwrap();
        let items = list["list"].as_array().unwrap();
        assert_eq!(items.len() as u64, total);
        items
            .iter()
            .map(|it| it.as_object().unwrap().clone())
            .collect()
    }

    /// The list of a later run, with what this one has kept, after it was away for some time.
    fn restarted(&mut self, away: Duration) -> Self {
        let (shown, now, wall) = self.kept.take().expect("it is kept");
        let file = serde_json::to_vec(&StoredList::new(&shown.servers, now, wall)).unwrap();
        let stored = serde_json::from_slice(&file).unwrap();
        // The clocks of two runs have nothing in common.
        let (now, wall) = (self.now + SECOND * 5_000, self.wall + away);
        let mut list = List::new(Limits::default());
        list.restore(stored, now, wall);
        let mut later = Self(net::Net::new(list));
        (later.now, later.wall) = (now, wall);
        later.hear(News::Second);
        later
    }

    fn names(&self) -> Vec<String> {
        let name = |it: &Map<String, Value>| it["name"].as_str().unwrap().to_owned();
        self.rows().iter().map(name).collect()
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
    assert_eq!(net.work[0].targets, [SocketAddr::from((HOST, 30000))]);
    net.ponged(Some(0.25));
    let listed = &net.rows()[0];
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
fn what_is_said_only_at_the_start_stays() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.ask(&update(30000, "b"));
    net.ponged(Some(0.1));
    let listed = &net.rows()[0];
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
    assert!(!net.rows()[0].contains_key("mapgen"));
}

#[test]
fn an_update_of_an_unknown_server_lists_it_after_a_ping() {
    let mut net = Net::new();
    assert_eq!(net.ask(&update(30000, "a")), 202);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), ["a"]);
    assert!(!net.rows()[0].contains_key("mods"));
}

#[test]
fn the_start_is_not_forgotten_because_of_an_update_before_the_answer() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ask(&update(30000, "b"));
    assert_eq!(net.work.len(), 1, "one ping in flight");
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
    assert!(net.work.is_empty(), "nobody can have strangers pinged");
    let both = vec![HOST.into(), "2001:db8::1".parse().unwrap()];
    assert_eq!(net.ask_from(HOST, &named, Some(both)).0, 202);
    assert_eq!(net.work[0].targets.len(), 2, "all have to answer");
    net.ponged(Some(0.1));
    assert_eq!(net.rows()[0]["address"], "play.example.org");
    assert_eq!(net.published[&1].at.ip(), IpAddr::from(HOST));
}

#[test]
fn fields_that_the_public_list_requires_are_required() {
    for field in ["uptime", "game_time"] {
        let mut net = Net::new();
        let mut lacking = start(30000, "a");
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(net.ask(&lacking), 400, "{field}");
        assert!(net.work.is_empty());
    }
}

#[test]
fn two_rows_of_one_address_in_the_registry_are_shown_once() {
    let mut net = Net::new();
    let native = |name: &str, ports: &[u16]| Native {
        addresses: ports.iter().map(|port| (HOST, *port).into()).collect(),
        fields: serde_json::from_value(json!({ "name": name, "clients": 3 })).unwrap(),
    };
    net.hear(News::Natives(vec![
        (1, Some(native("by itself", &[1, 2]))),
        (2, Some(native("by another bridge", &[2]))),
        (3, Some(native("elsewhere", &[3]))),
    ]));
    let mut names = net.names();
    names.sort();
    assert_eq!(names, ["by itself", "elsewhere"]);
    assert_eq!(net.shown.totals().clients, 6);
    net.hear(News::Natives(vec![(1, None)]));
    let mut names = net.names();
    names.sort();
    assert_eq!(names, ["by another bridge", "elsewhere"], "it is not lost");
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
    assert_eq!(net.shown.servers.most.servers, 2);
}
