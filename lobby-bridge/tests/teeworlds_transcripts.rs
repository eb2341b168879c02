//! Plays the recorded conversations of Teeworlds 0.7.5 with a master, which must answer with the same
//! datagrams: only its own tokens differ.

#![forbid(unsafe_code)]

use std::{
    collections::VecDeque,
    fs,
    net::SocketAddr,
    path::PathBuf,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use metaserve_lobby_bridge::{
    peers::{Addresses, Effect, Lobby, Reach, Way},
    teeworlds::{Errand, Master, Native, News, Rules},
};
use serde::Deserialize;

/// The tokens of the recorded master: the one that it gives out, and that of its checks.
const RECORDED: [[u8; 4]; 2] = [[0x11, 0x22, 0x33, 0x44], [0x55, 0x66, 0x77, 0x88]];

#[derive(Deserialize)]
struct Transcript {
    scenario: String,
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    from: String,
    hex: String,
}

impl Exchange {
    /// The bytes; `{zeros:N}` stands for so many zeros.
    fn bytes(&self) -> Vec<u8> {
        let (digits, zeros) = match self.hex.split_once('{') {
            Some((digits, zeros)) => (digits, zeros.trim_start_matches("zeros:")),
            None => (&*self.hex, "0"),
        };
        let digits: Vec<u8> = digits.trim().bytes().collect();
        let pair = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(text, 16).expect("two digits")
        };
        let zeros = zeros
            .trim_end_matches('}')
            .parse::<usize>()
            .expect("a number");
        let mut bytes: Vec<u8> = digits.chunks(2).map(pair).collect();
        bytes.resize(bytes.len() + zeros, 0);
        bytes
    }
}

/// The master, and what it has sent.
struct Stage {
    master: Master,
    now: Instant,
    sent: VecDeque<(Way, Bytes)>,
    /// Its tokens in the place of the recorded ones, once they are known.
    ours: [Option<[u8; 4]>; 2],
}

impl Stage {
    fn hear(&mut self, news: News) {
        for effect in self.master.hear(news, self.now, SystemTime::UNIX_EPOCH) {
            match effect {
                Effect::Errand(Errand::Say(way, datagram)) => self.sent.push_back((way, datagram)),
                Effect::Errand(Errand::Answer(way, datagrams)) => {
                    self.sent.extend(datagrams.into_iter().map(|it| (way, it)));
                }
                _ => {}
            }
        }
    }

    /// Learns the master's token in a datagram that gives it.
    fn learn(&mut self, number: usize, expected: &[u8], datagram: &[u8]) {
        let recorded = RECORDED[number];
        let mut places = expected.windows(4);
        if let Some(place) = places.position(|it| it == recorded)
            && self.ours[number].is_none()
        {
            let token = datagram
                .get(place..place + 4)
                .and_then(|it| it.try_into().ok());
            self.ours[number] = token;
        }
    }

    /// Puts the master's own tokens in the place of the recorded ones.
    fn with_ours(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (recorded, ours) in RECORDED.iter().zip(self.ours) {
            for place in 0..bytes.len().min(20).saturating_sub(3) {
                if let Some(ours) = ours
                    && bytes[place..place + 4] == *recorded
                {
                    bytes[place..place + 4].copy_from_slice(&ours);
                }
            }
        }
        bytes
    }

    fn play(&mut self, exchange: &Exchange) {
        let server = Way::to("127.0.0.1:27313".parse().expect("an address"));
        let bytes = exchange.bytes();
        match &*exchange.from {
            "peer" => self.hear(News::Datagram(server, self.with_ours(bytes).into())),
            "peer to checker" => {
                let datagram = self.with_ours(bytes).into();
                self.hear(News::Datagram(server.beside(), datagram));
            }
            "master" => {
                let (_, datagram) = self.sent.pop_front().expect("an answer");
                for number in 0..RECORDED.len() {
                    self.learn(number, &bytes, &datagram);
                }
                assert_eq!(datagram, self.with_ours(bytes));
            }
            other => panic!("unknown sender {other}"),
        }
    }
}

/// Plays a conversation, and returns what the master has sent besides.
fn plays(scenario: &str, natives: Vec<SocketAddr>) -> VecDeque<(Way, Bytes)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts/tw07");
    let file = fs::read(folder.join(format!("{scenario}.json"))).expect("a transcript");
    let transcript: Transcript = serde_json::from_slice(&file).expect("a transcript");
    assert_eq!(transcript.scenario, scenario);
    let rules = Rules {
        addresses: Addresses {
            reach: Reach::Any,
            ..Addresses::default()
        },
        ..Rules::default()
    };
    let mut stage = Stage {
        master: Master::new(rules, [7; 32]),
        now: metaserve::time::now(),
        sent: VecDeque::new(),
        ours: [None; 2],
    };
    let native = |addresses| (1, Some(Native { addresses }));
    if !natives.is_empty() {
        stage.hear(News::Natives(vec![native(natives)]));
    }
    for exchange in &transcript.exchanges {
        stage.play(exchange);
    }
    stage.sent
}

#[test]
fn a_recorded_server_registers() {
    let sent = plays("register", Vec::new());
    // The recorded master did not ask what the server is.
    let kinds: Vec<&[u8]> = sent.iter().map(|(_, it)| &it[13..17]).collect();
    assert_eq!(kinds, [b"gie3"]);
}

#[test]
fn a_recorded_client_gets_the_list() {
    let server = "127.0.0.1:27313".parse().expect("an address");
    assert!(plays("client-list", vec![server]).is_empty());
}
