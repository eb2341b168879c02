//! How one connection speaks, and how long it is waited for. Pure: it is told the time.

use std::{error::Error, time::Instant};

use bytes::{Bytes, BytesMut};
use metaserve::bans::Ban;

use super::lobby::Standing;

/// The codec of one connection, with its patience. Each connection has its own.
pub(crate) trait Manners: Send + Sync {
    /// What frames mean to the lobby.
    type Event: Send;
    /// Why a connection sends no more frames: the peer's fault.
    type Error: Error + Send;

    /// Takes the next whole frame off the front of `buffer`; `None` when it is not all there yet.
    fn take(&self, buffer: &mut BytesMut) -> Result<Option<Said<Self::Event>>, Self::Error>;

    /// Until when the next frame has to be there. `begun` is when its first bytes were seen.
    fn deadline(&self, begun: Option<Instant>) -> Option<Instant>;

    /// The deadline has passed.
    fn expired(&mut self, now: Instant) -> Verdict;

    /// The lobby has executed a frame, and stands like this with the peer.
    fn heard(&mut self, standing: Standing, now: Instant);

    /// While a peer that talks too much is not listened to: when it is over nevertheless, and how.
    fn limit(&self) -> Option<(Instant, Verdict)>;

    /// A peer has not been listened to for a while. Returns what to send it, so that a connection
    /// that is gone shows.
    fn resumed(&mut self, now: Instant) -> Option<Bytes> {
        let _ = now;
        None
    }

    /// No more frames can be read. Logs why, and returns what the lobby is to know of it.
    fn broken(&mut self, error: &Self::Error) -> Option<Self::Event>;

    /// The connection is cut off, without giving it time to read more. Logs why.
    fn lost(&self, why: &'static str);

    /// What the peer is told before it is disconnected.
    fn goodbye(&self, why: Goodbye<'_>) -> Vec<Bytes>;
}

/// A frame.
#[derive(Debug)]
pub(crate) struct Said<Event> {
    /// What it means; `None` for a mere sign of life.
    pub(crate) what: Option<Event>,
    /// How many bytes it counts for.
    pub(crate) bytes: usize,
}

/// What becomes of a peer whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is asked whether it is there.
    Ask(Bytes),
    /// It is disconnected in order.
    Close,
    /// It is cut off.
    CutOff(&'static str),
}

/// Why a peer is disconnected that has done nothing wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goodbye<'a> {
    /// Its address is banned now.
    Banned(&'a Ban),
    /// The program ends.
    Closing,
}
