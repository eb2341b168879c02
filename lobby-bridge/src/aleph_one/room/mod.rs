//! A room: its players and games, and the messages about them
//! (`docs/specifications/myth-metaserver.md`, sections 12 to 18).
//!
//! - `member.rs`: the state of one player
//! - `lists.rs`: messages about players and games, and what absent players have missed
//! - `chat.rs`: public and private messages
//! - `commands.rs`, `moderation.rs`: dot commands
//! - `game.rs`: the state of one game
//! - `games.rs`, `hosting.rs`: the list of games, and where they are hosted
//! - `rainbow.rs`: colours for everybody
//! - `logged.rs`: the log rows
//! - `turn.rs`: what all rooms share

mod chat;
mod commands;
mod game;
mod games;
mod hosting;
mod lists;
mod logged;
mod member;
mod moderation;
mod rainbow;
mod turn;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    sync::Arc,
};

use bytes::Bytes;
use metaserve::bounds::{Admitted, Fair, Id, Origin};

use self::{
    game::Game,
    logged::{event, log_entry},
    member::Member,
};
use super::{
    GameId, UserId,
    denial::Denial,
    names,
    received::Packet,
    rules::RoomRules,
    sent::{self, Code, RoomEntry, Verb},
    text,
    users::Profile,
};
use crate::peers::ConnectionId;

pub(super) use self::turn::{Kicked, Turn};

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
    /// The places, shared by address.
    places: Fair<UserId>,
    games: BTreeMap<GameId, Game>,
    /// Whether everybody has rainbow colours.
    rainbow: bool,
}

/// A player who enters.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) connection: ConnectionId,
    pub(super) peer: IpAddr,
    pub(super) profile: Arc<Profile>,
    pub(super) place: Id,
    /// Whether to tell the player that games cannot use a hub here.
    pub(super) hub_hint: bool,
}

/// Without a hub, games that are set to use one fail to gather without a reason. That setting is
/// the default.
const HUB_HINT: &[u8] =
    b"To gather a game here, first untick \"Use Dedicated Server\" in your game: \
                         this server has none.";

impl Room {
    /// Makes an empty room with this position in the rules.
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

    /// Whether there is a place for a player from `peer`, or another player would make room.
    pub(super) fn has_place(&self, peer: IpAddr) -> bool {
        let peer = Origin::new(peer);
        self.places.judge(peer, self.capacity, usize::MAX).is_ok()
    }

    /// Returns the most players that it can have.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes a place for a player from `peer`. If all are taken, also returns the connection that
    /// has to make room.
    pub(super) fn take_place(
        &mut self,
        user: UserId,
        peer: IpAddr,
    ) -> Result<(Id, Option<ConnectionId>), Denial> {
        // The limit of an address was already checked at login.
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

    /// Returns how many players are in it, hidden ones included.
    pub(super) fn players(&self) -> usize {
        self.members.len()
    }

    /// Returns how many players and games are listed in it.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.visible().count(), self.games.len())
    }

    /// Whether this player has no account.
    pub(super) fn is_guest(&self, user: UserId) -> bool {
        let member = self.members.get(&user);
        member.is_none_or(|member| member.profile.account.is_none())
    }

    /// Returns its entry in the list of rooms.
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

    /// Handles a player who enters (`docs/specifications/myth-metaserver.md`, section 12) and has a
    /// place.
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

    /// Handles a player who is gone for any reason. Tells all who read the chat.
    pub(super) fn leave(&mut self, user: UserId, turn: &mut Turn<'_>) {
        let Some(mut member) = self.members.remove(&user) else {
            return;
        };
        self.places.release(member.place);
        member.end_test(turn);
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

    /// Handles a packet of a player in the room.
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

    /// Returns a player's name in this room: the chosen name, with the account if another player
    /// here has a similar name.
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

    /// Sends a line of the server to one player.
    pub(super) fn tell(&self, user: UserId, line: &[u8], turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get(&user) {
            turn.send(member.connection, sent::room_message(line));
        }
    }
}
