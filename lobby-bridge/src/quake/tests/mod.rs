//! A master with servers and clients in memory. The recorded conversations are in
//! `lobby-bridge/tests/quake_transcripts.rs`.

mod abuse;
mod goldsrc;
mod quake2;
mod quakeworld;
mod registry;

use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use clap::Parser;

use super::{Dialect, Errand, Listed, Master, News, QuakeSettings, Rules};
use crate::peers::{Addresses, Effect, Lobby, Reach, Way};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: QuakeSettings,
}

/// A master, the time, and what it has done.
struct Stage {
    master: Master,
    now: Instant,
    asked: Vec<(SocketAddr, String)>,
    answers: Vec<(SocketAddr, Vec<SocketAddr>)>,
    /// All datagrams, to whomever.
    told: Vec<Bytes>,
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
            asked: Vec::new(),
            answers: Vec::new(),
            told: Vec::new(),
            listed: Vec::new(),
            unlisted: Vec::new(),
            saved: None,
        }
    }

    /// A master as the command line makes it.
    fn with(dialect: Dialect, more: &[&str]) -> Self {
        let flag = format!("--{}", dialect.name());
        let start = ["bridge", &flag, "127.0.0.1:0", "--quake3-addresses", "any"];
        let line = Line::parse_from(start.iter().chain(more));
        let settings = line.settings.master(dialect).expect("it is enabled");
        Self::new(|rules| *rules = settings.rules)
    }

    /// Takes in a datagram, and returns those that the peer gets.
    fn datagrams(&mut self, who: &str, datagram: &[u8]) -> Vec<Bytes> {
        self.told.clear();
        self.hear_from(who, datagram);
        std::mem::take(&mut self.told)
    }

    fn hear_from(&mut self, who: &str, datagram: &[u8]) {
        let way = Way::to(who.parse().unwrap());
        self.hear(News::Datagram(way, Bytes::copy_from_slice(datagram)));
    }

    fn hear(&mut self, news: News) {
        for effect in self.master.hear(news, self.now, SystemTime::UNIX_EPOCH) {
            match effect {
                Effect::Errand(Errand::Ask(way, question)) => {
                    let text = String::from_utf8_lossy(&question).into_owned();
                    let challenge = text.rsplit_once(' ').map_or("", |(_, it)| it.trim_end());
                    self.asked.push((way.peer(), challenge.to_owned()));
                    self.told.push(question);
                }
                Effect::Errand(Errand::Answer(way, datagrams)) => {
                    let servers = datagrams.iter().flat_map(|it| addresses(it));
                    self.answers.push((way.peer(), servers.collect()));
                    self.told.extend(datagrams);
                }
                Effect::Errand(Errand::Save(text)) => self.saved = Some(text),
                Effect::List(id, listed) => self.listed.push((id, listed)),
                Effect::Unlist(id) => self.unlisted.push(id),
                other => panic!("{other:?}"),
            }
        }
    }

    fn says(&mut self, who: &str, text: &str) {
        let datagram = [b"\xff\xff\xff\xff", text.as_bytes()].concat();
        let way = Way::to(who.parse().unwrap());
        self.hear(News::Datagram(way, datagram.into()));
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.now += Duration::from_millis(250);
            self.hear(News::Tick);
        }
    }

    /// Calls, and returns the challenge, if there was one.
    fn calls(&mut self, who: &str, tag: &str) -> Option<String> {
        self.asked.clear();
        self.says(who, &format!("heartbeat {tag}\n"));
        self.asked.pop().map(|(_, challenge)| challenge)
    }

    fn answers_with(&mut self, who: &str, infostring: &str, challenge: &str) {
        self.says(
            who,
            &format!("infoResponse\n{infostring}\\challenge\\{challenge}"),
        );
    }

    /// Registers a server of OpenArena.
    fn registers(&mut self, who: &str) {
        let challenge = self.calls(who, "QuakeArena-1").expect("a question");
        self.answers_with(who, OPENARENA, &challenge);
    }

    /// The servers that a client gets, in order; `None` without an answer.
    fn list(&mut self, who: &str, request: &str) -> Option<Vec<String>> {
        self.answers.clear();
        self.says(who, request);
        let (_, servers) = self.answers.pop()?;
        let mut servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        servers.sort_unstable();
        Some(servers)
    }
}

const OPENARENA: &str = "\\gametype\\0\\sv_maxclients\\8\\clients\\2\\mapname\\oa_dm1\\hostname\\\
    ^1Arena\\protocol\\71";

/// The IPv4 addresses in a datagram.
fn addresses(datagram: &[u8]) -> Vec<SocketAddr> {
    let start = datagram.iter().position(|byte| *byte == b'\\');
    let start = start.unwrap_or(datagram.len());
    let items = datagram[start..].chunks(7).filter(|it| it.len() == 7);
    let items = items.filter(|it| *it != b"\\EOT\0\0\0");
    let address = |it: &[u8]| {
        let port = u16::from_be_bytes([it[5], it[6]]);
        SocketAddr::from(([it[1], it[2], it[3], it[4]], port))
    };
    items.map(address).collect()
}

#[test]
fn a_server_that_changes_game_is_another_server_of_the_registry() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    stage.pass(2);
    let challenge = stage.calls("192.0.2.1:27960", "DarkPlaces").unwrap();
    let nexuiz = OPENARENA.replace("protocol\\71", "protocol\\3\\gamename\\Nexuiz");
    stage.answers_with("192.0.2.1:27960", &nexuiz, &challenge);
    let games: Vec<_> = stage
        .listed
        .iter()
        .map(|(_, it)| it.game.as_str())
        .collect();
    assert_eq!(games, ["openarena", "nexuiz"]);
    assert_eq!(stage.unlisted, [stage.listed[0].0]);
}

#[test]
fn a_change_is_published_and_a_repetition_is_not() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    stage.pass(2);
    stage.registers("192.0.2.1:27960");
    assert_eq!(stage.listed.len(), 1);
    stage.pass(2);
    let challenge = stage.calls("192.0.2.1:27960", "QuakeArena-1").unwrap();
    let changed = OPENARENA.replace("oa_dm1", "oa_dm2");
    stage.answers_with("192.0.2.1:27960", &changed, &challenge);
    assert_eq!(stage.listed.len(), 2);
    assert_eq!(
        stage.listed[0].0, stage.listed[1].0,
        "it is the same server"
    );
}

#[test]
fn servers_of_the_last_run_are_asked_and_those_that_answer_are_listed() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    stage.registers("192.0.2.2:27960");
    stage.pass(20);
    let text = stage.saved.take().expect("it is written");
    let saved = crate::peers::saved::read(&text);
    assert_eq!(saved.len(), 2);

    let mut stage = Stage::new(|_| {});
    stage.hear(News::Saved(saved));
    stage.pass(1);
    let asked = stage.asked.clone();
    assert_eq!(asked.len(), 2);
    assert!(
        stage.master.servers().is_empty(),
        "nobody is listed unasked"
    );
    let (server, challenge) = &asked[0];
    stage.answers_with(&server.to_string(), OPENARENA, challenge);
    assert_eq!(stage.master.servers().len(), 1);
    stage.pass(5);
    assert_eq!(stage.saved, None, "the others may still answer");
    stage.pass(20);
    assert_eq!(stage.saved.unwrap().lines().count(), 1);
}
