//! The lobby, in its users' words. What the transcripts show is not repeated here.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use super::*;
use crate::vcmi::handshake::Role;

mod chaos;

/// A lobby with people around it, and a clock that we turn.
struct Scene {
    lobby: Lobby,
    now: Instant,
    next: u64,
    /// What each has been told and not read yet.
    told: HashMap<ConnectionId, String>,
    closed: HashSet<ConnectionId>,
    listed: BTreeMap<RoomId, OpenRoom>,
}

impl Scene {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let rules = Rules {
            limits,
            statistics: true,
        };
        Self {
            lobby: Lobby::new(rules, Uuids::from_seed([1; 32])),
            now: Instant::now(),
            next: 0,
            told: HashMap::new(),
            closed: HashSet::new(),
            listed: BTreeMap::new(),
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(to, bytes) => {
                    assert!(!self.closed.contains(&to), "told something after the end");
                    let text = std::str::from_utf8(&bytes).unwrap();
                    self.told.entry(to).or_default().push_str(text);
                }
                Effect::Close(who) => assert!(self.closed.insert(who), "closed twice"),
                Effect::List(id, room) => {
                    self.listed.insert(id, room);
                }
                Effect::Unlist(id) => assert!(self.listed.remove(&id).is_some(), "not listed"),
            }
        }
    }

    fn happens(&mut self, who: ConnectionId, what: Event) {
        let effects = self.lobby.handle(who, what, self.now);
        self.carry_out(effects);
    }

    /// Somebody whose first frame is about to come.
    fn stranger(&mut self) -> ConnectionId {
        let who = ConnectionId(self.next);
        self.next += 1;
        self.happens(who, Event::Accepted([192, 0, 2, 1].into()));
        self.happens(
            who,
            Event::Entered {
                local: "192.0.2.9:5002".parse().unwrap(),
            },
        );
        who
    }

    fn greets(&mut self, who: ConnectionId, version: u8, name: &str) {
        let text = format!("\u{4}utf8<GREETINGS>{name}<VER>VCMI 1.4.0");
        let payload = [&[version], text.as_bytes()].concat();
        self.happens(who, Event::Frame(payload.into()));
    }

    /// Somebody who has logged in; nobody has anything left to read.
    fn user(&mut self, version: u8, name: &str) -> ConnectionId {
        let who = self.stranger();
        self.greets(who, version, name);
        assert!(self.lobby.is_authorised(who), "{}", self.reads(who));
        self.told.clear();
        who
    }

    fn says(&mut self, who: ConnectionId, text: &str) {
        self.happens(who, Event::Frame(Bytes::copy_from_slice(text.as_bytes())));
    }

    /// Everything that somebody was told since the last time.
    fn reads(&mut self, who: ConnectionId) -> String {
        self.told.remove(&who).unwrap_or_default()
    }

    /// An open room `castle` of a host and guests, all having read everything.
    fn castle(&mut self, host: ConnectionId, guests: &[ConnectionId]) {
        self.says(host, "<NEW>castle<PSWD><COUNT>8");
        for guest in guests {
            self.says(*guest, "<JOIN>castle<PSWD>");
        }
        self.told.clear();
    }
}

#[test]
fn a_user_cannot_forge_messages_in_chat_rooms_mods_or_versions() {
    let mut scene = Scene::new();
    let [eve, bob] = ["eve", "bob"].map(|name| scene.user(5, name));
    scene.says(
        eve,
        "<VER>1:>>START:u\n2<NEW>room>>x<COUNT>2<MODS>a:>>b&>>START:u;x\ny&1",
    );
    scene.reads(bob);
    scene.says(bob, "<JOIN>room>>x<PSWD><MODS>>>START:u&:>>START:u");
    scene.says(eve, "<MSG>:>>START:u<MSG>>>START:u<KICK>:>>x<JOIN>:>>y");
    let read = scene.reads(bob) + &scene.reads(eve);
    assert!(!read.contains(":>>START"), "{read}");
    assert!(
        read.contains(":>>MSGCH:eve:global:: >>START:u:>>"),
        "{read}"
    );
    assert!(read.contains(":>>MSGCH:eve:global: >>START:u"), "{read}");
    assert!(
        read.contains("differs from host version 1: >>START:u2, which"),
        "{read}"
    );
    assert!(read.contains(":>>MODS:2:a_>>b: >>START_u:xy:1"), "{read}");
    assert!(
        read.contains(":>>MODSOTHER:bob:1: >>START_u:_>>START_u"),
        "{read}"
    );
}

