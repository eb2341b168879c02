//! The hall: the login daemon and all rooms, as one pure state machine
//! (`docs/specifications/myth-metaserver.md`, sections 10 to 18 and 25).
//!
//! [`handle`](Lobby::handle) takes what one connection did and returns what the server has to do
//! about it. It has no socket, no clock and no source of random numbers.

mod logins;
mod natives;
mod seats;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use metaserve::bans::{Ban, Bans};
use metaserve_client::ServerId;

use super::{
    GameId, UserId,
    denial::Denial,
    event::{Effect, Errand, Event, ListedGame, NativeGame, News},
    ids::Ids,
    kept_out::{KeptOut, Known},
    login::LoginConnection,
    room::Room,
    rules::Rules,
    secrets::Secrets,
    sent, text,
    users::{Profile, Users},
};
use crate::peers::{Chore, ConnectionId, Crowd, Ends, Lobby, Standing};

/// How often to look for tokens that have expired.
const SWEEP: Duration = Duration::from_secs(1);

/// How often to tell the registry how long games still last.
const RELIST: Duration = Duration::from_secs(10);

/// How often to look whether there is a hub. Operators add and remove them while it runs.
const HUBS: Duration = Duration::from_secs(30);

/// The least time between two messages to players about how full the rooms are.
const ANNOUNCE: Duration = Duration::from_secs(5);

/// See the [module](self).
#[derive(Debug)]
pub struct Hall {
    rules: Rules,
    secrets: Secrets,
    /// The port of each room.
    ports: Vec<u16>,
    users: Users,
    logins: HashMap<ConnectionId, LoginConnection>,
    seats: HashMap<ConnectionId, Seat>,
    rooms: Vec<Room>,
    game_ids: Ids,
    /// Whether there is any hub; `None` until that is known.
    has_hub: Option<bool>,
    /// The users whose games use a hub.
    hubs: HashMap<u16, UserId>,
    tests: usize,
    natives: BTreeMap<GameId, NativeGame>,
    /// The servers of the registry, including those that there is no room to show.
    servers: BTreeMap<ServerId, Shown>,
    /// How many players and games each room had when that was last announced.
    announced: Vec<(usize, usize)>,
    kept_out: KeptOut,
    /// Logs when places run out.
    crowded: Crowd,
}

/// A server of the registry, and its game id if there is room to show it.
#[derive(Debug)]
struct Shown {
    game: NativeGame,
    id: Option<GameId>,
}

/// A connection to a room.
#[derive(Debug)]
struct Seat {
    room: usize,
    ends: Ends,
    state: SeatState,
}

#[derive(Debug)]
enum SeatState {
    NeedLogin,
    NeedPlayerData(Arc<Profile>),
    In(UserId),
}

impl Lobby for Hall {
    type Event = Event;
    type News = News;
    type GameId = GameId;
    type Game = Box<ListedGame>;
    type Errand = Errand;

    fn ended() -> Event {
        Event::Ended
    }

    fn handle(&mut self, who: ConnectionId, what: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match what {
            Event::AtLogin(ends) => {
                self.logins.insert(who, LoginConnection::new(ends));
            }
            Event::AtRoom(room, ends) => {
                let state = SeatState::NeedLogin;
                self.seats.insert(who, Seat { room, ends, state });
            }
            Event::Packet(packet) if self.logins.contains_key(&who) => {
                self.login_packet(who, packet, now, &mut effects);
            }
            Event::Packet(packet) => self.room_packet(who, packet, now, &mut effects),
            Event::Checked(result) => {
                let login = self.logins.get_mut(&who);
                let checked = login.and_then(|login| login.checked(result));
                if let Some(checked) = checked {
                    let admitted = checked.and_then(|(login, account)| {
                        self.admit(who, login, Some(account), now, &mut effects)
                    });
                    self.denied(who, admitted, now, &mut effects);
                }
            }
            Event::HubsFound(mut hubs) => {
                hubs.retain(|(id, _)| !self.hubs.contains_key(id));
                effects.push(Effect::Send(who, sent::hubs(&hubs)));
            }
            Event::HubFound(hub, found) => {
                self.in_room(who, now, &mut effects, |room, user, turn| {
                    room.hub_found(user, hub, found, turn);
                });
            }
            Event::Tested(lines) => {
                self.in_room(who, now, &mut effects, |room, user, turn| {
                    room.tested(user, &lines, turn);
                });
            }
            Event::Told(line) => {
                self.in_room(who, now, &mut effects, |room, user, turn| {
                    room.tell(user, &text::encode(&line), turn);
                });
            }
            Event::NotBanned(order, line) => {
                if let Some(known) = Known::guest(order.peer) {
                    self.kept_out.kick(known, &order.name, now + order.time);
                }
                effects.extend(self.handle(who, Event::Told(line), now));
            }
            Event::Ended => self.end(who, false, now, &mut effects),
        }
        effects
    }

