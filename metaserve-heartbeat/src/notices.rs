//! Passes the daemon's notices to the program, the log or standard error.

use metaserve::{
    Way,
    lasting::{is_logged, warn},
    protocol::{heartbeat::NoticeKind, session::Notice},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Hears notices: a function of the program's; without one the log, or, where nothing is logged,
/// standard error.
pub(crate) struct Notices(Hears);

enum Hears {
    Program(Box<dyn FnMut(Notice) + Send>),
    /// With the kinds that were told: a server that goes on with its mistakes has one line for each.
    Nobody(Vec<NoticeKind>),
}

impl Default for Notices {
    fn default() -> Self {
        Self(Hears::Nobody(Vec::new()))
    }
}

impl Notices {
    pub(crate) fn new(hear: impl FnMut(Notice) + Send + 'static) -> Self {
        Self(Hears::Program(Box::new(hear)))
    }

    pub(crate) fn hear(&mut self, notice: Notice) {
        match &mut self.0 {
            Hears::Program(hear) => hear(notice),
            Hears::Nobody(_) if is_logged() => {
                tracing::warn!(kind = ?notice.kind, "notice: {}", notice.text);
            }
            Hears::Nobody(told) => {
                if is_first(told, notice.kind) {
                    warn(&format!("notice: {}", notice.text));
                }
            }
        }
    }

    /// For several connections of one server, each made in its way. Of several daemons, each
    /// notice says which; one that a daemon gives to two connections is passed on once.
    pub(crate) fn split(self, ways: &[Way]) -> Vec<Self> {
        let shared = Arc::new(Mutex::new((HashMap::new(), self)));
        let connections = ways.iter().cloned().enumerate();
        let split = connections.map(|(connection, Way { at, .. })| {
            let shared = shared.clone();
            Self::new(move |mut notice| {
                let (last, heard) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
                let said_by_other = matches!(
                    last.get(&at), Some((by, before)) if *by != connection && *before == notice
                );
                if said_by_other {
                    return;
                }
                last.insert(at.clone(), (connection, notice.clone()));
                if let Some(at) = &at {
                    notice.text = format!("at {at}: {}", notice.text);
                }
                heard.hear(notice);
            })
        });
        split.collect()
    }
}

/// How many kinds have a line on standard error at most, whatever kinds a daemon knows.
const MOST_KINDS: usize = 8;

/// Whether none of this kind was told before; it counts as told from now on.
fn is_first(told: &mut Vec<NoticeKind>, kind: NoticeKind) -> bool {
    let is_first = told.len() < MOST_KINDS && !told.contains(&kind);
    if is_first {
        told.push(kind);
    }
    is_first
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NoticeKind::{Other, Refused, TooFast};

    /// Kinds that took turns had a line each time.
    #[test]
    fn each_kind_is_told_once_and_not_endlessly_many() {
        let mut told = Vec::new();
        let seen = [Refused, TooFast, Refused, TooFast, Other(9), Other(9)];
        let first = seen.map(|kind| is_first(&mut told, kind));
        assert_eq!(first, [true, true, false, false, true, false]);
        let others = (10..1000).filter(|kind| is_first(&mut told, Other(*kind)));
        assert_eq!(others.count(), MOST_KINDS - 3);
    }
}
