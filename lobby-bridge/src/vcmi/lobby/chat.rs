//! MSG, CHANNEL, HERE, ROOT: talking and asking (`docs/specifications/vcmi-lobby.md`, sections 8.3,
//! 8.4, 8.15, 8.16).

use super::{
    Lobby,
    client::{Channel, Client, Place},
    commands::{Outcome, Refusal, Stop},
};
use crate::vcmi::{ConnectionId, message::Message};

impl Lobby {
    pub(super) fn msg(&mut self, who: ConnectionId, text: &str) -> Outcome {
        let Some(sender) = self.clients.get(&who) else {
            return Ok(());
        };
        let room = sender.plays_in();
        let hears = |client: &Client| match (sender.channel, room) {
            (Channel::Global, _) => true,
            (Channel::Room, Some(_)) => client.plays_in() == room,
            // A client on the channel that is in no room reaches only others like it.
            (Channel::Room, None) => client.channel == Channel::Room && client.plays_in().is_none(),
        };
        let reads_channels = |client: &Client| client.version_is(|v| v.reads_channels());
        let new = self.clients_where(|client| hears(client) && reads_channels(client));
        let old = self.clients_where(|client| hears(client) && !reads_channels(client));
        let channel = sender.channel.name();
        let for_new = Message::new("MSGCH")
            .arg(sender.name())
            .arg(channel)
            .arg(text);
        let for_old = Message::new("MSG").arg(sender.name()).arg(text);
        self.send_all(new, &for_new);
        self.send_all(old, &for_old);
        Ok(())
    }

    pub(super) fn channel(&mut self, who: ConnectionId, name: &str) -> Outcome {
        let Some(client) = self.clients.get_mut(&who) else {
            return Ok(());
        };
        let Some(channel) = Channel::named(name) else {
            return Err(Refusal::TakenRoomName(name.to_owned()).into());
        };
        if channel == client.channel {
            return Err(Stop::Silently);
        }
        client.channel = channel;
        self.send(who, &Message::new("CHANNEL").arg(channel.name()));
        Ok(())
    }

    pub(super) fn here(&mut self, who: ConnectionId) -> Outcome {
        let asks = self.clients.get(&who);
        if asks.is_some_and(|client| client.version_is(|v| v.reads_users())) {
            self.send(who, &self.users_message());
            return Ok(());
        }
        let mut text = String::from("People in lobby");
        for client in self.clients.values().filter(|client| client.name.is_some()) {
            text.push('\n');
            text.push_str(client.name());
            if let Some(room) = self.joined_room(client) {
                text.push_str(&format!("[room {room}]"));
            }
        }
        self.send(who, &Message::system(text));
        Ok(())
    }

    pub(super) fn root(&mut self, who: ConnectionId, field: &str) -> Outcome {
        let value = self
            .rules
            .statistics
            .then(|| self.statistics.field(field))
            .flatten();
        if let Some(value) = value {
            self.send(who, &Message::system(value));
        }
        Ok(())
    }

    /// Returns the name of the room that a client is in, as player or pending.
    fn joined_room<'a>(&'a self, client: &'a Client) -> Option<&'a str> {
        match &client.place {
            Place::Free => None,
            Place::Pending(_, name) => Some(name),
            Place::Host(id) | Place::Guest(id) => Some(&self.rooms.get(id)?.name),
        }
    }
}
