//! The list of games (`docs/specifications/myth-metaserver.md`, section 15).

use std::time::Instant;

use super::{Game, GameId, Member, Room, Turn, UserId, event};
use crate::aleph_one::{
    denial::Denial,
    event::{Effect, ListedGame, NativeGame},
    sent::{List, Verb},
};

/// A length of a week or more, in ticks, means no time limit
/// (`docs/specifications/myth-metaserver.md`, section 15.4).
const UNTIMED_TICKS: i32 = 18_144_000;

const TICKS_PER_SECOND: u32 = 30;

impl Room {
    /// Returns how many games its players have gathered.
    pub(in crate::aleph_one) fn gathered(&self) -> usize {
        let gathered = |game: &&Game| game.gatherer.is_some();
        self.games.values().filter(gathered).count()
    }

    /// Starts a game (`docs/specifications/myth-metaserver.md`, section 15.4).
    pub(super) fn start_game(
        &mut self,
        user: UserId,
        ticks: i32,
        turn: &mut Turn<'_>,
    ) -> Result<(), Denial> {
        let now = turn.now;
        let (member, id, game) = self.game_of(user).ok_or(Denial::SYNTAX)?;
        game.started = Some(now);
        if let (1..UNTIMED_TICKS, Ok(ticks)) = (ticks, u32::try_from(ticks)) {
            game.length = Some(ticks / TICKS_PER_SECOND);
        }
        member.end_test(turn);
        let row = event("start game", member, Some(ticks.to_string().into_bytes()));
        turn.log(row);
        self.game_changed(id, Verb::Change, turn);
        Ok(())
    }

    /// Marks a game as not started (`docs/specifications/myth-metaserver.md`, section 15.5).
    pub(super) fn reset_game(&mut self, user: UserId, turn: &mut Turn<'_>) {
        if let Some((_, id, game)) = self.game_of(user) {
            (game.started, game.length) = (None, None);
            self.game_changed(id, Verb::Change, turn);
        }
    }

    /// Removes a game (`docs/specifications/myth-metaserver.md`, section 15.3).
    pub(super) fn end_game(&mut self, user: UserId, turn: &mut Turn<'_>) {
        let Some(mut member) = self.members.remove(&user) else {
            return;
        };
        member.end_test(turn);
        let game = member.game.take();
        self.members.insert(user, member);
        if let (Some(id), Some(member)) = (game, self.members.get(&user)) {
            let row = event("remove game", member, None);
            self.drop_game(id, turn);
            turn.log(row);
        }
    }

    /// Removes the game of a player who is leaving from the list.
    pub(super) fn remove_game(&mut self, id: GameId, member: &Member, turn: &mut Turn<'_>) {
        self.drop_game(id, turn);
        turn.log(event("remove game", member, None));
    }

    fn drop_game(&mut self, id: GameId, turn: &mut Turn<'_>) {
        let Some(game) = self.games.remove(&id) else {
            return;
        };
        self.tell_gone(id, &game, turn);
        turn.effects.push(Effect::Unlist(id));
        turn.ids.give_back(id.0);
        if let Some(hub) = game.hub {
            turn.hubs.remove(&hub);
        }
    }

    fn tell_gone(&mut self, id: GameId, game: &Game, turn: &mut Turn<'_>) {
        let entry = game.entry(id, turn.now).encode(Verb::Delete);
        let mut list = List::games();
        list.entry(&entry);
        for frame in list.frames() {
            self.broadcast(&frame, turn);
        }
        self.missed_game(id, &entry);
    }

    /// Tells the players and the registry about a new or changed game.
    pub(super) fn game_changed(&self, id: GameId, verb: Verb, turn: &mut Turn<'_>) {
        if let Some(game) = self.games.get(&id) {
            self.tell_game(id, game, verb, turn);
            self.relist(id, game, turn.now, turn.effects);
        }
    }

    /// Tells the registry how long games with a time limit still last.
    pub(in crate::aleph_one) fn relist_timed(&self, now: Instant, effects: &mut Vec<Effect>) {
        for (id, game) in &self.games {
            if game.seconds_left(now).is_some() {
                self.relist(*id, game, now, effects);
            }
        }
    }

    fn relist(&self, id: GameId, game: &Game, now: Instant, effects: &mut Vec<Effect>) {
        let gatherer = game.gatherer.and_then(|user| self.members.get(&user));
        let Some(gatherer) = gatherer else {
            return;
        };
        let listed = ListedGame {
            address: game.address,
            description: game.description.clone(),
            started: game.started.is_some(),
            seconds_left: game.seconds_left(now),
            gatherer: gatherer.name.clone(),
        };
        effects.push(Effect::List(id, Box::new(listed)));
    }

    /// Shows a new or changed server of the registry.
    pub(in crate::aleph_one) fn show_native(
        &mut self,
        id: GameId,
        native: &NativeGame,
        turn: &mut Turn<'_>,
    ) {
        let game = Game {
            gatherer: None,
            address: native.address,
            description: native.description.clone(),
            started: native.seconds_left.map(|_| turn.now),
            length: native.seconds_left,
            hub: None,
        };
        let verb = match self.games.insert(id, game) {
            None => Verb::Add,
            Some(_) => Verb::Change,
        };
        self.game_changed(id, verb, turn);
    }

    /// Stops showing a server of the registry.
    pub(in crate::aleph_one) fn withdraw_native(&mut self, id: GameId, turn: &mut Turn<'_>) {
        if let Some(game) = self.games.remove(&id) {
            self.tell_gone(id, &game, turn);
        }
    }

    /// Returns a player with their game, if they have one.
    pub(super) fn game_of(&mut self, user: UserId) -> Option<(&mut Member, GameId, &mut Game)> {
        let member = self.members.get_mut(&user)?;
        let id = member.game?;
        Some((member, id, self.games.get_mut(&id)?))
    }
}
