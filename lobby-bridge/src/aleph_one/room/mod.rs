//! A room: who is in it, which games there are, and what everybody is told about it (sections
//! 12 to 18 of the specification).
//!
//! - `member.rs`: what is known of one player
//! - `lists.rs`: who is told what, and what who did not listen has missed
//! - `chat.rs`: public and private words
//! - `commands.rs`, `moderation.rs`: dot commands
//! - `games.rs`, `hosting.rs`: games, and where they are
//! - `rainbow.rs`: colours for all

mod chat;
mod commands;
mod games;
mod hosting;
mod lists;
mod member;
mod moderation;
mod rainbow;

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use metaserve::bounds::{Admitted, Fair, Id, Origin};
use serde_json::json;

use self::{commands::end_test, games::Game, member::Member};
use super::{
    GameId, UserId,
    denial::Denial,
    event::{Effect, Errand},
    ids::Ids,
    kept_out::Known,
    limits::Limits,
    names,
    received::Packet,
    rules::RoomRules,
    sent::{self, Code, RoomEntry, Verb},
    text,
    users::Profile,
};
use crate::{
    accounts::{EventRow, LogRow, LoginDetailRow},
    peers::ConnectionId,
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Room {
    id: u16,
    kind: u16,
    capacity: usize,
    guests: bool,
    welcome: Vec<Bytes>,
    guest_welcome: Vec<Bytes>,
    members: BTreeMap<UserId, Member>,
    /// Places, shared by address.
    places: Fair<UserId>,
    games: BTreeMap<GameId, Game>,
    /// Whether everybody has a colour of the rainbow.
    rainbow: bool,
}

/// Who comes in.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) connection: ConnectionId,
    pub(super) peer: IpAddr,
    pub(super) profile: Arc<Profile>,
    pub(super) place: Id,
    /// Whether to say that games cannot use a hub here.
    pub(super) hub_hint: bool,
}

/// Without a hub, games that are set to use one fail to gather, and do not say why. New players'
/// games are set so.
const HUB_HINT: &[u8] =
    b"To gather a game here, first untick \"Use Dedicated Server\" in your game: \
                         this server has none.";

/// What all rooms share while one of them handles something.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) limits: &'a Limits,
    /// The numbers of games.
    pub(super) ids: &'a mut Ids,
    /// Whose games are at which hub.
    pub(super) hubs: &'a mut HashMap<u16, UserId>,
    /// How many connectivity tests run.
    pub(super) tests: &'a mut usize,
    /// Who is to be disconnected. They are still in the room.
    pub(super) kicked: Vec<Kicked>,
    /// Names of those who are not to be kept out any longer.
    pub(super) forgiven: Vec<Vec<u8>>,
}

/// Somebody whom a moderator has kicked.
#[derive(Debug)]
pub(super) struct Kicked {
    pub(super) connection: ConnectionId,
    /// What he has called himself.
    pub(super) name: Vec<u8>,
    /// How he will be known when he comes back, and how long he is kept out.
    pub(super) known: Vec<(Known, Duration)>,
}

impl Turn<'_> {
    fn send(&mut self, to: ConnectionId, frame: Bytes) {
        self.effects.push(Effect::Send(to, frame));
    }

    fn log(&mut self, row: LogRow) {
        self.effects.push(Effect::Errand(Errand::Log(row)));
    }
}

impl Room {
    /// An empty room with this position in the rules.
    pub(super) fn new(rules: &RoomRules, position: usize, players: usize) -> Self {
        let lines = |lines: &[String]| {
            let lines = lines.iter();
            lines
                .map(|line| sent::room_message(&text::encode(line)))
                .collect()
        };
        Self {
            id: rules.id(position),
            kind: rules.kind,
            capacity: rules.players.unwrap_or(players),
            guests: rules.guests,
            welcome: lines(&rules.welcome),
            guest_welcome: lines(&rules.guest_welcome),
            members: BTreeMap::new(),
            places: Fair::default(),
            games: BTreeMap::new(),
            rainbow: false,
        }
    }

    pub(super) fn admits_guests(&self) -> bool {
        self.guests
    }

    /// Whether there is a place for somebody from `peer`, or somebody would make room.
    pub(super) fn has_place(&self, peer: IpAddr) -> bool {
        let peer = Origin::new(peer);
        self.places.judge(peer, self.capacity, usize::MAX).is_ok()
    }

    /// How many players there may be.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// A place for a player from `peer`. Also returns the connection of who has to go for it, if
    /// all are taken.
    pub(super) fn take_place(
        &mut self,
        user: UserId,
        peer: IpAddr,
    ) -> Result<(Id, Option<ConnectionId>), Denial> {
        // How many of an address may be logged in is looked at before.
        let each = usize::MAX;
        match self
            .places
            .admit(Origin::new(peer), self.capacity, each, user)
        {
            Ok(Admitted::AtOnce(place)) => Ok((place, None)),
            Ok(Admitted::InsteadOf { id, payload, .. }) => {
                let loser = self.members.get(&payload);
                Ok((id, loser.map(|member| member.connection)))
            }
            Err(_) => Err(Denial::FULL),
        }
    }

    /// How many are in it, hidden ones included.
    pub(super) fn players(&self) -> usize {
        self.members.len()
    }

