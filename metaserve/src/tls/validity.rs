//! The validity of a certificate.

use std::time::{Duration, SystemTime};

/// How long a new certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// As long as possible: for a certificate that is known by its fingerprint, whose dates nobody
    /// checks.
    Always,
    /// From `begin` to `end`.
    Between {
        /// The first moment of validity.
        begin: SystemTime,
        /// The last moment of validity.
        end: SystemTime,
    },
}

impl Validity {
    /// Valid for `length` from `begin` on.
    #[must_use]
    pub fn from(begin: SystemTime, length: Duration) -> Self {
        Self::Between {
            begin,
            end: begin + length,
        }
    }
}