#[test]
fn room_names_that_would_break_lists_are_refused() {
    let mut scene = Scene::new();
    let eve = scene.user(5, "eve");
    for name in ["a:b", "two\nlines", ">>SESSIONS"] {
        scene.says(eve, &format!("<NEW>{name}<COUNT>2"));
        let read = scene.reads(eve);
        assert!(
            read.starts_with(":>>ERROR:Cannot create session with invalid name "),
            "{read}"
        );
    }
    scene.says(eve, "<NEW>con\u{1}trol\r<COUNT>2");
    assert!(scene.reads(eve).starts_with(":>>CREATED:control:>>"));
    scene.says(eve, "<LEAVE>con\u{1}trol\r");
    assert_eq!(scene.reads(eve), ":>>KICK:control:eve:>>SESSIONS:0");
}

#[test]
fn an_incomplete_room_is_hidden_and_full() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.says(host, "<NEW>castle");
    scene.says(guest, "<NEW>other<COUNT>2<LEAVE>other<JOIN>castle");
    let read = scene.reads(guest);
    assert!(read.contains(":>>SESSIONS:1:other:1:2:False"), "{read}");
    assert!(
        read.ends_with(":>>SESSIONS:0:>>ERROR:Room castle is full"),
        "{read}"
    );
    assert!(scene.listed.is_empty());
}

#[test]
fn of_two_who_ask_for_the_last_seat_one_gets_it() {
    let mut scene = Scene::new();
    let [host, first, second] = ["host", "first", "second"].map(|name| scene.user(5, name));
    scene.says(host, "<NEW>castle<COUNT>2");
    scene.says(first, "<JOIN>castle");
    scene.says(second, "<JOIN>castle");
    scene.told.clear();
    scene.says(first, "<PSWD>");
    scene.says(second, "<PSWD><MSG>not evaluated");
    assert!(
        scene
            .reads(first)
            .starts_with(":>>JOIN:castle:first:>>STATUS:2:")
    );
    let read = scene.reads(second);
    assert_eq!(
        read,
        ":>>SESSIONS:1:castle:2:2:False:>>ERROR:Room castle is full"
    );
}

#[test]
fn who_is_about_to_join_a_room_that_goes_stays_in_the_lobby() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[]);
    scene.says(guest, "<JOIN>castle");
    scene.says(host, "<LEAVE>castle<NEW>castle<COUNT>2");
    scene.told.clear();
    // The new castle is another one.
    scene.says(guest, "<READY>castle<KICK>host<MSG>here<PSWD>");
    let read = scene.reads(guest);
    assert_eq!(
        read,
        ":>>MSGCH:guest:global:here:>>ERROR:Room with name castle doesn't exist"
    );
    scene.says(guest, "<JOIN>castle<PSWD>");
    assert!(scene.reads(guest).starts_with(":>>JOIN:castle:guest"));
}

#[test]
fn who_is_about_to_join_can_change_their_mind() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[]);
    scene.says(guest, "<JOIN>castle<HOSTMODE>1");
    assert_eq!(scene.reads(guest), ":>>ERROR:Insuficcient permissions");
    scene.says(guest, "<LEAVE>castle<PSWD>");
    assert_eq!(
        (scene.reads(guest), scene.reads(host)),
        (String::new(), String::new())
    );
    scene.says(guest, "<NEW>other<COUNT>2");
    assert!(scene.reads(guest).starts_with(":>>CREATED:other"));
}

#[test]
fn a_guest_who_sends_a_password_again_changes_nothing() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    scene.says(guest, "<PSWD>again");
    assert_eq!(
        (scene.reads(guest), scene.reads(host)),
        (String::new(), String::new())
    );
    assert!(!scene.listed[&RoomId(0)].protected);
}

#[test]
fn kicking_the_last_one_who_was_not_ready_starts_the_game() {
    let mut scene = Scene::new();
    let [host, ready, late] = ["host", "ready", "late"].map(|name| scene.user(5, name));
    scene.castle(host, &[ready, late]);
    scene.says(host, "<READY>castle");
    scene.says(ready, "<READY>castle");
    scene.told.clear();
    scene.says(host, "<KICK>late");
    assert!(
        scene
            .reads(ready)
            .contains(":>>STATUS:2:host:True:ready:True:>>START:")
    );
    assert_eq!(scene.closed, HashSet::from([host, ready]));
    assert_eq!(
        scene.reads(late),
        ":>>KICK:castle:late:>>SESSIONS:0:>>USERS:1:late"
    );
}

#[test]
fn a_guest_who_vanishes_does_not_start_the_game() {
    let mut scene = Scene::new();
    let [host, ready, late] = ["host", "ready", "late"].map(|name| scene.user(5, name));
    scene.castle(host, &[ready, late]);
    scene.says(host, "<READY>castle");
    scene.says(ready, "<READY>castle");
    scene.told.clear();
    scene.happens(late, Event::Ended);
    let read = scene.reads(ready);
    assert!(read.starts_with(":>>KICK:castle:late:>>STATUS:2:host:True:ready:True:>>SESSIONS:"));
    assert!(scene.closed.is_empty());
}

