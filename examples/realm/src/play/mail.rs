//! Words that no zone passes on: whispers for the characters that play here, and what is said to
//! everybody. One task reads each for the whole process.

use super::{feed::Feed, frames::said};
use crate::{
    ids::Name,
    log::{Cursor, Log, LogError},
};
use axum::extract::ws::Utf8Bytes;
use metaserve::{Backoff, Retry};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::task::AbortOnDropHandle;

/// How many whispers are kept for a character that does not read them.
const WHISPERS: usize = 64;

/// How many words to everybody are kept.
const CHAT: usize = 256;

/// How long one read waits.
const READ: Duration = Duration::from_secs(1);

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(250), Duration::from_secs(5))
}

/// The mail of all characters that play here, and what is said to everybody.
#[derive(Debug)]
pub(super) struct Mail {
    boxes: Arc<Boxes>,
    /// What is said to everybody, encoded.
    pub(super) chat: Arc<Feed<Utf8Bytes>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

#[derive(Debug)]
struct Boxes {
    log: Arc<dyn Log>,
    open: Mutex<HashMap<Name, Weak<Mailbox>>>,
    opened: Notify,
}

/// Whispers for one character, from when it was opened until it is dropped.
#[derive(Debug)]
pub(super) struct Mailbox {
    name: Name,
    cursor: Mutex<Cursor>,
    /// The whispers, encoded.
    pub(super) feed: Feed<Utf8Bytes>,
}

impl Mail {
    pub(super) fn new(log: Arc<dyn Log>) -> Self {
        let boxes = Arc::new(Boxes {
            log: log.clone(),
            open: Mutex::default(),
            opened: Notify::new(),
        });
        let chat = Arc::new(Feed::new(CHAT));
        let tasks = [
            tokio::spawn(deliver(boxes.clone())),
            tokio::spawn(listen(log, chat.clone())),
        ];
        Self {
            boxes,
            chat,
            _tasks: tasks.map(AbortOnDropHandle::new),
        }
    }

    /// Opens the mailbox of a character: whispers from now on are kept in it, and the `earlier` ones
    /// that the log still has.
    pub(super) async fn open(&self, name: &Name, earlier: bool) -> Result<Arc<Mailbox>, LogError> {
        let cursor = match earlier {
            true => Cursor::default(),
            false => self.boxes.log.mail_end(name).await?,
        };
        let name = name.folded();
        let mailbox = Arc::new(Mailbox {
            name: name.clone(),
            cursor: Mutex::new(cursor),
            feed: Feed::new(WHISPERS),
        });
        let mut open = self.boxes.open.lock();
        open.retain(|_, it| it.strong_count() > 0);
        open.insert(name, Arc::downgrade(&mailbox));
        drop(open);
        self.boxes.opened.notify_one();
        Ok(mailbox)
    }
}

/// Reads whispers for all open mailboxes.
async fn deliver(boxes: Arc<Boxes>) {
    let mut backoff = backoff();
    loop {
        let open: Vec<_> = {
            let open = boxes.open.lock();
            open.values().filter_map(Weak::upgrade).collect()
        };
        let after: Vec<_> = open
            .iter()
            .map(|it| (it.name.clone(), *it.cursor.lock()))
            .collect();
        if after.is_empty() {
            boxes.opened.notified().await;
            continue;
        }
        let mail = tokio::select! {
            mail = boxes.log.mail(&after, READ) => mail,
            () = boxes.opened.notified() => continue,
        };
        match mail {
            Ok(mail) => {
                backoff.reset();
                for (name, cursor, words) in mail {
                    let mailbox = open.iter().find(|it| it.name.is(&name));
                    if let Some(mailbox) = mailbox {
                        *mailbox.cursor.lock() = cursor;
                        mailbox.feed.push_next(said(&words, Some(cursor)));
                    }
                }
            }
            Err(error) => {
                tracing::debug!("cannot read whispers: {error}");
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
        }
    }
}

/// Reads what is said to everybody from now on.
async fn listen(log: Arc<dyn Log>, chat: Arc<Feed<Utf8Bytes>>) {
    let mut backoff = backoff();
    let mut after = None;
    loop {
        let read = match after {
            Some(after) => log.chat(after, READ).await,
            None => match log.chat_end().await {
                Ok(end) => {
                    after = Some(end);
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match read {
            Ok(words) => {
                backoff.reset();
                for (cursor, words) in words {
                    after = Some(cursor);
                    chat.push_next(said(&words, None));
                }
            }
            Err(error) => {
                tracing::debug!("cannot read what is said to everybody: {error}");
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
        }
    }
}