    /// How many players and games are listed in it.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.visible().count(), self.games.len())
    }

    /// Whether this player has no account.
    pub(super) fn is_guest(&self, user: UserId) -> bool {
        let member = self.members.get(&user);
        member.is_none_or(|member| member.profile.account.is_none())
    }

    /// How the list of rooms shows it.
    pub(super) fn entry(&self, address: Ipv4Addr, port: u16) -> RoomEntry {
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let (players, games) = self.counts();
        RoomEntry {
            id: self.id,
            players: count(players),
            address: SocketAddrV4::new(address, port),
            games: count(games),
            kind: self.kind,
        }
    }

    /// Somebody comes in (section 12). There is a place for him.
    pub(super) fn enter(&mut self, who: Entering, turn: &mut Turn<'_>) {
        let Entering {
            connection,
            peer,
            profile,
            place,
            hub_hint,
        } = who;
        let id = profile.id;
        let name = self.name_for(&profile);
        let member = Member::new(connection, peer, name, profile, place, turn);
        let limit = u16::try_from(self.capacity).unwrap_or(u16::MAX);
        turn.send(connection, sent::room_login_successful(id, limit));
        let welcome = sent::message(Code::Welcome, "Login successful.");
        turn.send(connection, welcome);
        let guest = member.profile.account.is_none();
        let guest_lines = self.guest_welcome.iter().filter(|_| guest);
        for line in guest_lines.chain(&self.welcome) {
            turn.send(connection, line.clone());
        }
        if hub_hint {
            turn.send(connection, sent::room_message(HUB_HINT));
        }
        log_entry(&member, turn);
        if member.is_visible() {
            self.tell_player(&member, Verb::Add, turn);
        }
        self.members.insert(id, member);
        self.repaint(turn);
        self.send_lists(id, Verb::Add, turn);
    }

    /// Somebody is gone, on whatever way. Whoever listens is told.
    pub(super) fn leave(&mut self, user: UserId, turn: &mut Turn<'_>) {
        let Some(mut member) = self.members.remove(&user) else {
            return;
        };
        self.places.release(member.place);
        end_test(&mut member, turn);
        if let Some(game) = member.game.take() {
            self.remove_game(game, &member, turn);
        }
        turn.hubs.retain(|_, owner| *owner != user);
        if member.is_visible() {
            self.tell_player(&member, Verb::Delete, turn);
            self.missed_player(&member);
        }
        turn.log(event("logout", &member, None));
        self.repaint(turn);
    }

    /// What a player in the room says.
    pub(super) fn handle(
        &mut self,
        user: UserId,
        packet: Packet,
        turn: &mut Turn<'_>,
    ) -> Result<(), Denial> {
        match packet {
            Packet::Chat { sender, message } => self.chat(user, sender, &message, turn)?,
            Packet::PrivateMessage(message) => self.private_message(user, &message, turn)?,
            Packet::PlayerMode { deaf, session } => self.player_mode(user, deaf, &session, turn),
            Packet::PlayerData(data) => self.mark(user, turn, |it| it.marked_away = data.away),
            Packet::CreateGame(game) => self.create_game(user, game, turn),
            Packet::StartGame(length) => self.start_game(user, length, turn)?,
            Packet::ResetGame => self.reset_game(user, turn),
            Packet::RemoveGame => self.end_game(user, turn),
            Packet::SyncGames => self.send_lists(user, Verb::Add, turn),
            _ => {}
        }
        Ok(())
    }

    /// What somebody is called here: his own name, and his account with it if somebody else who
    /// is here is called like that.
    fn name_for(&self, profile: &Profile) -> Vec<u8> {
        let Some(account) = &profile.account else {
            return profile.name.clone();
        };
        let registered = |member: &&Member| member.profile.account.is_some();
        let mut others = self.members.values().filter(registered);
        match others.any(|other| names::alike(&other.name, &profile.name)) {
            true => names::distinguished(&profile.name, &text::encode(&account.username)),
            false => profile.name.clone(),
        }
    }

    /// A line of the server's own for one player.
    pub(super) fn tell(&self, user: UserId, line: &[u8], turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get(&user) {
            turn.send(member.connection, sent::room_message(line));
        }
    }
}

/// The log rows of an entry (sections 23.4 and 23.5).
fn log_entry(member: &Member, turn: &mut Turn<'_>) {
    let login = &member.profile.login;
    let said = |bytes: &[u8]| text::decode(bytes).into_owned();
    let dump = json!({
        "platform": login.platform,
        "authentication": login.authentication,
        "service": said(&login.service),
        "build_date": said(&login.build_date),
        "build_time": said(&login.build_time),
        "username": said(&login.username),
        "name": said(&login.player.name),
        "peer": member.peer.to_string(),
    });
    turn.log(event("login", member, Some(dump.to_string().into_bytes())));
    if member.is_visible() {
        let build_date = [&login.build_date[..], b" ", &login.build_time].concat();
        turn.log(LogRow::LoginDetail(LoginDetailRow {
            username: member.account(),
            user_id: member.profile.id.0,
            chatname: member.name.clone(),
            color: member.profile.primary.0,
            team_color: member.profile.secondary.0,
            build_date: said(&build_date),
            platform_type: login.platform,
        }));
    }
}

fn event(event_type: &'static str, member: &Member, extradata: Option<Vec<u8>>) -> LogRow {
    LogRow::Event(EventRow {
        event_type,
        username: member.account(),
        user_id: member.profile.id.0,
        extradata,
    })
}

/// As the logs have bytes.
fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    digits.collect()
}
