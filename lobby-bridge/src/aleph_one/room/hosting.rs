//! Where games are hosted: by their gatherers, or by a hub
//! (`docs/specifications/myth-metaserver.md`, sections 15.1, 15.2 and 17).

use std::net::{IpAddr, SocketAddrV4};

use bytes::Bytes;

use super::{Game, GameId, Room, Turn, UserId, event, logged::hexadecimal};
use crate::aleph_one::{
    description::Description,
    event::{Effect, Errand, NoHub},
    received::CreateGame,
    sent::Verb,
    text,
};

impl Room {
    /// Handles a player's new game, or a new description of it.
    pub(super) fn create_game(&mut self, user: UserId, packet: CreateGame, turn: &mut Turn<'_>) {
        let CreateGame {
            port,
            hub,
            description,
        } = packet;
        // One unreadable game would make clients drop the whole list.
        if let Err(error) = Description::parse(&description) {
            tracing::info!(%user, "refused a game: {error}");
            let line = format!("Your game cannot be listed: {error}.");
            return self.tell(user, &text::encode(&line), turn);
        }
        // A copy, so that the whole frame need not be kept.
        let description = Bytes::copy_from_slice(&description);
        match hub {
            0 => self.host_directly(user, port, description, turn),
            hub => self.host_at_hub(user, hub, description, turn),
        }
    }

    fn host_directly(&mut self, user: UserId, port: u16, description: Bytes, turn: &mut Turn<'_>) {
        let peer = self
            .members
            .get(&user)
            .map(|member| member.peer.to_canonical());
        match (peer, port) {
            (Some(IpAddr::V4(ip)), 1..) => {
                self.host(user, SocketAddrV4::new(ip, port), None, description, turn);
            }
            (Some(IpAddr::V4(_)), 0) => {
                self.tell(user, b"Your game cannot be listed: it has no port.", turn);
            }
            (Some(IpAddr::V6(_)), _) => {
                let line =
                    b"Your game cannot be listed: you are connected over IPv6, which others \
                              cannot join by. Use a hub, or connect over IPv4.";
                self.tell(user, line, turn);
            }
            (None, _) => {}
        }
    }

    /// Reserves a hub before looking it up, so that no one else can take it in the meantime.
    fn host_at_hub(&mut self, user: UserId, hub: u16, description: Bytes, turn: &mut Turn<'_>) {
        if turn.hubs.get(&hub).is_some_and(|owner| *owner != user) {
            return self.tell(user, b"That hub is busy. Please choose another one.", turn);
        }
        if let Some((_, _, game)) = self.game_of(user)
            && game.hub == Some(hub)
        {
            let address = game.address;
            return self.host(user, address, Some(hub), description, turn);
        }
        if let Some(member) = self.members.get_mut(&user) {
            if let Some((other, _)) = member.pending.replace((hub, description)) {
                turn.hubs.remove(&other);
            }
            turn.hubs.insert(hub, user);
            turn.effects
                .push(Effect::Errand(Errand::FindHub(member.connection, hub)));
        }
    }

    /// Takes the result of a hub's lookup.
    pub(in crate::aleph_one) fn hub_found(
        &mut self,
        user: UserId,
        hub: u16,
        found: Result<SocketAddrV4, NoHub>,
        turn: &mut Turn<'_>,
    ) {
        let Some(member) = self.members.get_mut(&user) else {
            return;
        };
        let Some((_, description)) = member.pending.take_if(|(wanted, _)| *wanted == hub) else {
            return;
        };
        match found {
            Ok(address) => self.host(user, address, Some(hub), description, turn),
            Err(problem) => {
                turn.hubs.remove(&hub);
                let line: &[u8] = match problem {
                    NoHub::Unknown => b"There is no such hub. Please choose another one.",
                    NoHub::Unavailable => b"Hubs cannot be used at the moment.",
                };
                self.tell(user, line, turn);
            }
        }
    }

    /// Hosts the player's game at this address from now on, and tells everybody.
    fn host(
        &mut self,
        user: UserId,
        address: SocketAddrV4,
        hub: Option<u16>,
        description: Bytes,
        turn: &mut Turn<'_>,
    ) {
        let row = self
            .members
            .get(&user)
            .map(|member| event("create game", member, Some(hexadecimal(&description))));
        let (id, verb) = if let Some((_, id, game)) = self.game_of(user) {
            if let Some(old) = game.hub.filter(|old| Some(*old) != hub) {
                turn.hubs.remove(&old);
            }
            (game.address, game.hub, game.description) = (address, hub, description);
            (id, Verb::Change)
        } else {
            let Some(id) = turn.ids.take().map(GameId) else {
                return self.tell(user, b"There are too many games at the moment.", turn);
            };
            let game = Game {
                gatherer: Some(user),
                address,
                description,
                started: None,
                length: None,
                hub,
            };
            self.games.insert(id, game);
            if let Some(member) = self.members.get_mut(&user) {
                member.game = Some(id);
            }
            (id, Verb::Add)
        };
        turn.effects
            .extend(row.map(Errand::Log).map(Effect::Errand));
        self.game_changed(id, verb, turn);
    }
}
