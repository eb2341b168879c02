//! Lists of players and games for players, and changes that a player missed while they did not read
//! the chat (`docs/specifications/myth-metaserver.md`, sections 13, 14.3 and 15.6).

use bytes::Bytes;

use super::{Game, GameId, Member, Room, Turn, UserId, event, logged::hexadecimal, member::Missed};
use crate::aleph_one::sent::{List, Verb};

impl Room {
    /// Returns the listed players, by id.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.is_visible())
    }

    /// Sends a frame to all who read the chat.
    pub(super) fn broadcast(&self, frame: &Bytes, turn: &mut Turn<'_>) {
        for member in self.members.values().filter(|member| member.listens()) {
            turn.send(member.connection, frame.clone());
        }
    }

    /// Tells all who read the chat about one visible player.
    pub(super) fn tell_player(&self, member: &Member, verb: Verb, turn: &mut Turn<'_>) {
        let mut list = List::players();
        list.entry(&member.entry(|entry| entry.encode(verb)));
        for frame in list.frames() {
            self.broadcast(&frame, turn);
        }
    }

    /// Tells all who read the chat about one game.
    pub(super) fn tell_game(&self, id: GameId, game: &Game, verb: Verb, turn: &mut Turn<'_>) {
        let mut list = List::games();
        list.entry(&game.entry(id, turn.now).encode(verb));
        for frame in list.frames() {
            self.broadcast(&frame, turn);
        }
    }

    /// Sends one player everything that is listed.
    pub(super) fn send_lists(&self, to: UserId, verb: Verb, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get(&to) else {
            return;
        };
        let mut players = List::players();
        for player in self.visible() {
            players.entry(&player.entry(|entry| entry.encode(verb)));
        }
        let mut games = List::games();
        for (id, game) in &self.games {
            games.entry(&game.entry(*id, turn.now).encode(verb));
        }
        for frame in players.frames().into_iter().chain(games.frames()) {
            turn.send(member.connection, frame);
        }
    }

    /// Changes a player's state, and tells everybody if the change is visible.
    pub(super) fn mark(
        &mut self,
        user: UserId,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut Member),
    ) {
        let Some(member) = self.members.get_mut(&user) else {
            return;
        };
        let before = (member.is_away(), member.shown_name());
        change(member);
        if before == (member.is_away(), member.shown_name()) {
            return;
        }
        if let Some(member) = self.members.get(&user)
            && member.is_visible()
        {
            self.tell_player(member, Verb::Change, turn);
        }
        self.repaint(turn);
    }

    /// Handles a player who starts playing and stops reading the chat, or comes back
    /// (`docs/specifications/myth-metaserver.md`, section 14.3).
    pub(super) fn player_mode(
        &mut self,
        user: UserId,
        deaf: bool,
        session: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let Some(member) = self.members.get(&user) else {
            return;
        };
        if deaf != member.listens() {
            return;
        }
        if deaf {
            turn.log(event("enter game", member, Some(hexadecimal(session))));
            let known = Missed {
                players: self.visible().map(|it| (it.profile.id, None)).collect(),
                games: self.games.keys().map(|id| (*id, None)).collect(),
            };
            self.mark(user, turn, |member| member.playing = Some(known));
        } else {
            turn.log(event("leave game", member, None));
            let mut missed = None;
            self.mark(user, turn, |member| missed = member.playing.take());
            self.resynchronise(user, missed.unwrap_or_default(), turn);
        }
    }

    /// Tells a player who reads the chat again what is gone, and everything that exists.
    fn resynchronise(&self, user: UserId, missed: Missed, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get(&user) else {
            return;
        };
        let (mut players, mut games) = (List::players(), List::games());
        for gone in missed.players.values().flatten() {
            players.entry(gone);
        }
        for gone in missed.games.values().flatten() {
            games.entry(gone);
        }
        for frame in players.frames().into_iter().chain(games.frames()) {
            turn.send(member.connection, frame);
        }
        self.send_lists(user, Verb::Change, turn);
    }

    /// Remembers that a player is gone, for those who do not read the chat.
    pub(super) fn missed_player(&mut self, gone: &Member) {
        let entry = gone.entry(|entry| entry.encode(Verb::Delete));
        for missed in self
            .members
            .values_mut()
            .filter_map(|it| it.playing.as_mut())
        {
            if let Some(known) = missed.players.get_mut(&gone.profile.id) {
                *known = Some(entry.clone());
            }
        }
    }

    /// Remembers the same about a game.
    pub(super) fn missed_game(&mut self, id: GameId, entry: &Bytes) {
        for missed in self
            .members
            .values_mut()
            .filter_map(|it| it.playing.as_mut())
        {
            if let Some(known) = missed.games.get_mut(&id) {
                *known = Some(entry.clone());
            }
        }
    }
}