    fn hear(&mut self, news: News, now: Instant, wall: SystemTime) -> Vec<Effect> {
        match news {
            News::Expire => {
                self.keep_time(now, wall);
                self.expire(now);
                Vec::new()
            }
            News::Relist => self.relist(now),
            News::Announce => self.announce_counts(),
            News::LookForHubs => vec![Effect::Errand(Errand::LookForHubs)],
            News::HasHub(has_hub) => {
                if self.has_hub(has_hub) && !has_hub {
                    tracing::warn!(
                        "no hub is configured: players whose game is set to use a dedicated \
                        server, which is the default of new games, cannot gather; add one with the command `hub add`"
                    );
                }
                Vec::new()
            }
            News::Bans(bans) => {
                self.keep_time(now, wall);
                self.hold_to(bans, now)
            }
            News::Natives(changes) => self.natives_changed(changes, now),
        }
    }

    fn standing(&self, who: ConnectionId) -> Standing {
        match self.seats.get(&who) {
            Some(Seat {
                state: SeatState::In(_),
                ..
            }) => Standing::Inside,
            Some(_) => Standing::Outside,
            None if self.logins.contains_key(&who) => Standing::Outside,
            None => Standing::Closing,
        }
    }

    fn players(&self) -> Option<usize> {
        Some(self.counts().0)
    }

    fn chores(&self) -> Vec<Chore<News>> {
        let hubs = Chore {
            first: Duration::ZERO,
            ..Chore::every(HUBS, News::LookForHubs)
        };
        vec![
            Chore::every(SWEEP, News::Expire),
            Chore::every(RELIST, News::Relist),
            Chore::every(ANNOUNCE, News::Announce),
            hubs,
        ]
    }
}

impl Hall {
    /// Makes an empty hall. `ports` are the ports of the rooms, in the order of the rules.
    #[must_use]
    pub fn new(rules: Rules, ports: Vec<u16>, secrets: Secrets) -> Self {
        let limits = &rules.limits;
        let rooms = rules.rooms.iter().enumerate();
        let rooms = rooms.map(|(position, room)| Room::new(room, position, limits.players));
        Self {
            users: Users::new(limits),
            rooms: rooms.collect(),
            ports,
            secrets,
            logins: HashMap::new(),
            seats: HashMap::new(),
            has_hub: None,
            game_ids: Ids::from(40_001),
            hubs: HashMap::new(),
            tests: 0,
            natives: BTreeMap::new(),
            servers: BTreeMap::new(),
            announced: Vec::new(),
            kept_out: KeptOut::new(),
            crowded: Crowd::new("Aleph One, players (--aleph-one-players)"),
            rules,
        }
    }

