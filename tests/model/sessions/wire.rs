//! One direction of a connection.

use bytes::Bytes;
use fastrand::Rng;
use metaserve::protocol::session::Piece;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The longest delay of a piece, in milliseconds.
const LATENCY: u64 = 200;

/// The most bytes that are unread.
const WINDOW: usize = 600;

/// A stream: data arrives in order, cut at any place, after a delay.
#[derive(Default)]
pub(super) struct Wire {
    pieces: VecDeque<(Instant, Piece)>,
    bytes: usize,
}

impl Wire {
    /// How many bytes it accepts now.
    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.bytes)
    }

    /// Sends bytes, whether there is room for them or not.
    pub(super) fn send(&mut self, mut bytes: Bytes, now: Instant, random: &mut Rng) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            let longest = bytes.len().min(random.usize(1..200));
            let piece = bytes.split_to(random.usize(1..=longest));
            self.push(Piece::Bytes(piece), now, random);
        }
    }

    pub(super) fn push(&mut self, piece: Piece, now: Instant, random: &mut Rng) {
        let arrives = now + Duration::from_millis(random.u64(0..LATENCY));
        let before = self.pieces.back().map(|(arrives, _)| *arrives);
        self.pieces
            .push_back((before.unwrap_or(now).max(arrives), piece));
    }

    /// Drops unread data and ends the stream.
    pub(super) fn reset(&mut self, code: quinn::VarInt, now: Instant, random: &mut Rng) {
        *self = Self::default();
        self.push(Piece::Reset(code), now, random);
    }

    /// The next piece, if it has arrived.
    pub(super) fn arrived(&mut self, now: Instant) -> Option<Piece> {
        self.pieces.front().filter(|(arrives, _)| *arrives <= now)?;
        let (_, piece) = self.pieces.pop_front()?;
        if let Piece::Bytes(bytes) = &piece {
            self.bytes -= bytes.len();
        }
        Some(piece)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.pieces.front().map(|(arrives, _)| *arrives)
    }
}
