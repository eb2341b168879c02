//! How one connection speaks, and how long it may be silent. Pure: the time is passed in.

use std::{error::Error, time::Instant};

use bytes::{Bytes, BytesMut};
use metaserve::bans::Ban;

use super::lobby::Standing;

/// The codec and the timeouts of one connection. Each connection has its own.
pub(crate) trait Manners: Send + Sync {
    /// The meaning of a frame to the lobby.
    type Event: Send;
    /// Why no more frames can be read. It is the peer's fault.
    type Error: Error + Send;

    /// Takes the next complete frame off the front of `buffer`; `None` if it is not complete yet.
    fn take(&self, buffer: &mut BytesMut) -> Result<Option<Said<Self::Event>>, Self::Error>;

    /// Returns when the next frame must be complete. `begun` is when its first bytes were seen.
    fn deadline(&self, begun: Option<Instant>) -> Option<Instant>;

    /// Called when the deadline has passed.
    fn expired(&mut self, now: Instant) -> Verdict;

    /// Called when the lobby has executed a frame. `standing` is how far the peer has got.
    fn heard(&mut self, standing: Standing, now: Instant);

    /// Returns when to end a peer even while it is not read because it sends too much, and how.
    fn limit(&self) -> Option<(Instant, Verdict)>;

    /// Called when a peer is read again after it was not read for a while. Returns a message whose
    /// delivery fails if the connection is gone.
    fn resumed(&mut self, now: Instant) -> Option<Bytes> {
        let _ = now;
        None
    }

    /// Called when no more frames can be read. Logs why, and returns the event for the lobby.
    fn broken(&mut self, error: &Self::Error) -> Option<Self::Event>;

    /// Called when the connection is cut off, without time to read more. Logs why.
    fn lost(&self, why: &'static str);

    /// Returns the messages that a peer is sent before it is disconnected.
    fn goodbye(&self, why: Goodbye<'_>) -> Vec<Bytes>;
}

/// One frame of a peer.
#[derive(Debug)]
pub(crate) struct Said<Event> {
    /// Its meaning; `None` if it is only a sign of life.
    pub(crate) what: Option<Event>,
    /// How many bytes it counts as.
    pub(crate) bytes: usize,
}

/// The decision about a peer that missed its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send it this question; any answer shows that it is there.
    Ask(Bytes),
    /// Send it these messages, such as the reason, and close it in order.
    Close(Vec<Bytes>),
    /// Cut it off at once.
    CutOff(&'static str),
}

/// Why a peer that did nothing wrong is disconnected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goodbye<'a> {
    /// Its address was banned while it was connected.
    Banned(&'a Ban),
    /// The program ends.
    Closing,
}
