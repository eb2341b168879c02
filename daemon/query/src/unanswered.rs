//! Why a query has no answer, in words for the operator.

use std::{io, time::Duration};

/// Why a query has no answer.
///
/// The text is for operators. It may quote the server, so make it [`metaserve::printable`] before
/// you write it to a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// The name has no address.
    #[error("cannot find the address of {name}")]
    NoAddress {
        /// The name.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing listens there.
    #[error("nothing listens on this port")]
    Closed,
    /// No answer came in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The answer ended before it was complete: over TCP, the server closed the connection.
    #[error("the answer ends before it is complete")]
    Ended,
    /// The server sent more than any answer has.
    #[error("the server sends without end: gave up after {datagrams} datagrams and {bytes} bytes")]
    Endless {
        /// How many datagrams came; 0 over TCP.
        datagrams: usize,
        /// How many bytes came.
        bytes: usize,
    },
    /// An answer came that cannot be understood.
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    /// The socket failed.
    #[error("cannot ask")]
    Socket(#[source] io::Error),
}

impl Unanswered {
    /// Of two reasons, the one that tells more about the server: a name can have several addresses,
    /// and a protocol several questions.
    pub(crate) fn or(self, other: Self) -> Self {
        if other.tells() > self.tells() {
            other
        } else {
            self
        }
    }

    fn tells(&self) -> u8 {
        match self {
            Self::NoAddress { .. } | Self::Socket(_) => 0,
            Self::Closed => 1,
            Self::Silent(_) => 2,
            Self::Ended => 3,
            Self::Endless { .. } | Self::Malformed(_) => 4,
        }
    }
}

impl From<io::Error> for Unanswered {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What ICMP says of a port without a socket; Windows calls it a reset.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Socket(error),
        }
    }
}
