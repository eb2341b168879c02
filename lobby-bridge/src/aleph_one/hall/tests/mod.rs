//! Tests of what users notice, in virtual time.

mod chat;
mod commands;
mod games;
mod logins;
mod moderation;
mod rooms;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};

use super::*;
use crate::{
    accounts::{Account, LogRow},
    aleph_one::{
        Rgb, RoomRules, SecondLogin,
        event::{Claim, Proof, Unchecked},
        received::{CreateGame, Login, Packet, PlayerData, PrivateMessage},
    },
};

/// A hall, everything that it sent, and the time.
struct Stage {
    hall: Hall,
    now: Instant,
    next: u64,
    effects: Vec<Effect>,
}

/// A player in a room.
#[derive(Clone, Copy, Debug)]
struct Player {
    who: ConnectionId,
    id: UserId,
}

/// A frame: its number and body.
type Frame = (u16, Bytes);

impl Stage {
    fn new(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Rules::default();
        change(&mut rules);
        let ports = (0..rules.rooms.len()).map(|room| 6335 + room as u16);
        #[expect(
            clippy::disallowed_methods,
            reason = "any instant will do to begin with"
        )]
        let now = Instant::now();
        Self {
            hall: Hall::new(rules, ports.collect(), Secrets::from_seed([0; 32])),
            now,
            next: 0,
            effects: Vec::new(),
        }
    }

    fn open() -> Self {
        Self::new(|_| {})
    }

    /// Sets the bans. Their times are seconds since 1970.
    fn bans(&mut self, bans: impl IntoIterator<Item = Ban>) {
        self.hall.keep_time(self.now, SystemTime::UNIX_EPOCH);
        let bans = Arc::new(bans.into_iter().collect());
        let effects = self.hall.hold_to(bans, self.now);
        self.effects.extend(effects);
    }

    fn happens(&mut self, who: ConnectionId, event: Event) {
        let effects = self.hall.handle(who, event, self.now);
        self.effects.extend(effects);
    }

    fn says(&mut self, who: ConnectionId, packet: Packet) {
        self.happens(who, Event::Packet(packet));
    }

    fn connection(&mut self, peer: &str) -> (ConnectionId, Ends) {
        self.next += 1;
        let peer: IpAddr = peer.parse().unwrap();
        let local = SocketAddr::from(([198, 51, 100, 1], 6321));
        (ConnectionId(self.next), Ends { peer, local })
    }

    fn at_login(&mut self) -> ConnectionId {
        self.at_login_from("192.0.2.7")
    }

    fn at_login_from(&mut self, peer: &str) -> ConnectionId {
        let (who, ends) = self.connection(peer);
        self.happens(who, Event::AtLogin(ends));
        who
    }

    fn at_room(&mut self, room: usize, peer: &str) -> ConnectionId {
        let (who, ends) = self.connection(peer);
        self.happens(who, Event::AtRoom(room, ends));
        who
    }

    /// Logs in, with the account that the password proves if one is needed.
    fn logs_in(&mut self, username: &str, name: &str, account: Option<Account>) -> ConnectionId {
        let who = self.at_login();
        self.says(who, login(username, name));
        if let Some(account) = account {
            self.says(who, Packet::PasswordResponse([b'x'; 16]));
            self.happens(who, Event::Checked(Ok(account)));
        }
        self.says(who, Packet::Localization);
        who
    }

    /// Returns the token that this connection was given last.
    fn token(&self, who: ConnectionId) -> [u8; 32] {
        let frames = self.told(who);
        let (_, body) = frames.iter().rfind(|(number, _)| *number == 7).unwrap();
        body[8..40].try_into().unwrap()
    }

    fn enters(&mut self, room: usize, username: &str, login: ConnectionId, peer: &str) -> Player {
        let token = self.token(login);
        self.happens(login, Event::Ended);
        let who = self.at_room(room, peer);
        let name = username.as_bytes().to_vec();
        self.says(who, Packet::RoomLogin(token, name));
        self.says(who, Packet::PlayerData(PlayerData::default()));
        let frames = self.told(who);
        let (_, body) = frames.iter().find(|(number, _)| *number == 9).unwrap();
        let id = UserId((&body[..]).get_u32());
        Player { who, id }
    }

    fn guest(&mut self, name: &str) -> Player {
        let login = self.logs_in("guest", name, None);
        self.enters(0, "guest", login, "192.0.2.7")
    }

    /// Returns the code with which a guest from `peer` is refused, or `None`.
    fn refused(&mut self, name: &str, peer: &str) -> Option<u32> {
        let (who, ends) = self.connection(peer);
        self.happens(who, Event::AtLogin(ends));
        self.says(who, login("guest", name));
        let denied = self.denied(who);
        self.happens(who, Event::Ended);
        denied
    }

    fn player(&mut self, username: &str, name: &str) -> Player {
        let login = self.logs_in(username, name, Some(account(username)));
        self.enters(0, username, login, "192.0.2.7")
    }

    fn moderator(&mut self, username: &str, name: &str) -> Player {
        let account = Account {
            moderator: true,
            ..account(username)
        };
        let login = self.logs_in(username, name, Some(account));
        self.enters(0, username, login, "192.0.2.7")
    }

    fn chats(&mut self, player: Player, message: &str) {
        let chat = Packet::Chat {
            sender: player.id,
            message: message.as_bytes().to_vec(),
        };
        self.says(player.who, chat);
    }

    fn whispers(&mut self, player: Player, target: UserId, message: &str) {
        let message = PrivateMessage {
            target,
            target_again: target,
            echo: false,
            sender: player.id,
            message: message.as_bytes().to_vec(),
        };
        self.says(player.who, Packet::PrivateMessage(message));
    }

    fn hosts(&mut self, player: Player, port: u16, hub: u16) {
        let game = CreateGame {
            port,
            hub,
            description: description("Game"),
        };
        self.says(player.who, Packet::CreateGame(game));
    }

    fn plays(&mut self, player: Player, deaf: bool) {
        let session = Vec::new();
        self.says(player.who, Packet::PlayerMode { deaf, session });
    }

    /// Returns everything that `who` was sent since the last [`forget`](Self::forget).
    fn told(&self, who: ConnectionId) -> Vec<Frame> {
        let frame = |effect: &Effect| match effect {
            Effect::Send(to, frame) if *to == who => {
                let mut frame = frame.clone();
                frame.advance(2);
                let number = frame.get_u16();
                frame.advance(4);
                Some((number, frame))
            }
            _ => None,
        };
        self.effects.iter().filter_map(frame).collect()
    }

    /// Returns the code with which `who` was refused, or `None`.
    fn denied(&self, who: ConnectionId) -> Option<u32> {
        let frames = self.told(who);
        let (number, mut body) = frames.last()?.clone();
        let closed = self.effects.contains(&Effect::Close(who));
        (number == 3 && closed).then(|| body.get_u32())
    }

    /// Returns the server's own lines that `who` was sent.
    fn lines(&self, who: ConnectionId) -> Vec<String> {
        let frames = self.told(who).into_iter();
        let lines = frames.filter(|(number, _)| *number == 10);
        lines
            .map(|(_, body)| String::from_utf8_lossy(&body[..body.len() - 1]).into_owned())
            .collect()
    }

    /// Returns verb, id and state of the players in the lists that `who` was sent.
    fn players(&self, who: ConnectionId) -> Vec<Entry> {
        let frames = self.told(who).into_iter();
        let lists = frames.filter(|(number, _)| *number == 1);
        lists.flat_map(|(_, body)| entries(body)).collect()
    }

    /// Returns verb, id, port and seconds left of the games in the lists that `who` was sent.
    fn games(&self, who: ConnectionId) -> Vec<(u8, u32, u16, i32)> {
        let frames = self.told(who).into_iter();
        let lists = frames.filter(|(number, _)| *number == 2);
        let mut games = Vec::new();
        for (_, mut body) in lists {
            while body.has_remaining() {
                let id = body.get_u32();
                body.advance(4);
                let (port, verb) = (body.get_u16(), body.get_u16() >> 8);
                let left = body.get_i32();
                body.advance(4);
                let length = body.get_u16();
                body.advance(10 + usize::from(length));
                games.push((verb as u8, id, port, left));
            }
        }
        games
    }

    fn forget(&mut self) {
        self.effects.clear();
    }

    fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.hall.expire(self.now);
    }
}

