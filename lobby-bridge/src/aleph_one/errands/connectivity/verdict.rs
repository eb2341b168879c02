//! The result of a connectivity test, in words for the player who asked for it.

use std::fmt;

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// Others can join.
    Passed {
        /// Anything that might keep some players from joining.
        warnings: Vec<Warning>,
    },
    /// Others cannot join.
    Failed {
        /// Why not.
        failure: Failure,
        /// Anything that was noticed before the failure.
        warnings: Vec<Warning>,
    },
}

/// A problem that keeps only some players from joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Warning {
    /// The game speaks the ring protocol only.
    OldProtocol,
    /// The game lacks what players of the latest version need.
    NotLatest,
}

/// A problem that keeps all players from joining.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Failure {
    /// This TCP port could not be connected to.
    NoTcp(u16),
    /// The answer from this TCP port is not that of a game.
    BadTcp(u16, String),
    /// No answer came from this UDP port.
    NoUdp(u16),
    /// The answer from this UDP port was wrong.
    BadUdp(u16),
}

impl Verdict {
    /// Returns the lines for the player who asked, in order. The last one contains `pass` or
    /// `fail`.
    #[must_use]
    pub(in super::super) fn lines(&self) -> Vec<String> {
        let (failure, warnings) = match self {
            Self::Passed { warnings } => (None, warnings),
            Self::Failed { failure, warnings } => (Some(failure), warnings),
        };
        let last = match (failure, warnings.is_empty()) {
            (Some(_), _) => "Connectivity test failed: others cannot join your game.",
            (None, true) => "Connectivity test passed.",
            (None, false) => "Connectivity test passed, with warnings.",
        };
        let warnings = warnings.iter().map(ToString::to_string);
        let failure = failure.map(ToString::to_string);
        let mut lines: Vec<String> = warnings.chain(failure).collect();
        lines.push(last.to_owned());
        lines
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldProtocol => "Your game uses an old network protocol.",
            Self::NotLatest => "Your game is not compatible with the latest version.",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTcp(port) => write!(f, "Could not connect to TCP port {port}."),
            Self::BadTcp(port, reason) => {
                write!(f, "Bad response from TCP port {port}: {reason}.")
            }
            Self::NoUdp(port) => write!(f, "No response from UDP port {port}."),
            Self::BadUdp(port) => write!(f, "Bad response from UDP port {port}."),
        }
    }
}
