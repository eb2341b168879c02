//! Games that have started: which pipes may connect, which are partners, and when a session is
//! forgotten (`docs/specifications/vcmi-lobby.md`, sections 11 and 12). Pure: no sockets, no clock.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::{ConnectionId, handshake::Role, limits::Limits, uuid::Uuid};

/// The result for a pipe connection that has sent its role and UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// No session has this UUID in this role, or too many connections are open.
    Refused,
    /// There is no partner yet.
    Waits,
    /// This is the partner: the pipe that has waited longest. It waits no more.
    Pairs(ConnectionId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct SessionId(u64);

#[derive(Debug)]
struct Session {
    uuids: Vec<Uuid>,
    /// Waiting pipes. All have the same role: two of different roles are paired at once.
    waiting: VecDeque<(Role, ConnectionId)>,
    connections: usize,
    /// When the last connection ended; `None` while there is one.
    empty_since: Option<Instant>,
}

/// All sessions. A UUID can be used again: a player can come back to a game while the session is
/// remembered.
#[derive(Debug)]
pub struct Sessions {
    limits: Limits,
    next: u64,
    sessions: HashMap<SessionId, Session>,
    uuids: HashMap<Uuid, (SessionId, Role)>,
    pipes: HashMap<ConnectionId, SessionId>,
}

impl Sessions {
    /// Makes an empty set, bounded by `sessions`, `pipes` and `pipes_per_session` of `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            next: 0,
            sessions: HashMap::new(),
            uuids: HashMap::new(),
            pipes: HashMap::new(),
        }
    }

    /// Remembers a new session. If there are too many, forgets the one that has been without a
    /// connection for longest.
    pub fn open(&mut self, server: Uuid, clients: &[Uuid], now: Instant) {
        if self.sessions.len() >= self.limits.sessions {
            let empty = self
                .sessions
                .iter()
                .filter_map(|(id, session)| session.empty_since.map(|since| (since, *id)));
            if let Some((_, oldest)) = empty.min() {
                self.forget(oldest);
            }
        }
        let id = SessionId(self.next);
        self.next += 1;
        let uuids = std::iter::once((server, Role::Server))
            .chain(clients.iter().map(|client| (*client, Role::Client)));
        let mut session = Session {
            uuids: Vec::with_capacity(clients.len() + 1),
            waiting: VecDeque::new(),
            connections: 0,
            empty_since: Some(now),
        };
        for (uuid, role) in uuids {
            session.uuids.push(uuid);
            self.uuids.insert(uuid, (id, role));
        }
        self.sessions.insert(id, session);
    }

    /// Handles a connection that has sent its role and UUID. It may do so again if its partner is
    /// gone; it then gets another one.
    pub fn arrive(&mut self, who: ConnectionId, role: Role, uuid: Uuid, now: Instant) -> Arrival {
        let Some(&(id, known)) = self.uuids.get(&uuid) else {
            return Arrival::Refused;
        };
        let Some(session) = self.sessions.get_mut(&id).filter(|_| known == role) else {
            return Arrival::Refused;
        };
        if session.is_over(now, self.limits.session_time) {
            self.forget(id);
            return Arrival::Refused;
        }
        if !self.pipes.contains_key(&who) {
            if session.connections >= self.limits.pipes_per_session {
                return Arrival::Refused;
            }
            self.pipes.insert(who, id);
            session.connections += 1;
            session.empty_since = None;
        }
        match session.waiting.front() {
            Some(&(other, partner)) if other != role => {
                session.waiting.pop_front();
                Arrival::Pairs(partner)
            }
            _ => {
                session.waiting.push_back((role, who));
                Arrival::Waits
            }
        }
    }

    /// Handles the end of a connection, wherever it was. After the last connection of a session,
    /// the time begins after which the session is forgotten.
    pub fn end(&mut self, who: ConnectionId, now: Instant) {
        let Some(id) = self.pipes.remove(&who) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.waiting.retain(|(_, waiting)| *waiting != who);
        session.connections -= 1;
        if session.connections == 0 {
            session.empty_since = Some(now);
        }
    }

    /// Forgets every session that has been without a connection for too long.
    pub fn expire(&mut self, now: Instant) {
        let over: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_over(now, self.limits.session_time))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.forget(id);
        }
    }

    /// How many sessions are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn forget(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            for uuid in session.uuids {
                self.uuids.remove(&uuid);
            }
        }
    }
}

