//! The lobby: its clients and rooms, and the messages about them
//! (`docs/specifications/vcmi-lobby.md`, sections 7 to 11 and 13).
//!
//! A pure state machine: [`handle`](peers::Lobby::handle) takes what one connection did and returns
//! what the server has to do about it. It has no socket, no clock and no source of random numbers.
//!
//! - `client.rs`: the state of one lobby client
//! - `commands.rs`: from a frame to commands; the refusals
//! - `greeting.rs`: GREETINGS, VER
//! - `chat.rs`: MSG, CHANNEL, HERE, ROOT
//! - `rooms.rs`: NEW, PSWD, COUNT, JOIN, HOSTMODE, MODS
//! - `leaving.rs`: LEAVE, KICK, the end of a connection, the health check
//! - `start.rs`: READY, FORCESTART

mod chat;
mod client;
mod commands;
mod greeting;
mod leaving;
mod rooms;
mod start;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve::bounds::{Admitted, Fair, Origin};

use self::client::Client;
use super::{
    ConnectionId,
    encoding::Encoding,
    handshake::Role,
    limits::Limits,
    message::Message,
    room::{HostMode, Mod, Room, RoomId},
    sessions::{Arrival, Sessions},
    statistics::Statistics,
    uuid::{Uuid, Uuids},
};
use crate::peers::{self, Chore, Lobby as _, Standing};

/// An action of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was accepted. Only its address is known.
    Accepted(IpAddr),
    /// Its first frame shows that it is a lobby client. `Frame` follows with that frame.
    Entered {
        /// The address that it connects from.
        peer: IpAddr,
        /// Our own address that it connected to.
        local: SocketAddr,
    },
    /// A lobby client sent this payload.
    Frame(Bytes),
    /// A lobby client sent a frame whose length is not allowed.
    Garbled,
    /// Its first frame shows that it is a pipe.
    Pipe,
    /// It is a pipe that has sent its role and UUID. An [`Errand`] tells it about its partner.
    Arrived(Role, Uuid),
    /// It has ended. This is the last event of every connection.
    Ended,
}

/// An order of the lobby to the server.
pub type Effect = peers::Effect<RoomId, OpenRoom, Errand>;

/// Tells a pipe about its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand(pub ConnectionId, pub Arrival);

/// Something that happens to the lobby as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is time to ask clients for a sign of life.
    CheckHealth,
    /// It is time to look for sessions that have expired.
    Expire,
}

/// An open room, as it is passed on to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoom {
    /// The room's name.
    pub name: String,
    /// Players in it, host included.
    pub players: usize,
    /// How many players it can have.
    pub max_players: usize,
    /// Whether a password is needed.
    pub protected: bool,
    /// The host's mods.
    pub mods: Vec<Mod>,
    /// The version that the host sent with VER.
    pub version: String,
    /// Whether the host starts a new game or loads one.
    pub mode: HostMode,
    /// Our own address that the host connected to.
    pub local: SocketAddr,
}

/// The operator's choices about a lobby.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The limits.
    pub limits: Limits,
    /// Whether ROOT is answered.
    pub statistics: bool,
    /// How often clients are asked for a sign of life (`docs/specifications/vcmi-lobby.md`,
    /// section 13.2).
    pub health_check: Duration,
}

/// How often to look for sessions that have expired.
const SWEEP: Duration = Duration::from_secs(30);

/// See the [module](self).
#[derive(Debug)]
pub struct Lobby {
    rules: Rules,
    uuids: Uuids,
    statistics: Statistics,
    /// Ordered by id, which is the order of arrival.
    clients: BTreeMap<ConnectionId, Client>,
    rooms: BTreeMap<RoomId, Room>,
    next_room: u64,
    sessions: Sessions,
    pipes: BTreeSet<ConnectionId>,
    /// Rooms whose listing may have changed.
    changed: BTreeSet<RoomId>,
    /// The places in the lobby, and which clients have them.
    seats: Fair<ConnectionId>,
    effects: Vec<Effect>,
}

