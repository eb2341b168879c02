//! Why a query has no answer, in words for the operator.

use std::{io, time::Duration};

/// Why a query has no answer.
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
    /// An answer came that cannot be understood.
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    /// The socket failed.
    #[error("cannot ask")]
    Socket(#[from] io::Error),
}
