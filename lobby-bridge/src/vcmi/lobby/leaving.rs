//! LEAVE, KICK, the end of a connection, the health check: how clients and rooms go
//! (`docs/specifications/vcmi-lobby.md`, sections 8.11, 8.12, 10.1 and 13.2).

use std::time::Instant;

use super::{
    Effect, Lobby,
    client::Place,
    commands::{Outcome, Refusal},
};
use crate::vcmi::{
    ConnectionId,
    message::Message,
    room::{RoomId, clean_room_name},
};

impl Lobby {
    pub(super) fn leave(&mut self, who: ConnectionId, name: &str) -> Outcome {
        let name = clean_room_name(name);
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        if let Place::Pending(_, pending) = &client.place {
            if *pending == name {
                client.place = Place::Free;
            }
            return Ok(());
        }
        let Some(id) = client.plays_in() else {
            return Ok(());
        };
        if self.rooms.get(&id).is_none_or(|room| room.name != name) {
            return Ok(());
        }
        if self.hosted_by(who).is_some() {
            self.destroy(id);
        } else {
            self.take_out(who, id);
            for player in self.players(id) {
                if let Some(client) = self.clients.get_mut(&player) {
                    client.ready = false;
                }
            }
            self.send_status(id);
        }
        self.send_sessions_to_all();
        Ok(())
    }

    pub(super) fn kick(&mut self, who: ConnectionId, name: &str, now: Instant) -> Outcome {
        let Some((id, room)) = self.hosted_by(who) else {
            let client = self.clients.get(&who);
            return match client.and_then(|client| client.plays_in()) {
                Some(_) => Err(Refusal::NotHost.into()),
                None => Ok(()),
            };
        };
        let guests: Vec<_> = room
            .players
            .iter()
            .copied()
            .filter(|player| *player != who)
            .collect();
        let Some(guest) = guests
            .into_iter()
            .find(|guest| self.name_of(*guest) == name)
        else {
            return Ok(());
        };
        self.take_out(guest, id);
        self.send_status(id);
        if self.all_are_ready(id) {
            self.start(id, now);
        } else {
            self.send_sessions_to_all();
        }
        Ok(())
    }

    /// Announces that a guest leaves, to that guest as well, and sets it free.
    fn take_out(&mut self, guest: ConnectionId, id: RoomId) {
        let Some(room) = self.rooms.get(&id) else {
            return;
        };
        let kick = Message::new("KICK")
            .arg(&room.name)
            .arg(self.name_of(guest));
        self.send_players(id, &kick);
        if let Some(room) = self.rooms.get_mut(&id) {
            room.players.retain(|player| *player != guest);
        }
        if let Some(client) = self.clients.get_mut(&guest) {
            client.place = Place::Free;
            client.ready = false;
        }
        self.changed.insert(id);
    }

    /// Removes a room. All its players are told that they were kicked, and are free. Clients that
    /// are about to join learn of it when they send the password.
    pub(super) fn destroy(&mut self, id: RoomId) {
        let Some(room) = self.rooms.remove(&id) else {
            return;
        };
        for player in room.players {
            let Some(client) = self.clients.get_mut(&player) else {
                continue;
            };
            client.place = Place::Free;
            client.ready = false;
            let kick = Message::new("KICK").arg(&room.name).arg(client.name());
            self.send(player, &kick);
        }
        if room.listed {
            self.effects.push(Effect::Unlist(id));
        }
    }

    /// Removes a lobby client, if it is one, and tells those who need to know.
    pub(super) fn remove(&mut self, who: ConnectionId) {
        let Some(client) = self.forget(who) else {
            return;
        };
        match client.place {
            Place::Free | Place::Pending(..) => {}
            Place::Guest(id) => {
                if let Some(room) = self.rooms.get_mut(&id) {
                    room.players.retain(|player| *player != who);
                    let kick = Message::new("KICK").arg(&room.name).arg(client.name());
                    self.send_players(id, &kick);
                }
                self.send_status(id);
                self.changed.insert(id);
                self.send_sessions_to_all();
            }
            Place::Host(id) => {
                self.destroy(id);
                self.send_sessions_to_all();
            }
        }
        if client.name.is_some() {
            tracing::info!(client = %who, name = ?client.name(), "left");
            self.send_users_to_all();
        }
    }

    pub(super) fn ask_for_life(&mut self) {
        let health = Message::new("HEALTH").arg("");
        for who in self.clients_where(|client| client.version_is(|v| v.reads_users())) {
            let Some(client) = self.clients.get_mut(&who) else {
                continue;
            };
            if client.asked {
                tracing::info!(client = %who, name = ?client.name(), "disconnected: no sign of life");
                self.close(who);
            } else {
                client.asked = true;
                self.send(who, &health);
            }
        }
    }
}
