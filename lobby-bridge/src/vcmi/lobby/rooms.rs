//! NEW, PSWD, COUNT, JOIN, HOSTMODE, MODS: how a room comes to be and fills
//! (`docs/specifications/vcmi-lobby.md`, sections 8.5 to 8.10).

use super::{
    Lobby,
    client::Place,
    commands::{Outcome, Refusal},
};
use crate::vcmi::{
    ConnectionId,
    grammar::integer,
    message::Message,
    room::{HostMode, Mod, Room, RoomId, clean_room_name, is_room_name, mods},
};

/// How many players a game may have.
const TOTALS: std::ops::RangeInclusive<i64> = 2..=8;

impl Lobby {
    pub(super) fn new_room(&mut self, who: ConnectionId, name: &str) -> Outcome {
        let name = clean_room_name(name);
        let exists = self.room_named(&name).is_some();
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        if client.place != Place::Free {
            return Ok(());
        }
        if exists {
            return Err(Refusal::TakenRoomName(name).into());
        }
        if !is_room_name(&name, &self.rules.limits) {
            return Err(Refusal::InvalidRoomName(name).into());
        }
        let id = RoomId(self.next_room);
        self.next_room += 1;
        client.place = Place::Host(id);
        client.ready = false;
        self.rooms.insert(id, Room::new(name, who));
        self.statistics.rooms += 1;
        Ok(())
    }

    pub(super) fn count(&mut self, who: ConnectionId, number: &str) -> Outcome {
        let Some((id, room)) = self.hosted_by(who) else {
            return Ok(());
        };
        if room.total.is_some() {
            return Err(Refusal::CountIsFixed.into());
        }
        let total = integer(number).filter(|total| TOTALS.contains(total));
        let Some(total) = total.and_then(|total| usize::try_from(total).ok()) else {
            self.destroy(id);
            return Err(Refusal::InvalidCount.into());
        };
        room.total = Some(total);
        let name = room.name.clone();
        tracing::info!(client = %who, room = ?name, total, "opened a room");
        self.changed.insert(id);
        let join = Message::new("JOIN").arg(&name).arg(self.name_of(who));
        self.send(who, &Message::new("CREATED").arg(&name));
        self.send(who, &join);
        self.send_status(id);
        self.send_sessions_to_all();
        self.send(who, &Message::system("You are in the room chat."));
        Ok(())
    }

    pub(super) fn join(&mut self, who: ConnectionId, name: &str) -> Outcome {
        let name = clean_room_name(name);
        let room = self
            .room_named(&name)
            .map(|(id, room)| (id, room.is_full()));
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        if client.place != Place::Free {
            return Ok(());
        }
        match room {
            None => Err(Refusal::UnknownRoom(name).into()),
            Some((_, true)) => Err(Refusal::FullRoom(name).into()),
            Some((id, false)) => {
                client.ready = false;
                client.place = Place::Pending(id, name);
                Ok(())
            }
        }
    }