    /// Returns how many players are in rooms, and how many of their games are listed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let players = self.rooms.iter().map(Room::players).sum();
        let games = self.rooms.iter().map(Room::gathered).sum();
        (players, games)
    }

    /// Tells the hall the time of the wall clock, by which bans end.
    pub fn keep_time(&mut self, now: Instant, wall: SystemTime) {
        self.kept_out.keep_time(now, wall);
    }

    /// Adopts new bans. Guests who are now banned are disconnected. Peers who are banned
    /// altogether are disconnected by the tasks of their connections.
    #[must_use]
    pub fn hold_to(&mut self, bans: Arc<Bans>, now: Instant) -> Vec<Effect> {
        self.kept_out.adopt(bans);
        let mut banned: Vec<(ConnectionId, Ban)> = Vec::new();
        let seats = self.seats.iter().filter(|(_, seat)| self.is_guest(seat));
        let logins = self.logins.iter().filter(|(_, login)| {
            let profile = login.profile();
            profile.is_some_and(|profile| profile.account.is_none())
        });
        let guests = seats.map(|(who, seat)| (who, seat.ends));
        for (who, ends) in guests.chain(logins.map(|(who, login)| (who, login.ends))) {
            let ban = self.kept_out.guest_ban(ends.peer, now);
            banned.extend(ban.map(|ban| (*who, ban)));
        }
        banned.sort_unstable_by_key(|(who, _)| *who);
        let mut effects = Vec::new();
        for (who, ban) in banned {
            let denial = Denial::banned(&ban);
            if self.standing(who) == Standing::Inside {
                // In a room, clients do not show messages with a code.
                let line = sent::room_message(&text::encode(&denial.text));
                effects.push(Effect::Send(who, line));
            }
            self.denied(who, Err(denial), now, &mut effects);
        }
        effects
    }

    /// Whether this is the connection of a guest who has shown a token.
    fn is_guest(&self, seat: &Seat) -> bool {
        match &seat.state {
            SeatState::NeedLogin => false,
            SeatState::NeedPlayerData(profile) => profile.account.is_none(),
            SeatState::In(user) => self.rooms[seat.room].is_guest(*user),
        }
    }

    /// Takes in whether there is any hub. Returns whether that has changed.
    pub fn has_hub(&mut self, has_hub: bool) -> bool {
        self.has_hub.replace(has_hub) != Some(has_hub)
    }

    /// Forgets what has expired.
    pub fn expire(&mut self, now: Instant) {
        self.users.expire(now);
        self.kept_out.expire(now);
    }

    /// Tells all players how full the rooms are, if that has changed and the operator wants it.
    /// Aleph One ignores it; other games of the protocol show it.
    #[must_use]
    pub fn announce_counts(&mut self) -> Vec<Effect> {
        let counts: Vec<_> = self.rooms.iter().map(Room::counts).collect();
        if !self.rules.announce_counts || counts == self.announced {
            return Vec::new();
        }
        self.announced = counts;
        let inside = self
            .seats
            .iter()
            .filter_map(|(who, seat)| match seat.state {
                SeatState::In(user) => Some((*who, seat, user)),
                _ => None,
            });
        let told = inside.filter_map(|(who, seat, user)| {
            let guest = self.rooms[seat.room].is_guest(user);
            let rooms = self.open_rooms(guest, seat.ends.peer).ok()?;
            Some(Effect::Send(who, self.room_list(&rooms, &seat.ends)?))
        });
        told.collect()
    }

    /// Tells the registry how long games still last.
    #[must_use]
    pub fn relist(&self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        for room in &self.rooms {
            room.relist_timed(now, &mut effects);
        }
        effects
    }

    /// Tells a client why it is refused, and closes the connection.
    fn denied(
        &mut self,
        who: ConnectionId,
        done: Result<(), Denial>,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(denial) = done {
            let login = self.logins.get(&who).map(|login| login.ends);
            let peer = login.or(self.seats.get(&who).map(|seat| seat.ends));
            let peer = peer.map(|ends| tracing::field::display(ends.peer));
            tracing::info!(client = %who, peer, "refused: {denial}");
            effects.push(Effect::Send(who, denial.frame()));
            self.end(who, false, now, effects);
            effects.push(Effect::Close(who));
        }
    }

    /// Forgets a connection, and everything that depends on it.
    fn end(
        &mut self,
        who: ConnectionId,
        logged_out: bool,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let login = self.logins.remove(&who);
        if let Some(profile) = login.as_ref().and_then(|login| login.profile()) {
            self.users.login_ended(profile.id, logged_out, now);
        }
        match self.seats.get(&who).map(|seat| &seat.state) {
            Some(SeatState::In(user)) => {
                let user = *user;
                self.in_room(who, now, effects, |room, user, turn| room.leave(user, turn));
                self.users.room_ended(user);
            }
            Some(SeatState::NeedPlayerData(profile)) => self.users.room_ended(profile.id),
            Some(SeatState::NeedLogin) | None => {}
        }
        self.seats.remove(&who);
    }
}
