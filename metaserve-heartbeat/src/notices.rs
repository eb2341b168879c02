//! Who hears the daemon's notices.

use metaserve::{
    lasting::{is_logged, warn},
    protocol::{heartbeat::NoticeKind, session::Notice},
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Hears notices: a function of the program's; without one the log, or, where nothing is logged,
/// standard error.
pub(crate) struct Notices(Hears);

enum Hears {
    Program(Box<dyn FnMut(Notice) + Send>),
    /// With the kind that was told last: a server that goes on with its mistake has one line.
    Nobody(Option<NoticeKind>),
}

impl Default for Notices {
    fn default() -> Self {
        Self(Hears::Nobody(None))
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
            Hears::Nobody(last) => {
                if last.replace(notice.kind) != Some(notice.kind) {
                    warn(&format!("notice: {}", notice.text));
                }
            }
        }
    }

    /// For two connections of one server. What both are told is heard once.
    pub(crate) fn split(self) -> [Self; 2] {
        let shared = Arc::new(Mutex::new((None, self)));
        [0, 1].map(|connection| {
            let shared = shared.clone();
            Self::new(move |notice| {
                let (last, heard) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
                let said_by_other = matches!(
                    last, Some((by, before)) if *by != connection && *before == notice
                );
                if !said_by_other {
                    *last = Some((connection, notice.clone()));
                    heard.hear(notice);
                }
            })
        })
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}
