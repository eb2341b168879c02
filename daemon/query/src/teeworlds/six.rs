//! Teeworlds 0.6, with `DDNet`'s extension for more than 16 players.
//!
//! Seen on Debian 12's `ddnet-server` 16.4, with 60 players; from memory: that servers without the
//! extension ignore what asks for it.
//!
//! ```text
//!  > "xe" extra(2) 00 00  FFFFFFFF "gie3" token          the extension: six bytes that others skip
//!  < FF x 6  FFFFFFFF "inf3" token  server, players                        without the extension
//!  < FF x 6  FFFFFFFF "iext" extra<<8|token  server, players               with it
//!  < FF x 6  FFFFFFFF "iex+" extra<<8|token  number, more players          as often as needed
//! ```
//!
//! All fields are texts that end with a zero byte, numbers too.

use super::{Described, malformed, player};
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
    reader::Reader,
    text,
};
use metaserve::{Player, ServerInfo};
use std::collections::BTreeMap;

/// How many packets of players are kept. One of 1,400 bytes has some 40 players.
const MAX_PACKETS: usize = 32;

/// How many players of one packet are kept.
const MAX_PLAYERS: usize = 256;

/// The score of who has not finished a race yet.
const NO_SCORE: i64 = -9999;

pub(super) struct Six {
    /// What the answer repeats, of 24 bits.
    token: u32,
    server: Option<Server>,
    /// The players, by the number of their packet.
    packets: BTreeMap<i64, Clients>,
}

/// The server, as the first packet describes it.
struct Server {
    info: Box<ServerInfo>,
    /// Players and those who look on.
    clients: i64,
}

/// What a packet is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// The server and its players.
    Plain,
    /// The same with the extension.
    Extended,
    /// More players.
    More,
}

/// Who is in one packet.
struct Clients {
    players: Vec<Player>,
    /// Players and those who look on.
    count: usize,
}

impl Six {
    pub(super) fn new(seed: u32) -> Self {
        Self {
            token: seed >> 8,
            server: None,
            packets: BTreeMap::new(),
        }
    }

    /// Takes in a packet, if it is about what was asked.
    fn packet(&mut self, kind: Kind, packet: &mut Reader<'_>) -> Option<Result<(), Unanswered>> {
        let extended = kind != Kind::Plain;
        let asked = if extended {
            self.token
        } else {
            self.token & 0xff
        };
        (number(packet)? == i64::from(asked)).then_some(())?;
        let place = match kind {
            Kind::More => {
                let place = number(packet)?;
                packet.text()?; // Reserved.
                place
            }
            Kind::Plain | Kind::Extended => {
                let Some(server) = server(packet, extended) else {
                    return Some(Err(malformed("its description is cut short")));
                };
                self.server = Some(server);
                0
            }
        };
        if place == 0 || self.packets.len() < MAX_PACKETS {
            self.packets.insert(place, clients(packet, extended));
        }
        Some(Ok(()))
    }

    fn complete(&self) -> bool {
        let heard: usize = self.packets.values().map(|it| it.count).sum();
        let clients = self.server.as_ref().map(|it| it.clients);
        clients.is_some_and(|all| usize::try_from(all).is_ok_and(|all| heard >= all))
    }
}

impl Dialogue for Six {
    fn open(&mut self) -> Vec<u8> {
        let [_, extra @ .., token] = self.token.to_be_bytes();
        let mut question = b"xe".to_vec();
        question.extend(extra);
        question.extend(b"\0\0\xff\xff\xff\xffgie3");
        question.push(token);
        question
    }

    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered> {
        let mut packet = Reader::new(datagram);
        if let Some(kind) = kind(&mut packet) {
            self.packet(kind, &mut packet).transpose()?;
        }
        if self.complete() {
            return Ok(self.settle().map_or(Heard::More, Heard::Done));
        }
        Ok(Heard::More)
    }

    /// A server that is asked often leaves out its players.
    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        let mut info = self.server.take()?.info;
        let players = std::mem::take(&mut self.packets).into_values();
        info.player_list = players.flat_map(|it| it.players).collect();
        Some(info)
    }
}

fn kind(packet: &mut Reader<'_>) -> Option<Kind> {
    packet.array::<6>()?;
    packet.exactly(&[0xff; 4])?;
    match &packet.array()? {
        b"inf3" => Some(Kind::Plain),
        b"iext" => Some(Kind::Extended),
        b"iex+" => Some(Kind::More),
        _ => None,
    }
}

/// The fields of the server.
fn server(packet: &mut Reader<'_>, extended: bool) -> Option<Server> {
    let version = packet.text()?;
    let name = packet.text()?;
    let map = packet.text()?;
    if extended {
        packet.text()?; // The checksum of the map.
        packet.text()?; // Its size.
    }
    let mode = packet.text()?;
    let flags = number(packet)?;
    let players = number(packet)?;
    let max_players = number(packet)?;
    let clients = number(packet)?;
    packet.text()?; // How many players and others there can be.
    if extended {
        packet.text()?; // Reserved.
    }
    let described = Described {
        version,
        name,
        map,
        mode,
        password: flags & 1 != 0,
        players,
        max_players,
    };
    let info = Box::new(described.into());
    Some(Server { info, clients })
}

/// The players until the end of the packet.
fn clients(packet: &mut Reader<'_>, extended: bool) -> Clients {
    let mut client = || {
        let name = packet.text()?;
        packet.text()?; // The clan.
        packet.text()?; // The country.
        let score = Some(number(packet)?).filter(|it| *it != NO_SCORE);
        let plays = number(packet)? != 0;
        if extended {
            packet.text()?; // Reserved.
        }
        Some(plays.then(|| player(name, score)))
    };
    let all: Vec<_> = std::iter::from_fn(&mut client).take(MAX_PLAYERS).collect();
    Clients {
        count: all.len(),
        players: all.into_iter().flatten().collect(),
    }
}

/// A text with a number. One with none is 0, as the game reads it.
fn number(packet: &mut Reader<'_>) -> Option<i64> {
    Some(text::number(packet.text()?).unwrap_or(0))
}
