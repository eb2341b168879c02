//! The state that all rooms share while one of them handles an event.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    accounts::LogRow,
    aleph_one::{
        UserId,
        event::{Effect, Errand},
        ids::Ids,
        kept_out::Known,
        limits::Limits,
    },
    peers::ConnectionId,
};

/// See the [module](self).
#[derive(Debug)]
pub(in crate::aleph_one) struct Turn<'a> {
    pub(in crate::aleph_one) now: Instant,
    pub(in crate::aleph_one) effects: &'a mut Vec<Effect>,
    pub(in crate::aleph_one) limits: &'a Limits,
    /// The ids of games.
    pub(in crate::aleph_one) ids: &'a mut Ids,
    /// The users whose games use a hub.
    pub(in crate::aleph_one) hubs: &'a mut HashMap<u16, UserId>,
    /// How many connectivity tests are running.
    pub(in crate::aleph_one) tests: &'a mut usize,
    /// Players to disconnect. They are still in the room.
    pub(in crate::aleph_one) kicked: Vec<Kicked>,
    /// Names of players who may come back.
    pub(in crate::aleph_one) forgiven: Vec<Vec<u8>>,
}

/// A player whom a moderator has kicked.
#[derive(Debug)]
pub(in crate::aleph_one) struct Kicked {
    pub(in crate::aleph_one) connection: ConnectionId,
    /// The name that the player chose.
    pub(in crate::aleph_one) name: Vec<u8>,
    /// How the player is recognised at the next login, and for how long they are kept out.
    pub(in crate::aleph_one) known: Vec<(Known, Duration)>,
}

impl Turn<'_> {
    pub(super) fn send(&mut self, to: ConnectionId, frame: Bytes) {
        self.effects.push(Effect::Send(to, frame));
    }

    pub(super) fn log(&mut self, row: LogRow) {
        self.effects.push(Effect::Errand(Errand::Log(row)));
    }
}
