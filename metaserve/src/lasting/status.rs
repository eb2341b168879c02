//! How a maintained connection stands, and who hears of it.

use super::{Wait, stderr};
use std::{fmt, time::Duration};

/// How the connection to the daemon stands, for a program to show or to log.
///
/// As text it is one line:
///
/// ```
/// use metaserve::lasting::Status;
///
/// assert_eq!(Status::Connecting.to_string(), "connecting to the daemon");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A connection is being made.
    Connecting,
    /// A connection is being made, and nothing has answered for 3 s. The attempt goes on.
    Unanswered,
    /// The daemon has accepted us: a game client has the list, a game server or relay is heard.
    Live {
        /// Why a game server with an identity has no second connection, over the other family of
        /// addresses. None if all is well.
        problem: Option<String>,
    },
    /// There is no connection, and the next attempt is made later.
    Waiting {
        /// The reason, in words that are safe to print.
        error: String,
        /// How long until the next attempt.
        retry_in: Duration,
        /// How many attempts in a row have failed; 0 when a connection was lost just now.
        attempts: u32,
        /// For how long there has been no connection that the daemon accepted.
        down_for: Duration,
    },
}

/// A state that lasts for so long is worth a line: 3 s.
pub(super) const LASTS: Duration = Duration::from_secs(3);

impl Status {
    /// There is no connection for this reason.
    #[must_use]
    pub fn waiting(error: &dyn fmt::Display, wait: Wait) -> Self {
        let Wait {
            retry_in,
            attempts,
            down_for,
        } = wait;
        Self::Waiting {
            error: crate::printable(&error.to_string()),
            retry_in,
            attempts,
            down_for,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting to the daemon"),
            Self::Unanswered => f.write_str("the daemon has not answered yet, still trying"),
            Self::Live { problem: None } => f.write_str("live: connected to the daemon"),
            Self::Live {
                problem: Some(problem),
            } => write!(f, "live: connected to the daemon, but {problem}"),
            Self::Waiting {
                error, retry_in, ..
            } => write!(f, "{error}; connecting again in {retry_in:.1?}"),
        }
    }
}

/// Hears each status: a function of the program's; without one the log, or, where nothing is
/// logged, standard error.
pub struct Listener(Hears);

enum Hears {
    Program(Box<dyn FnMut(Status) + Send>),
    Nobody(Lines),
}

impl Default for Listener {
    fn default() -> Self {
        Self(Hears::Nobody(Lines::default()))
    }
}

impl Listener {
    /// Calls `hear` with each status.
    pub fn new(hear: impl FnMut(Status) + Send + 'static) -> Self {
        Self(Hears::Program(Box::new(hear)))
    }

    /// Tells of a status.
    pub fn hear(&mut self, status: Status) {
        match &mut self.0 {
            Hears::Program(hear) => hear(status),
            Hears::Nobody(_) if stderr::is_logged() => log(&status),
            Hears::Nobody(lines) => {
                if let Some(line) = lines.line(&status) {
                    stderr::print(&line);
                }
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

fn log(status: &Status) {
    match status {
        Status::Waiting { .. } => tracing::warn!("{status}"),
        Status::Live {
            problem: Some(problem),
        } => tracing::warn!("{problem}"),
        Status::Unanswered => tracing::info!("{status}"),
        Status::Connecting | Status::Live { problem: None } => tracing::debug!("{status}"),
    }
}

/// What standard error is told: a line for a reason that lasts, not for each attempt, and one when
/// it is over. Pure.
#[derive(Debug, Default)]
struct Lines {
    /// What was told since the last connection.
    told: Vec<String>,
}

/// How many lines there are for one outage at most, whatever reasons take turns.
const MOST_LINES: usize = 3;

impl Lines {
    fn line(&mut self, status: &Status) -> Option<String> {
        let line = match status {
            Status::Connecting => return None,
            Status::Live { .. } => {
                let over = !std::mem::take(&mut self.told).is_empty();
                return over.then(|| status.to_string());
            }
            Status::Unanswered => status.to_string(),
            Status::Waiting {
                retry_in, down_for, ..
            } if *down_for + *retry_in < LASTS => return None,
            Status::Waiting { error, .. } => format!("{error}; still trying"),
        };
        if self.told.len() >= MOST_LINES || self.told.contains(&line) {
            return None;
        }
        self.told.push(line.clone());
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(error: &str, down_for: u64, retry_in: u64) -> Status {
        Status::Waiting {
            error: error.into(),
            retry_in: Duration::from_secs(retry_in),
            attempts: 1,
            down_for: Duration::from_secs(down_for),
        }
    }

    fn live() -> Status {
        Status::Live { problem: None }
    }

    #[test]
    fn a_reason_that_lasts_is_told_once_and_its_end_too() {
        let mut lines = Lines::default();
        let table = [
            (live(), None),
            (waiting("gone", 0, 1), None),
            (waiting("gone", 1, 2), Some("gone; still trying")),
            (Status::Connecting, None),
            (waiting("gone", 5, 4), None),
            (live(), Some("live: connected to the daemon")),
            (live(), None),
            (waiting("gone", 0, 30), Some("gone; still trying")),
        ];
        for (status, line) in table {
            assert_eq!(lines.line(&status).as_deref(), line, "{status:?}");
        }
    }

    #[test]
    fn reasons_that_take_turns_have_three_lines() {
        let mut lines = Lines::default();
        let reasons = ["a", "b", "a", "c", "d", "e", "a"];
        let told = reasons.map(|reason| lines.line(&waiting(reason, 9, 9)).is_some());
        assert_eq!(told, [true, true, false, true, false, false, false]);
    }
}