impl peers::Lobby for Lobby {
    type Event = Event;
    type News = News;
    type GameId = RoomId;
    type Game = OpenRoom;
    type Errand = Errand;

    fn ended() -> Event {
        Event::Ended
    }

    fn handle(&mut self, who: ConnectionId, what: Event, now: Instant) -> Vec<Effect> {
        match what {
            Event::Accepted(from) => self.statistics.accepted(from),
            Event::Entered { peer, local } => self.enter(who, peer, local),
            Event::Frame(payload) => self.frame(who, &payload, now),
            Event::Garbled => self.garbled(who),
            Event::Pipe => {
                self.statistics.clients += 1;
                self.pipes.insert(who);
            }
            Event::Arrived(role, uuid) => {
                let arrival = self.arrive(who, role, uuid, now);
                self.effects.push(Effect::Errand(Errand(who, arrival)));
            }
            Event::Ended => {
                self.pipes.remove(&who);
                self.sessions.end(who, now);
                self.remove(who);
            }
        }
        self.take_effects()
    }

    fn hear(&mut self, news: News, now: Instant, _: SystemTime) -> Vec<Effect> {
        match news {
            News::CheckHealth => self.check_health(),
            News::Expire => {
                self.expire(now);
                Vec::new()
            }
        }
    }

    fn standing(&self, who: ConnectionId) -> Standing {
        match self.clients.get(&who) {
            Some(client) if client.name.is_some() => Standing::Inside,
            Some(_) => Standing::Outside,
            None => Standing::Closing,
        }
    }

    fn players(&self) -> Option<usize> {
        let clients = self.clients.values();
        Some(clients.filter(|it| it.name.is_some()).count())
    }

    fn chores(&self) -> Vec<Chore<News>> {
        let health = Chore::every(self.rules.health_check, News::CheckHealth);
        vec![health, Chore::every(SWEEP, News::Expire)]
    }
}

impl Lobby {
    /// Makes an empty lobby. The UUIDs of its sessions come from `uuids`.
    #[must_use]
    pub fn new(rules: Rules, uuids: Uuids) -> Self {
        Self {
            uuids,
            statistics: Statistics::new(rules.limits.counted),
            clients: BTreeMap::new(),
            rooms: BTreeMap::new(),
            next_room: 0,
            sessions: Sessions::new(&rules.limits),
            pipes: BTreeSet::new(),
            changed: BTreeSet::new(),
            seats: Fair::default(),
            effects: Vec::new(),
            rules,
        }
    }

    /// Handles a pipe that has sent its role and UUID. It may do so again after it lost its
    /// partner.
    pub fn arrive(&mut self, who: ConnectionId, role: Role, uuid: Uuid, now: Instant) -> Arrival {
        let arrival = self.sessions.arrive(who, role, uuid, now);
        self.statistics.connections += u64::from(matches!(arrival, Arrival::Pairs(_)));
        arrival
    }

    /// Asks all clients that can answer for a sign of life, and disconnects those that have sent
    /// nothing since they were last asked. Call it once per health check period
    /// (`docs/specifications/vcmi-lobby.md`, section 13.2).
    pub fn check_health(&mut self) -> Vec<Effect> {
        self.ask_for_life();
        self.take_effects()
    }

    /// Forgets sessions that have had no connection for too long. Call it from time to time.
    pub fn expire(&mut self, now: Instant) {
        self.sessions.expire(now);
    }

    /// Whether this client is logged in.
    #[must_use]
    pub fn is_authorised(&self, who: ConnectionId) -> bool {
        self.standing(who) == Standing::Inside
    }

    fn enter(&mut self, who: ConnectionId, peer: IpAddr, local: SocketAddr) {
        let Limits {
            capacity,
            clients_per_host,
            ..
        } = self.rules.limits;
        let seat = self
            .seats
            .admit(Origin::new(peer), capacity, clients_per_host, who);
        let (seat, out) = match seat {
            Ok(Admitted::AtOnce(seat)) => (Some(seat), None),
            Ok(Admitted::InsteadOf { id, payload, .. }) => (Some(id), Some(payload)),
            Err(_) => (None, Some(who)),
        };
        self.clients.insert(who, Client::new(local, seat));
        if let Some(out) = out {
            tracing::info!(client = %out, "no place in the lobby: all {capacity} are taken");
            self.send(out, &Message::new("ERROR").arg("Server is full"));
            self.close(out);
        }
    }

