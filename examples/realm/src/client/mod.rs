//! A player's program: it logs in, plays a character through a gateway, and goes on by itself after
//! every break. The prompt is one, and so are the tests' players.
//!
//! ```no_run
//! use realm::client::{Account, Client, Wish};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let gateways = vec!["http://127.0.0.1:8080".to_owned()];
//! let account = Account::log_in(&gateways, &"ann".parse()?, "a long password").await?;
//! let client = Client::enter(gateways, account, "Ann".parse()?).await?;
//! let sent = client.send(Wish::Move { dx: 3.0, dy: 0.0 }).await?;
//! client.done(sent).await?;
//! client.bye().await;
//! # Ok(())
//! # }
//! ```
//!
//! A command is in the [`Outbox`] until the gateway has acknowledged it. After a break the client
//! resumes its session at the next gateway, and sends again what was not acknowledged: the world does
//! each number once.

mod account;
mod link;
mod outbox;
mod state;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use account::get;
pub use account::{Account, ApiError, CharacterRow};
pub use outbox::{Outbox, Sent, Wish};
pub use state::{Connection, News, State};

use crate::ids::Name;
use link::Link;
use parking_lot::Mutex;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How many news wait for a slow listener. It misses the oldest ones.
const NEWS: usize = 256;

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotDone {
    /// The world says no, in a sentence.
    #[error("{0}")]
    Refused(String),
    /// The session is over, for this reason.
    #[error("{0}")]
    Ended(String),
}

/// A character that is played. Dropping it closes the connection as a crash would: the session
/// lingers for a while. [`bye`](Self::bye) leaves the world at once.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    state: watch::Receiver<State>,
    task: AbortOnDropHandle<()>,
}

/// What the client and its task share.
#[derive(Debug)]
struct Shared {
    outbox: Mutex<Outbox>,
    /// The outbox has got a command, or room.
    changed: Notify,
    news: broadcast::Sender<News>,
    leaving: CancellationToken,
}

impl Client {
    /// Brings a character into the world by one of these gateways (`http://HOST:PORT`), and waits
    /// until it is there.
    ///
    /// # Errors
    /// No gateway can be reached, or the character is not let in.
    ///
    /// Cancel-safe: the connection is closed.
    pub async fn enter(
        gateways: Vec<String>,
        account: Arc<Account>,
        character: Name,
    ) -> Result<Self, NotDone> {
        let shared = Arc::new(Shared {
            outbox: Mutex::default(),
            changed: Notify::new(),
            news: broadcast::Sender::new(NEWS),
            leaving: CancellationToken::new(),
        });
        let sender = watch::Sender::new(State::new(character.clone()));
        let mut state = sender.subscribe();
        let link = Link::new(gateways, account, character, shared.clone(), sender);
        let task = AbortOnDropHandle::new(tokio::spawn(link.run()));
        let there = state.wait_for(|it| it.me().is_some() || it.ended().is_some());
        let ended = match there.await {
            Ok(state) => state.ended().map(str::to_owned),
            Err(_) => Some("the connection has ended".to_owned()),
        };
        match ended {
            Some(why) => Err(NotDone::Ended(why)),
            None => Ok(Self {
                shared,
                state,
                task,
            }),
        }
    }

    /// Puts a command into the outbox, from where it is sent. Waits while the outbox is full, which
    /// it is if [`Outbox::MOST`] commands have not been acknowledged.
    ///
    /// # Errors
    /// The session is over.
    ///
    /// Cancel-safe: without an answer, nothing is sent.
    pub async fn send(&self, wish: Wish) -> Result<Sent, NotDone> {
        let mut state = self.state.clone();
        loop {
            // Before looking, so that no change in between is missed.
            let changed = self.shared.changed.notified();
            if let Some(why) = state.borrow_and_update().ended() {
                return Err(NotDone::Ended(why.to_owned()));
            }
            let sent = self.shared.outbox.lock().push(wish.clone());
            if let Some(sent) = sent {
                self.shared.changed.notify_waiters();
                return Ok(sent);
            }
            tokio::select! {
                () = changed => {}
                _ = state.changed() => {}
            }
        }
    }

    /// Waits until a command was acknowledged: it will be done once, whatever ends.
    ///
    /// # Errors
    /// It was refused, or the session is over.
    pub async fn accepted(&self, sent: Sent) -> Result<(), NotDone> {
        self.wait(|state| state.accepted >= sent.seq, sent.seq)
            .await
    }

    /// Waits until a command was done.
    ///
    /// # Errors
    /// It was refused, or the session is over.
    pub async fn done(&self, sent: Sent) -> Result<(), NotDone> {
        let by_now = |state: &State| match sent.by_zone {
            true => state.done >= sent.seq,
            false => state.accepted >= sent.seq,
        };
        self.wait(by_now, sent.seq).await
    }

    /// Waits until the character stands still, for example after [`Wish::Move`] was done. Says what
    /// stands in its way, if anything does.
    ///
    /// # Errors
    /// The session is over.
    pub async fn still(&self) -> Result<Option<String>, NotDone> {
        self.wait(|state| !state.walks, 0).await?;
        Ok(self.state.borrow().stopped_by.clone())
    }

    /// Waits until something is true of the state.
    ///
    /// # Errors
    /// The session is over.
    pub async fn until(&self, holds: impl FnMut(&State) -> bool) -> Result<(), NotDone> {
        self.wait(holds, 0).await
    }

    async fn wait(&self, mut holds: impl FnMut(&State) -> bool, seq: u64) -> Result<(), NotDone> {
        let mut state = self.state.clone();
        let reached =
            state.wait_for(|it| it.answer(seq).is_some() || holds(it) || it.ended().is_some());
        let Ok(state) = reached.await else {
            return Err(NotDone::Ended("the connection has ended".to_owned()));
        };
        match (state.answer(seq), state.ended()) {
            (Some(why), _) => Err(NotDone::Refused(why.to_owned())),
            (None, Some(why)) => Err(NotDone::Ended(why.to_owned())),
            (None, None) => Ok(()),
        }
    }

    /// What the player sees: always up to date.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// What happens from now on. A listener that does not keep up misses the oldest news.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.shared.news.subscribe()
    }

    /// Leaves the world, and waits until the gateway knows; what was not acknowledged by then is
    /// not sent any more.
    pub async fn bye(self) {
        self.shared.leaving.cancel();
        // It ends by itself. A panic has been reported already.
        let _ = self.task.await;
    }
}
