//! Servers of the registry, which are shown as games in all rooms.

use std::time::Instant;

use metaserve_client::ServerId;

use super::{Hall, Shown};
use crate::{
    aleph_one::{
        GameId,
        event::{Effect, Native, NativeGame},
    },
    follow::Change,
};

impl Hall {
    /// Takes in all changes of servers of the registry, before any of them is shown.
    pub(super) fn natives_changed(
        &mut self,
        changes: Vec<Change<Native>>,
        now: Instant,
    ) -> Vec<Effect> {
        let (mut to_show, mut to_withdraw) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Show(server, Native { game, .. }) => {
                    let known = self.servers.remove(&server);
                    let id = known.and_then(|known| known.id);
                    self.servers.insert(server, Shown { game, id });
                    to_show.push(server);
                }
                Change::Withdraw(server) => {
                    let known = self.servers.remove(&server);
                    to_withdraw.extend(known.and_then(|known| known.id));
                }
            }
        }
        let mut effects = Vec::new();
        for id in to_withdraw {
            effects.extend(self.withdraw(id, now));
        }
        for server in to_show {
            effects.extend(self.show_server(server, now));
        }
        // Free places go to servers that were left out before.
        let free = self.rules.limits.native_games;
        let free = free.saturating_sub(self.natives.len());
        let left_out = self.servers.iter().filter(|(_, it)| it.id.is_none());
        let left_out: Vec<ServerId> = left_out.map(|(id, _)| *id).take(free).collect();
        for server in left_out {
            effects.extend(self.show_server(server, now));
        }
        effects
    }

    fn show_server(&mut self, server: ServerId, now: Instant) -> Vec<Effect> {
        let Some(Shown { game, id }) = self.servers.get(&server) else {
            return Vec::new();
        };
        let (id, effects) = self.show(*id, game.clone(), now);
        match (id, self.servers.get_mut(&server)) {
            (Some(_), Some(known)) => known.id = id,
            _ => tracing::warn!(%server, "not shown to players: there are too many servers"),
        }
        effects
    }

    /// Shows a server of the registry as a game, or what has changed about it. Returns its game
    /// id, or `None` if there are too many.
    pub fn show(
        &mut self,
        known: Option<GameId>,
        game: NativeGame,
        now: Instant,
    ) -> (Option<GameId>, Vec<Effect>) {
        let mut effects = Vec::new();
        let full = self.natives.len() >= self.rules.limits.native_games;
        let id = match known {
            Some(id) => Some(id),
            None if full => None,
            None => self.game_ids.take().map(GameId),
        };
        if let Some(id) = id {
            self.natives.insert(id, game.clone());
            self.in_all_rooms(now, &mut effects, |room, turn| {
                room.show_native(id, &game, turn);
            });
        }
        (id, effects)
    }

    /// Stops showing a server of the registry.
    pub fn withdraw(&mut self, id: GameId, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.natives.remove(&id).is_some() {
            self.in_all_rooms(now, &mut effects, |room, turn| {
                room.withdraw_native(id, turn);
            });
            self.game_ids.give_back(id.0);
        }
        effects
    }
}