    pub(super) fn pswd(&mut self, who: ConnectionId, password: &str) -> Outcome {
        let password: String = password
            .chars()
            .take(self.rules.limits.text_chars)
            .collect();
        if let Some((id, room)) = self.hosted_by(who) {
            room.password = password;
            self.changed.insert(id);
            return Ok(());
        }
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        let Place::Pending(id, name) = &client.place else {
            return Ok(());
        };
        let (id, name) = (*id, name.clone());
        client.place = Place::Free;
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(Refusal::UnknownRoom(name).into());
        };
        if !room.opens_with(&password) {
            return Err(Refusal::WrongPassword.into());
        }
        if room.is_full() {
            return Err(Refusal::FullRoom(name).into());
        }
        room.players.push(who);
        client.place = Place::Guest(id);
        self.changed.insert(id);
        self.announce_join(who, id);
        Ok(())
    }

    fn announce_join(&mut self, who: ConnectionId, id: RoomId) {
        let Some(room) = self.rooms.get(&id) else {
            return;
        };
        let Some((guest, host)) = self.clients.get(&who).zip(self.clients.get(&room.host)) else {
            return;
        };
        let join = Message::new("JOIN").arg(&room.name).arg(guest.name());
        let mode = Message::new("GAMEMODE").arg(room.mode);
        let reads_mode = guest.version_is(|v| v.reads_users());
        let reads_welcome = !guest.version_is(|v| v.reads_channels());
        let (ours, theirs) = (&guest.vcmi_version, &host.vcmi_version);
        let warning = (ours != theirs).then(|| {
            Message::system(format_args!(
                "Your VCMI version {ours} differs from host version {theirs}, \
                 which may cause problems"
            ))
        });

        self.send_players(id, &join);
        self.send_status(id);
        self.send_sessions_to_all();
        if reads_mode {
            self.send(who, &mode);
        }
        if reads_welcome {
            self.send(who, &Message::system("You are in the room chat."));
        }
        if let Some(warning) = warning {
            self.send(who, &warning);
        }
    }

    pub(super) fn host_mode(&mut self, who: ConnectionId, number: &str) -> Outcome {
        let Some((id, room)) = self.hosted_by(who) else {
            let client = self.clients.get(&who);
            return match client.is_none_or(|client| client.place == Place::Free) {
                true => Ok(()),
                false => Err(Refusal::NotHost.into()),
            };
        };
        let Some(mode) = integer(number).and_then(HostMode::new) else {
            return Ok(());
        };
        room.mode = mode;
        let players = room.players.clone();
        self.changed.insert(id);
        let reads_mode = |who: &ConnectionId| {
            let client = self.clients.get(who);
            client.is_some_and(|client| client.version_is(|v| v.reads_users()))
        };
        let players: Vec<_> = players.into_iter().filter(reads_mode).collect();
        self.send_all(players, &Message::new("GAMEMODE").arg(mode));
        Ok(())
    }

    pub(super) fn mods(&mut self, who: ConnectionId, list: &str) -> Outcome {
        let Some(client) = self.clients.get(&who) else {
            return Ok(());
        };
        let Some((id, name)) = client.plays_in().map(|id| (id, client.name())) else {
            return Ok(());
        };
        let list = mods(list, &self.rules.limits);
        let append = |message: Message, list: &[Mod]| {
            let message = message.arg(list.len());
            list.iter()
                .fold(message, |message, m| message.arg(&m.name).arg(&m.version))
        };
        let of_other = append(Message::new("MODSOTHER").arg(name), &list);
        let Some(room) = self.rooms.get_mut(&id) else {
            return Ok(());
        };
        if room.host == who {
            room.mods = list;
            self.changed.insert(id);
        }
        let host = room.host;
        let of_room = append(Message::new("MODS"), &room.mods);
        self.send(who, &of_room);
        let host_version = self.clients.get(&host);
        if host_version.is_some_and(|host| host.version_is(|v| v.reads_mods_of_others())) {
            self.send(host, &of_other);
        }
        Ok(())
    }

    // Finding rooms and their players.

    pub(super) fn room_named(&self, name: &str) -> Option<(RoomId, &Room)> {
        self.rooms
            .iter()
            .find(|(_, room)| room.name == name)
            .map(|(id, room)| (*id, room))
    }

    pub(super) fn hosted_by(&mut self, who: ConnectionId) -> Option<(RoomId, &mut Room)> {
        let Place::Host(id) = self.clients.get(&who)?.place else {
            return None;
        };
        Some((id, self.rooms.get_mut(&id)?))
    }

    pub(super) fn name_of(&self, who: ConnectionId) -> &str {
        self.clients.get(&who).map_or("", |client| client.name())
    }

    pub(super) fn players(&self, id: RoomId) -> Vec<ConnectionId> {
        self.rooms
            .get(&id)
            .map(|room| room.players.clone())
            .unwrap_or_default()
    }

    pub(super) fn send_players(&mut self, id: RoomId, message: &Message) {
        self.send_all(self.players(id), message);
    }

    pub(super) fn send_status(&mut self, id: RoomId) {
        let players = self.players(id);
        let message = Message::new("STATUS").arg(players.len());
        let message = players.iter().fold(message, |message, who| {
            let ready = self.clients.get(who).is_some_and(|client| client.ready);
            message.arg(self.name_of(*who)).truth(ready)
        });
        self.send_all(players, &message);
    }
}