    fn garbled(&mut self, who: ConnectionId) {
        self.send(
            who,
            &Message::new("ERROR").arg("Protocol error or incorrect encoding"),
        );
        self.close(who);
    }

    /// Removes a client and frees its place.
    fn forget(&mut self, who: ConnectionId) -> Option<Client> {
        let client = self.clients.remove(&who)?;
        if let Some(seat) = client.seat {
            self.seats.release(seat);
        }
        Some(client)
    }

    /// Removes a client, and closes its connection after everything sent to it.
    fn close(&mut self, who: ConnectionId) {
        if self.clients.contains_key(&who) {
            self.effects.push(Effect::Close(who));
            self.remove(who);
        }
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        for id in std::mem::take(&mut self.changed) {
            let Some(room) = self.rooms.get_mut(&id) else {
                continue;
            };
            let Some((max_players, host)) = room.total.zip(self.clients.get(&room.host)) else {
                continue;
            };
            room.listed = true;
            let open = OpenRoom {
                name: room.name.clone(),
                players: room.players.len(),
                max_players,
                protected: room.is_protected(),
                mods: room.mods.clone(),
                version: host.vcmi_version.clone(),
                mode: room.mode,
                local: host.local,
            };
            self.effects.push(Effect::List(id, open));
        }
        std::mem::take(&mut self.effects)
    }

    // Sending to clients.

    fn send(&mut self, to: ConnectionId, message: &Message) {
        if let Some(client) = self.clients.get(&to) {
            let bytes = client.encoding().encode(message.as_str());
            self.effects.push(Effect::Send(to, bytes));
        }
    }

    /// Sends one message to several clients. It is encoded once per encoding.
    fn send_all(&mut self, to: impl IntoIterator<Item = ConnectionId>, message: &Message) {
        let mut encoded: Vec<(Encoding, Bytes)> = Vec::new();
        for who in to {
            let Some(encoding) = self.clients.get(&who).map(Client::encoding) else {
                continue;
            };
            let known = encoded.iter().find(|(known, _)| *known == encoding);
            let bytes = known.map(|(_, bytes)| bytes.clone()).unwrap_or_else(|| {
                let bytes = encoding.encode(message.as_str());
                encoded.push((encoding, bytes.clone()));
                bytes
            });
            self.effects.push(Effect::Send(who, bytes));
        }
    }

    /// Returns the authorised clients for which `choose` is true, in the order of arrival.
    fn clients_where(&self, choose: impl Fn(&Client) -> bool) -> Vec<ConnectionId> {
        let authorised = self
            .clients
            .iter()
            .filter(|(_, client)| client.name.is_some());
        authorised
            .filter(|(_, client)| choose(client))
            .map(|(who, _)| *who)
            .collect()
    }

    fn send_sessions_to_all(&mut self) {
        let message = self.sessions_message();
        self.send_all(self.clients_where(|_| true), &message);
    }

    fn send_users_to_all(&mut self) {
        let message = self.users_message();
        self.send_all(
            self.clients_where(|client| client.version_is(|v| v.reads_users())),
            &message,
        );
    }

    /// Lists the open rooms only: a room without its number of players is not shown to others yet.
    fn sessions_message(&self) -> Message {
        let open = || {
            self.rooms
                .values()
                .filter_map(|room| Some((room, room.total?)))
        };
        let message = Message::new("SESSIONS").arg(open().count());
        open().fold(message, |message, (room, total)| {
            message
                .arg(&room.name)
                .arg(room.players.len())
                .arg(total)
                .truth(room.is_protected())
        })
    }

    fn users_message(&self) -> Message {
        let names = || {
            self.clients
                .values()
                .filter_map(|client| client.name.as_deref())
        };
        names().fold(Message::new("USERS").arg(names().count()), Message::arg)
    }
}
