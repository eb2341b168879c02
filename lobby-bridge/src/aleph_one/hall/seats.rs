//! Connections to rooms, from the token to the place in the room
//! (`docs/specifications/myth-metaserver.md`, section 12).

use std::{sync::Arc, time::Instant};

use super::{Hall, Seat, SeatState};
use crate::{
    aleph_one::{
        UserId,
        denial::Denial,
        event::Effect,
        received::Packet,
        room::{Entering, Room, Turn},
    },
    peers::{ConnectionId, Lobby as _, Standing},
};

impl Hall {
    pub(super) fn room_packet(
        &mut self,
        who: ConnectionId,
        packet: Packet,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let Some(seat) = self.seats.get(&who) else {
            return;
        };
        let done = match (&seat.state, packet) {
            (_, Packet::KeepAlive | Packet::Ignored) => Ok(()),
            (
                _,
                Packet::Logout
                | Packet::Login(_)
                | Packet::PasswordResponse(_)
                | Packet::Localization
                | Packet::RemoteHubRequest(_),
            ) => {
                self.end(who, false, now, effects);
                effects.push(Effect::Close(who));
                Ok(())
            }
            (SeatState::NeedLogin, Packet::RoomLogin(token, name)) => {
                self.room_login(who, &token, &name, now)
            }
            (_, Packet::RoomLogin(..)) => Err(Denial::LOGGED_IN),
            (SeatState::NeedPlayerData(_), Packet::PlayerData(_)) => self.enter(who, now, effects),
            (SeatState::In(_), packet) => {
                let mut done = Ok(());
                self.in_room(who, now, effects, |room, user, turn| {
                    done = room.handle(user, packet, turn);
                });
                done
            }
            _ => Err(Denial::NOT_LOGGED_IN),
        };
        self.denied(who, done, now, effects);
    }

    fn room_login(
        &mut self,
        who: ConnectionId,
        token: &[u8; 32],
        name: &[u8],
        now: Instant,
    ) -> Result<(), Denial> {
        let profile = self.users.redeem(token, who, now);
        let (Some(profile), Some(seat)) = (profile, self.seats.get_mut(&who)) else {
            return Err(Denial::NOT_LOGGED_IN);
        };
        // A token from before a kick or a ban is refused as well.
        let peer = seat.ends.peer;
        let kept_out = match &profile.account {
            Some(account) => self.kept_out.account(&account.username, now),
            None => self.kept_out.guest(peer, now),
        };
        let known: &[u8] = match &profile.account {
            Some(_) => &profile.login.username,
            None => b"guest",
        };
        let same = match name {
            b"" => b"guest" == known,
            name => name == known,
        };
        seat.state = SeatState::NeedPlayerData(profile);
        match same {
            true => kept_out,
            false => Err(Denial::BAD_USER),
        }
    }

    fn enter(
        &mut self,
        who: ConnectionId,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Denial> {
        let Some(seat) = self.seats.get_mut(&who) else {
            return Ok(());
        };
        let SeatState::NeedPlayerData(profile) = &seat.state else {
            return Err(Denial::NOT_LOGGED_IN);
        };
        let (profile, peer) = (Arc::clone(profile), seat.ends.peer);
        let room = &mut self.rooms[seat.room];
        if profile.account.is_none() && !room.admits_guests() {
            return Err(Denial::NO_GUESTS);
        }
        let taken = room.take_place(profile.id, peer);
        let total = room.capacity();
        let (place, loser) =
            taken.inspect_err(|refusal| self.crowded.refused(total, &refusal.text, now))?;
        seat.state = SeatState::In(profile.id);
        let entering = Entering {
            connection: who,
            peer,
            profile,
            place,
            hub_hint: self.rules.hub_hint && self.has_hub == Some(false),
        };
        if let Some(loser) = loser {
            self.crowded.replaced(total, now);
            self.make_room(loser, now, effects);
        }
        self.in_room(who, now, effects, |room, _, turn| {
            room.enter(entering, turn)
        });
        Ok(())
    }

    /// Disconnects a player whose place went to another one.
    pub(super) fn make_room(
        &mut self,
        loser: ConnectionId,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let in_room = self.standing(loser) == Standing::Inside;
        let frames = Denial::MADE_ROOM.frames(in_room);
        effects.extend(frames.map(|frame| Effect::Send(loser, frame)));
        self.end(loser, true, now, effects);
        effects.push(Effect::Close(loser));
    }

    /// Runs `happen` for a player in a room, and then carries out what follows outside of the room.
    pub(super) fn in_room(
        &mut self,
        who: ConnectionId,
        now: Instant,
        effects: &mut Vec<Effect>,
        happen: impl FnOnce(&mut Room, UserId, &mut Turn<'_>),
    ) {
        let Some(Seat {
            room,
            state: SeatState::In(user),
            ..
        }) = self.seats.get(&who)
        else {
            return;
        };
        let mut turn = Turn {
            now,
            effects,
            limits: &self.rules.limits,
            ids: &mut self.game_ids,
            hubs: &mut self.hubs,
            tests: &mut self.tests,
            kicked: Vec::new(),
            forgiven: Vec::new(),
        };
        happen(&mut self.rooms[*room], *user, &mut turn);
        for name in turn.forgiven {
            self.kept_out.forgive(&name);
        }
        for kicked in turn.kicked {
            for (known, time) in kicked.known {
                self.kept_out.kick(known, &kicked.name, now + time);
            }
            self.end(kicked.connection, false, now, effects);
            effects.push(Effect::Close(kicked.connection));
        }
    }

    pub(super) fn in_all_rooms(
        &mut self,
        now: Instant,
        effects: &mut Vec<Effect>,
        mut happen: impl FnMut(&mut Room, &mut Turn<'_>),
    ) {
        let mut turn = Turn {
            now,
            effects,
            limits: &self.rules.limits,
            ids: &mut self.game_ids,
            hubs: &mut self.hubs,
            tests: &mut self.tests,
            kicked: Vec::new(),
            forgiven: Vec::new(),
        };
        for room in &mut self.rooms {
            happen(room, &mut turn);
        }
    }
}