#[test]
fn a_started_room_sends_its_players_away_and_knows_them_as_pipes() {
    let mut scene = Scene::new();
    let [host, guest, other] = ["host", "guest", "other"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    scene.says(host, "<FORCESTART>castle<MSG>too late");
    let read = scene.reads(host);
    let server: Uuid = read[8..44].parse().unwrap();
    let (_, start) = read
        .split_once(":1:>>START:")
        .expect("HOST for one other player, then START");
    assert!(start.parse::<Uuid>().is_ok(), "{read}");
    assert_eq!(scene.reads(other), ":>>SESSIONS:0:>>USERS:1:other");
    scene.says(guest, "<MSG>too late as well");
    assert_eq!(scene.reads(other), "");

    let client: Uuid = scene.reads(guest)[9..45].parse().unwrap();
    let [p, s] = [100, 101].map(ConnectionId);
    for (who, role, uuid) in [(p, Role::Client, client), (s, Role::Server, server)] {
        scene.happens(who, Event::Pipe);
        let arrival = scene.lobby.arrive(who, role, uuid, scene.now);
        assert_eq!(
            arrival,
            if who == p {
                Arrival::Waits
            } else {
                Arrival::Pairs(p)
            }
        );
    }
    scene.says(
        other,
        "<ROOT>clients<ROOT>sessions<ROOT>connections<ROOT>rooms",
    );
    let read = scene.reads(other);
    assert_eq!(
        read,
        ":>>MSG:System:2:>>MSG:System:1:>>MSG:System:1:>>MSG:System:1"
    );
    scene.now += Duration::from_secs(3_600);
    scene.lobby.expire(scene.now);
    assert_eq!(
        scene
            .lobby
            .arrive(ConnectionId(102), Role::Client, client, scene.now),
        Arrival::Waits
    );
}

#[test]
fn the_registry_sees_a_room_appear_change_and_go() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(4, name));
    scene.says(host, "<NEW>castle<PSWD>secret<MODS>wog&1");
    assert!(scene.listed.is_empty(), "not before it is open");
    scene.says(host, "<COUNT>3");
    let id = RoomId(0);
    let open = scene.listed[&id].clone();
    let expected = OpenRoom {
        name: "castle".to_owned(),
        players: 1,
        max_players: 3,
        protected: true,
        mods: vec![Mod {
            name: "wog".to_owned(),
            version: "1".to_owned(),
        }],
        version: "VCMI 1.4.0".to_owned(),
        mode: HostMode::NewGame,
        local: "192.0.2.9:5002".parse().unwrap(),
    };
    assert_eq!(open, expected);

    scene.says(guest, "<JOIN>castle<PSWD>secret");
    scene.says(host, "<HOSTMODE>1<PSWD><MODS><VER>VCMI 1.4.5");
    let open = scene.listed[&id].clone();
    assert_eq!(
        (open.players, open.protected, open.mode),
        (2, false, HostMode::LoadGame)
    );
    assert_eq!((open.mods.len(), open.version.as_str()), (0, "VCMI 1.4.5"));

    scene.happens(guest, Event::Ended);
    assert_eq!(scene.listed[&id].players, 1);
    scene.says(host, "<FORCESTART>castle");
    assert!(scene.listed.is_empty(), "gone when it starts");
}

#[test]
fn a_room_goes_from_the_registry_with_its_host() {
    let mut scene = Scene::new();
    for (name, end) in [("leaver", "<LEAVE>castle"), ("vanisher", "")] {
        let host = scene.user(5, name);
        scene.castle(host, &[]);
        assert_eq!(scene.listed.len(), 1);
        if end.is_empty() {
            scene.happens(host, Event::Ended);
        } else {
            scene.says(host, end);
        }
        assert!(scene.listed.is_empty(), "{name}");
    }
}

#[test]
fn who_answers_health_checks_stays_and_who_does_not_goes() {
    let mut scene = Scene::new();
    let [answers, talks, silent] = ["answers", "talks", "silent"].map(|name| scene.user(4, name));
    let old = scene.user(3, "old");
    scene.told.clear();
    let effects = scene.lobby.check_health();
    scene.carry_out(effects);
    for asked in [answers, talks, silent] {
        assert_eq!(scene.reads(asked), ":>>HEALTH:");
    }
    scene.says(answers, "<ALIVE>");
    scene.says(talks, "anything");
    let effects = scene.lobby.check_health();
    scene.carry_out(effects);
    assert_eq!(scene.closed, HashSet::from([silent]));
    assert_eq!(scene.reads(old), "", "versions 1 to 3 are not asked");
    assert!(
        scene
            .reads(answers)
            .ends_with(":>>USERS:3:answers:talks:old")
    );
}

