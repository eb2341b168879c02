//! When a certificate is valid.

use std::time::{Duration, SystemTime};

/// For how long a certificate is to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// For as long as one can be: for those whom nobody asks for a date, since their
    /// fingerprint is known.
    Always,
    /// From `begin` to `end`.
    Between {
        /// The first moment.
        begin: SystemTime,
        /// The last moment.
        end: SystemTime,
    },
}

impl Validity {
    /// From `begin` on for `length`.
    #[must_use]
    pub fn from(begin: SystemTime, length: Duration) -> Self {
        Self::Between {
            begin,
            end: begin + length,
        }
    }
}