/// A player in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    verb: u16,
    flags: u16,
    id: u32,
    away: bool,
    primary: Rgb,
    secondary: Rgb,
    name: String,
}

const ADD: u16 = 0;
const DELETE: u16 = 1;
const CHANGE: u16 = 2;

fn entries(mut body: Bytes) -> Vec<Entry> {
    let mut entries = Vec::new();
    while body.has_remaining() {
        let (verb, flags) = (body.get_u16(), body.get_u16());
        body.advance(4);
        let id = body.get_u32();
        body.advance(14);
        let away = body.get_u16() == 1;
        let primary = Rgb([body.get_u16(), body.get_u16(), body.get_u16()]);
        body.advance(2);
        let secondary = Rgb([body.get_u16(), body.get_u16(), body.get_u16()]);
        body.advance(20);
        let name = string(&mut body);
        string(&mut body);
        entries.push(Entry {
            verb,
            flags,
            id,
            away,
            primary,
            secondary,
            name,
        });
    }
    entries
}

fn string(body: &mut Bytes) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap();
    let string = body.split_to(end);
    body.advance(1);
    String::from_utf8_lossy(&string).into_owned()
}

fn login(username: &str, name: &str) -> Packet {
    Packet::Login(Box::new(Login {
        authentication: 4,
        service: b"MARATHON".to_vec(),
        username: username.as_bytes().to_vec(),
        player: PlayerData {
            name: name.as_bytes().to_vec(),
            primary: Rgb([1, 2, 3]),
            ..PlayerData::default()
        },
        ..Login::default()
    }))
}

fn account(username: &str) -> Account {
    Account {
        username: username.to_owned(),
        moderator: false,
        hidden: false,
        sort_order: 0,
    }
}

/// Makes a description that can be read.
fn description(name: &str) -> Bytes {
    let mut bytes = vec![0; 568];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b"\0Map\0");
    bytes.into()
}