impl Session {
    fn is_over(&self, now: Instant, kept: Duration) -> bool {
        self.empty_since
            .is_some_and(|since| now.saturating_duration_since(since) >= kept)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;
    use crate::vcmi::uuid::Uuids;

    /// A session of one game server and three players, and a clock that the test sets.
    struct Game {
        sessions: Sessions,
        server: Uuid,
        clients: [Uuid; 3],
        now: Instant,
    }

    impl Game {
        fn new(limits: &Limits) -> Self {
            let mut uuids = Uuids::from_seed([0; 32]);
            let (server, clients) = (uuids.take(), [(); 3].map(|()| uuids.take()));
            let now = Instant::now();
            let mut sessions = Sessions::new(limits);
            sessions.open(server, &clients, now);
            Self {
                sessions,
                server,
                clients,
                now,
            }
        }

        fn server(&mut self, who: u64) -> Arrival {
            self.sessions
                .arrive(ConnectionId(who), Role::Server, self.server, self.now)
        }

        fn client(&mut self, who: u64) -> Arrival {
            let uuid = self.clients[who as usize % 3];
            self.sessions
                .arrive(ConnectionId(who), Role::Client, uuid, self.now)
        }

        fn end(&mut self, who: u64) {
            self.sessions.end(ConnectionId(who), self.now);
        }

        fn wait(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
            self.sessions.expire(self.now);
        }
    }

    fn pairs(with: u64) -> Arrival {
        Arrival::Pairs(ConnectionId(with))
    }

    #[test]
    fn the_partner_is_the_pipe_of_the_other_role_that_has_waited_longest() {
        let mut game = Game::new(&Limits::default());
        assert_eq!(game.client(1), Arrival::Waits);
        assert_eq!(game.client(2), Arrival::Waits);
        assert_eq!(game.server(10), pairs(1));
        assert_eq!(game.server(11), pairs(2));
        assert_eq!(game.server(12), Arrival::Waits);
        assert_eq!(game.client(3), pairs(12));
    }

    #[test]
    fn a_pipe_that_ended_while_waiting_is_not_paired() {
        let mut game = Game::new(&Limits::default());
        assert_eq!(game.client(1), Arrival::Waits);
        game.end(1);
        assert_eq!(game.client(4), Arrival::Waits);
        assert_eq!(game.server(10), pairs(4));
    }

    #[test]
    fn a_pipe_that_lost_its_partner_gets_another_and_is_counted_once() {
        let mut game = Game::new(&Limits {
            pipes_per_session: 2,
            ..Limits::default()
        });
        assert_eq!(game.client(1), Arrival::Waits);
        assert_eq!(game.server(10), pairs(1));
        game.end(1);
        assert_eq!(game.server(10), Arrival::Waits);
        assert_eq!(game.client(2), pairs(10));
        assert_eq!(game.client(3), Arrival::Refused);
    }

    #[test]
    fn a_uuid_opens_only_its_own_role() {
        let mut game = Game::new(&Limits::default());
        let (server, client, now) = (game.server, game.clients[0], game.now);
        let sessions = &mut game.sessions;
        assert_eq!(
            sessions.arrive(ConnectionId(1), Role::Client, server, now),
            Arrival::Refused
        );
        assert_eq!(
            sessions.arrive(ConnectionId(1), Role::Server, client, now),
            Arrival::Refused
        );
        let unknown = Uuids::from_seed([9; 32]).take();
        assert_eq!(
            sessions.arrive(ConnectionId(1), Role::Server, unknown, now),
            Arrival::Refused
        );
    }

    #[test]
    fn an_unused_session_is_forgotten_after_half_an_hour() {
        let mut game = Game::new(&Limits::default());
        game.wait(1_799);
        assert_eq!(game.sessions.len(), 1);
        assert!(!game.sessions.is_empty());
        game.wait(1);
        assert!(game.sessions.is_empty());
        assert_eq!(game.client(1), Arrival::Refused);
    }

    #[test]
    fn a_connection_stops_the_countdown_and_its_end_restarts_it() {
        let mut game = Game::new(&Limits::default());
        game.wait(1_700);
        assert_eq!(game.client(1), Arrival::Waits);
        game.wait(10_000);
        game.end(1);
        game.wait(1_799);
        assert_eq!(game.client(1), Arrival::Waits);
        game.end(1);
        game.wait(1_800);
        assert_eq!(game.client(1), Arrival::Refused);
    }

    #[test]
    fn an_expired_session_is_refused_even_before_it_is_removed() {
        let mut game = Game::new(&Limits::default());
        game.now += Duration::from_secs(1_800);
        assert_eq!(game.client(1), Arrival::Refused);
        assert!(game.sessions.is_empty());
    }

    #[test]
    fn beyond_the_limit_the_session_longest_without_a_connection_is_forgotten() {
        let mut game = Game::new(&Limits {
            sessions: 2,
            ..Limits::default()
        });
        assert_eq!(game.client(1), Arrival::Waits);
        let mut uuids = Uuids::from_seed([1; 32]);
        let servers = [(); 3].map(|()| uuids.take());
        for server in servers {
            game.wait(1);
            game.sessions.open(server, &[], game.now);
        }
        let known = servers.map(|uuid| game.sessions.uuids.contains_key(&uuid));
        assert_eq!(known, [false, false, true]);
        assert_eq!(game.server(10), pairs(1), "the one in use stays");
    }
}
