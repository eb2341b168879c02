//! What all rooms share while one of them handles something.

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
    /// The numbers of games.
    pub(in crate::aleph_one) ids: &'a mut Ids,
    /// Whose games are at which hub.
    pub(in crate::aleph_one) hubs: &'a mut HashMap<u16, UserId>,
    /// How many connectivity tests run.
    pub(in crate::aleph_one) tests: &'a mut usize,
    /// Who is to be disconnected. They are still in the room.
    pub(in crate::aleph_one) kicked: Vec<Kicked>,
    /// Names of those who are not to be kept out any longer.
    pub(in crate::aleph_one) forgiven: Vec<Vec<u8>>,
}

/// Somebody whom a moderator has kicked.
#[derive(Debug)]
pub(in crate::aleph_one) struct Kicked {
    pub(in crate::aleph_one) connection: ConnectionId,
    /// What he has called himself.
    pub(in crate::aleph_one) name: Vec<u8>,
    /// How he will be known when he comes back, and how long he is kept out.
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
