//! Why a connection is closed: one number and one sentence, for both ends and the log.

use std::fmt;

/// The number in a QUIC `CONNECTION_CLOSE` frame, or the one a stream is reset with.
/// `docs/reference/protocol.md`, "Close codes".
///
/// ```
/// use metaserve::{CloseCode, Retry};
///
/// let code = CloseCode::from_number(7);
/// assert_eq!(code, CloseCode::ShuttingDown);
/// assert_eq!(code.retry(), Retry::Soon);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 0: the peer has nothing more to say. Also what QUIC sends when a connection is dropped.
    Goodbye,
    /// 1: a heartbeat was longer than the daemon accepts.
    OversizeHeartbeat,
    /// 2: the peer sent bytes that the protocol does not allow.
    ProtocolViolation,
    /// 3: the relay's certificate is not among those the operator trusts.
    UnauthorisedRelay,
    /// 4: the daemon is full.
    OverCapacity,
    /// 5: the peer sent far more often than the daemon reads.
    RateLimited,
    /// 6: the operator has banned the peer's address.
    Banned,
    /// 7: the daemon is stopping; come back soon.
    ShuttingDown,
    /// 8: a newer connection of the same identity has taken this one's place.
    Replaced,
    /// 9: the peer was too slow. For a stream: it will be given a snapshot on a new one.
    TooSlow,
    /// A number that this version does not know.
    Unknown(u64),
}

/// When a peer that was closed may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// As soon as its backoff allows.
    Soon,
    /// With the backoff's longest delay: the daemon refuses the peer again until something
    /// changes on either side.
    Slowly,
    /// It cannot heal by itself: as soon as its backoff allows, but not after the third time in a
    /// row.
    Briefly,
    /// Not at all.
    Never,
}

impl CloseCode {
    /// All codes that this version knows, in the order of their numbers.
    pub const KNOWN: [Self; 10] = [
        Self::Goodbye,
        Self::OversizeHeartbeat,
        Self::ProtocolViolation,
        Self::UnauthorisedRelay,
        Self::OverCapacity,
        Self::RateLimited,
        Self::Banned,
        Self::ShuttingDown,
        Self::Replaced,
        Self::TooSlow,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Goodbye => 0,
            Self::OversizeHeartbeat => 1,
            Self::ProtocolViolation => 2,
            Self::UnauthorisedRelay => 3,
            Self::OverCapacity => 4,
            Self::RateLimited => 5,
            Self::Banned => 6,
            Self::ShuttingDown => 7,
            Self::Replaced => 8,
            Self::TooSlow => 9,
            Self::Unknown(number) => number,
        }
    }

    /// The code for a number from the wire.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        let known = Self::KNOWN.into_iter().find(|code| code.number() == number);
        known.unwrap_or(Self::Unknown(number))
    }

    /// The code's name in logs and metrics, such as `oversize_heartbeat`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::OversizeHeartbeat => "oversize_heartbeat",
            Self::ProtocolViolation => "protocol_violation",
            Self::UnauthorisedRelay => "unauthorised_relay",
            Self::OverCapacity => "over_capacity",
            Self::RateLimited => "rate_limited",
            Self::Banned => "banned",
            Self::ShuttingDown => "shutting_down",
            Self::Replaced => "replaced",
            Self::TooSlow => "too_slow",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Whether and how soon a peer that was closed with this code should reconnect.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Goodbye | Self::ShuttingDown | Self::TooSlow | Self::Unknown(_) => Retry::Soon,
            Self::OversizeHeartbeat
            | Self::ProtocolViolation
            | Self::OverCapacity
            | Self::RateLimited
            | Self::UnauthorisedRelay
            | Self::Banned => Retry::Slowly,
            // A peer that came back would in turn replace the newer connection.
            Self::Replaced => Retry::Never,
        }
    }

    fn var_int(self) -> quinn::VarInt {
        quinn::VarInt::from_u64(self.number()).unwrap_or(quinn::VarInt::MAX)
    }
}

impl From<CloseCode> for quinn::VarInt {
    fn from(code: CloseCode) -> Self {
        code.var_int()
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "unknown code {number}"),
            known => f.write_str(&known.name().replace('_', " ")),
        }
    }
}

/// A close code with its sentence: what the peer is told, and what the log says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct Close {
    /// What kind of end this is.
    pub code: CloseCode,
    /// One sentence that says what happened and what to do about it.
    pub reason: String,
}

impl Close {
    /// The longest reason that is sent, in bytes: it has to fit one packet with its headers.
    pub const MAX_REASON_BYTES: usize = 512;

    /// A close code with its reason.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The answer to a message that cannot be read: *protocol violation*, with what is wrong and
    /// where the protocol is described.
    pub fn malformed(error: impl fmt::Display) -> Self {
        const PAGE: &str = concat!(
            env!("CARGO_PKG_REPOSITORY"),
            "/blob/main/docs/reference/protocol.md"
        );
        let reason = format!("{error} (the protocol: {PAGE})");
        Self::new(CloseCode::ProtocolViolation, reason)
    }

    /// Closes `connection` with this code and reason. A reason above
    /// [`MAX_REASON_BYTES`](Self::MAX_REASON_BYTES) is cut.
    pub fn close(&self, connection: &quinn::Connection) {
        let end = self.reason.floor_char_boundary(Self::MAX_REASON_BYTES);
        connection.close(self.code.var_int(), &self.reason.as_bytes()[..end]);
    }

    /// The code and reason with which the *peer* closed a connection, if it did. The reason is
    /// [`printable`](crate::printable).
    #[must_use]
    pub fn from_peer(error: &quinn::ConnectionError) -> Option<Self> {
        let quinn::ConnectionError::ApplicationClosed(close) = error else {
            return None;
        };
        let code = CloseCode::from_number(close.error_code.into_inner());
        let reason = String::from_utf8_lossy(&close.reason);
        Some(Self::new(code, crate::printable(&reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_told_the_number_and_reads_the_code() {
        for code in CloseCode::KNOWN {
            let close = quinn::ApplicationClose {
                error_code: code.into(),
                reason: "in words".into(),
            };
            assert_eq!(close.error_code.into_inner(), code.number());
            let error = quinn::ConnectionError::ApplicationClosed(close);
            assert_eq!(Close::from_peer(&error), Some(Close::new(code, "in words")));
        }
        assert_eq!(Close::from_peer(&quinn::ConnectionError::TimedOut), None);
    }

    #[test]
    fn every_code_survives_its_number() {
        for (number, code) in CloseCode::KNOWN.into_iter().enumerate() {
            assert_eq!(code.number(), number as u64);
            assert_eq!(CloseCode::from_number(code.number()), code);
        }
        assert_eq!(CloseCode::from_number(4711), CloseCode::Unknown(4711));
    }
}
