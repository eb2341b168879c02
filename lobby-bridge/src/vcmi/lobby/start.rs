//! READY and FORCESTART: how a room becomes a session (`docs/specifications/vcmi-lobby.md`,
//! sections 8.13, 8.14 and 11).

use std::time::Instant;

use super::{
    Effect, Lobby,
    commands::{Outcome, Refusal},
};
use crate::vcmi::{
    ConnectionId,
    message::Message,
    room::{RoomId, clean_room_name},
};

impl Lobby {
    pub(super) fn ready(&mut self, who: ConnectionId, name: &str, now: Instant) -> Outcome {
        let Some(id) = self.own_room(who, name) else {
            return Ok(());
        };
        let is_host = self.hosted_by(who).is_some();
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        client.ready = !client.ready;
        let at_once = is_host && client.version_is(|v| v.starts_when_ready());
        self.send_status(id);
        if at_once || self.all_are_ready(id) {
            self.start(id, now);
        }
        Ok(())
    }

    pub(super) fn force_start(&mut self, who: ConnectionId, name: &str, now: Instant) -> Outcome {
        let Some(id) = self.own_room(who, name) else {
            return Ok(());
        };
        if self.hosted_by(who).is_none() {
            return Err(Refusal::NotHost.into());
        }
        self.start(id, now);
        Ok(())
    }

    /// Returns the room that a client plays in, if it has this name.
    fn own_room(&self, who: ConnectionId, name: &str) -> Option<RoomId> {
        let id = self.clients.get(&who)?.plays_in()?;
        (self.rooms.get(&id)?.name == clean_room_name(name)).then_some(id)
    }

    /// Whether a room has more than one player, and all of them are ready.
    pub(super) fn all_are_ready(&self, id: RoomId) -> bool {
        let players = self.players(id);
        let ready = |who: &ConnectionId| self.clients.get(who).is_some_and(|client| client.ready);
        players.len() > 1 && players.iter().all(ready)
    }

    /// Gives out the UUIDs, sends the players to their game and tells all other clients.
    pub(super) fn start(&mut self, id: RoomId, now: Instant) {
        let Some(room) = self.rooms.remove(&id) else {
            return;
        };
        let server = self.uuids.take();
        let clients: Vec<_> = room.players.iter().map(|_| self.uuids.take()).collect();
        self.sessions.open(server, &clients, now);
        self.statistics.sessions += 1;
        tracing::info!(room = ?room.name, players = room.players.len(), "started a session");

        // The launcher remembers HOST and acts on START, so HOST must come first.
        let others = room.players.len() - 1;
        self.send(room.host, &Message::new("HOST").arg(server).arg(others));
        for (player, client) in room.players.iter().zip(clients) {
            self.send(*player, &Message::new("START").arg(client));
        }
        for player in room.players {
            self.effects.push(Effect::Close(player));
            self.forget(player);
        }
        if room.listed {
            self.effects.push(Effect::Unlist(id));
        }
        self.send_sessions_to_all();
        self.send_users_to_all();
    }
}
