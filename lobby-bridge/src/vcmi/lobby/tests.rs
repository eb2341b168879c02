//! Tests of the lobby in terms of its users. The transcripts cover what is not tested here.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use super::*;
use crate::vcmi::handshake::Role;

mod chaos;
mod rooms;

/// A lobby with clients, and a clock that the test sets.
struct Scene {
    lobby: Lobby,
    now: Instant,
    next: u64,
    /// The messages to each client that it has not read yet.
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
            health_check: Duration::from_secs(30),
            limits,
            statistics: true,
        };
        Self {
            lobby: Lobby::new(rules, Uuids::from_seed([1; 32])),
            now: any_instant(),
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
                    assert!(
                        !self.closed.contains(&to),
                        "sent something after it was closed"
                    );
                    let text = std::str::from_utf8(&bytes).unwrap();
                    self.told.entry(to).or_default().push_str(text);
                }
                Effect::Close(who) => assert!(self.closed.insert(who), "closed twice"),
                Effect::List(id, room) => {
                    self.listed.insert(id, room);
                }
                Effect::Unlist(id) => assert!(self.listed.remove(&id).is_some(), "not listed"),
                Effect::Errand(errand) => panic!("no pipe has asked: {errand:?}"),
            }
        }
    }

    fn happens(&mut self, who: ConnectionId, what: Event) {
        let effects = self.lobby.handle(who, what, self.now);
        self.carry_out(effects);
    }

    /// Makes a client that has not sent its first frame yet.
    fn stranger(&mut self) -> ConnectionId {
        self.stranger_from([192, 0, 2, 1])
    }

    fn stranger_from(&mut self, peer: [u8; 4]) -> ConnectionId {
        let peer = peer.into();
        let who = ConnectionId(self.next);
        self.next += 1;
        self.happens(who, Event::Accepted(peer));
        self.happens(
            who,
            Event::Entered {
                peer,
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

    /// Makes a client that is logged in. Nobody has unread messages afterwards.
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

    /// Returns everything that a client was sent since the last call.
    fn reads(&mut self, who: ConnectionId) -> String {
        self.told.remove(&who).unwrap_or_default()
    }

    /// Opens a room `castle` with a host and guests, all of whom have read everything.
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
        read.contains("differs from host version 1: >>START:u\n2, which"),
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
fn a_client_that_ignores_a_health_check_is_disconnected() {
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
fn a_client_that_is_not_logged_in_is_not_asked_for_a_sign_of_life() {
    let mut scene = Scene::new();
    let stranger = scene.stranger();
    scene.greets(stranger, 5, "x");
    scene.told.clear();
    assert_eq!(scene.lobby.check_health(), []);
}

#[test]
fn a_client_beyond_the_capacity_is_refused_with_a_message() {
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
fn only_the_first_tags_of_a_frame_are_executed() {
    let mut scene = Scene::new();
    let who = scene.user(5, "eve");
    scene.says(who, &"<MSG>x".repeat(1_000));
    assert_eq!(scene.reads(who).matches(":>>MSGCH").count(), 64);
    assert!(scene.closed.is_empty());
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
    // A client that has not sent the password yet is still outside.
    assert_eq!(scene.reads(other), ":>>MSGCH:outside:room:outside");
    assert_eq!(scene.reads(outside), ":>>MSGCH:outside:room:outside");
}

#[test]
fn an_invalid_frame_disconnects_only_its_sender() {
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

#[test]
fn old_launchers_are_told_of_arrivals_and_can_ask_for_a_list_of_users() {
    let mut scene = Scene::new();
    let [old, new] = [(3, "old"), (5, "new")].map(|(version, name)| scene.user(version, name));
    let (host, pending) = (scene.user(5, "host"), scene.user(3, "pending"));
    scene.castle(host, &[]);
    scene.says(pending, "<JOIN>castle");
    scene.told.clear();
    scene.says(old, "<HERE>");
    assert_eq!(
        scene.reads(old),
        ":>>MSG:System:People in lobby\nold\nnew\nhost[room castle]\npending[room castle]"
    );
    scene.says(new, "<HERE>");
    assert_eq!(scene.reads(new), ":>>USERS:4:old:new:host:pending");
    let late = scene.stranger();
    scene.greets(late, 5, "late");
    assert!(scene.reads(old).starts_with(":>>MSG:System:late is here"));
    assert!(!scene.reads(new).contains("is here"));
}

#[test]
fn each_client_reads_in_its_own_encoding() {
    let mut scene = Scene::new();
    let who = scene.user(5, "modern");
    let russian = scene.stranger();
    let greeting = b"\x05\x06cp1251<GREETINGS>russian<VER>VCMI 1.4.0";
    let quiet = scene.lobby.handle(
        russian,
        Event::Frame(Bytes::from_static(greeting)),
        scene.now,
    );
    assert!(!quiet.is_empty());
    let frame = Event::Frame("<MSG>\u{44f}".into());
    let effects = scene.lobby.handle(who, frame, scene.now);
    let told: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(to, bytes) => (*to, &bytes[bytes.len() - 2..]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(who, &b"\xd1\x8f"[..]), (russian, b":\xff")]);
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
fn any_instant() -> Instant {
    Instant::now()
}