#[test]
fn who_is_not_logged_in_is_not_asked_for_life() {
    let mut scene = Scene::new();
    let stranger = scene.stranger();
    scene.greets(stranger, 5, "x");
    scene.told.clear();
    assert_eq!(scene.lobby.check_health(), []);
}

#[test]
fn one_more_than_the_lobby_holds_is_told_so() {
    let mut scene = Scene::with(|limits| limits.capacity = 2);
    scene.user(5, "one");
    let two = scene.user(5, "two");
    let three = scene.stranger();
    assert_eq!(scene.reads(three), ":>>ERROR:Server is full");
    assert!(scene.closed.contains(&three));
    scene.happens(three, Event::Ended);
    scene.happens(two, Event::Ended);
    scene.user(5, "four");
}

#[test]
fn a_second_attempt_may_use_another_prefix_or_none() {
    let mut scene = Scene::new();
    let who = scene.stranger();
    scene.greets(who, 5, "ab");
    assert_eq!(scene.reads(who), ":>>ERROR:Too short username ab");
    scene.says(who, "<GREETINGS>System");
    assert_eq!(
        scene.reads(who),
        ":>>ERROR:Username System is reserved by system"
    );
    scene.greets(who, 3, "carol");
    assert!(
        scene
            .reads(who)
            .starts_with(":>>SESSIONS:0:>>MSG:System:Here available 0")
    );
}

#[test]
fn a_second_attempt_with_neither_prefix_nor_tag_is_a_wrong_version() {
    let mut scene = Scene::new();
    let who = scene.stranger();
    scene.greets(who, 5, "ab");
    scene.says(who, " <GREETINGS>carol");
    assert!(
        scene
            .reads(who)
            .ends_with("due to protocol incompatibility")
    );
    assert!(scene.closed.contains(&who));
}

#[test]
fn of_a_thousand_tags_the_first_ones_are_executed() {
    let mut scene = Scene::new();
    let who = scene.user(5, "eve");
    scene.says(who, &"<MSG>x".repeat(1_000));
    assert_eq!(scene.reads(who).matches(":>>MSGCH").count(), 64);
    assert!(scene.closed.is_empty());
}

#[test]
fn ten_thousand_rooms_from_one_client_are_one_room() {
    let mut scene = Scene::new();
    let who = scene.user(5, "eve");
    for number in 0..10_000 {
        scene.says(who, &format!("<NEW>room{number}<COUNT>2"));
    }
    scene.reads(who);
    assert_eq!((scene.lobby.rooms.len(), scene.listed.len()), (1, 1));
}

#[test]
fn sessions_of_one_client_after_the_other_are_bounded() {
    let mut scene = Scene::new();
    for _ in 0..5_000 {
        let who = scene.user(5, "eve");
        scene.says(who, "<NEW>room<COUNT>2<FORCESTART>room");
    }
    assert_eq!(scene.lobby.sessions.len(), 4_096);
}

#[test]
fn chat_in_a_room_stays_in_the_room() {
    let mut scene = Scene::new();
    let [host, guest, outside, other] =
        ["host", "guest", "outside", "other"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    for who in [host, outside, other] {
        scene.says(who, "<CHANNEL>room");
    }
    scene.says(other, "<JOIN>castle");
    scene.told.clear();
    scene.says(host, "<MSG>inside");
    scene.says(outside, "<MSG>outside");
    assert_eq!(scene.reads(host), ":>>MSGCH:host:room:inside");
    assert_eq!(scene.reads(guest), ":>>MSGCH:host:room:inside");
    // Who has not got in yet is still outside.
    assert_eq!(scene.reads(other), ":>>MSGCH:outside:room:outside");
    assert_eq!(scene.reads(outside), ":>>MSGCH:outside:room:outside");
}

#[test]
fn a_frame_that_cannot_be_taken_ends_only_its_sender() {
    let mut scene = Scene::new();
    let [eve, bob] = ["eve", "bob"].map(|name| scene.user(5, name));
    scene.castle(eve, &[bob]);
    scene.happens(eve, Event::Garbled);
    assert_eq!(
        scene.reads(eve),
        ":>>ERROR:Protocol error or incorrect encoding"
    );
    assert_eq!(
        scene.reads(bob),
        ":>>KICK:castle:bob:>>SESSIONS:0:>>USERS:1:bob"
    );
    assert_eq!(scene.closed, HashSet::from([eve]));
}

#[test]
fn statistics_can_be_kept_private() {
    let mut scene = Scene::new();
    scene.lobby.rules.statistics = false;
    let who = scene.user(5, "eve");
    scene.says(who, "<ROOT>users<MSG>next");
    assert_eq!(scene.reads(who), ":>>MSGCH:eve:global:next");
}
