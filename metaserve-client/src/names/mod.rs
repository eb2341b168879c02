//! Names: who owns a name now, start it if nobody does (feature `names`).
//!
//! Zones of a world, rooms, the live session of an account, the one active scheduler: each is a name
//! with one owner. A program claims a [`Key`] and holds it for as long as it lives; others ask who
//! holds it, follow all keys with a [`Prefix`], or have an absent one started by a host that offers
//! to.
//!
//! ```no_run
//! use metaserve_client::names::{Connector, Names};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let names = Names::maintain(Connector::to("list.example.org:4433"));
//! let zone = names
//!     .claim("zone/shared/meadow")
//!     .value("meadow.example.org:7777")
//!     .await?;
//! println!("serving the meadow with epoch {}", zone.epoch());
//! println!("the claim is lost: {}", zone.lost().await);
//! # Ok(())
//! # }
//! ```
//!
//! * [`Names`] is a connection that is kept: the library connects again, at most 2 s after each
//!   failed attempt, and says everything anew. Claims survive short interruptions and restarts of the
//!   daemon.
//! * [`claim`](Names::claim) makes a [`Claim`]: dropping it releases the key.
//! * [`resolve`](Names::resolve) asks who holds a key; [`or_start`](Resolve::or_start) has it started.
//! * [`watch`](Names::watch) is a stream of [`Snapshot`]s of all keys with a prefix.
//! * [`offer`](Names::offer) is a host's stream of [`Order`]s to start keys.
//! * [`Failed`], [`ClaimError`], [`StartError`] and [`Lost`] are sentences that say what happened.
//!
//! A claim without *fencing* is not a lock: whoever writes on behalf of a claim writes its
//! [epoch](Claim::epoch) as well, and the store refuses a smaller one. The guide `docs/guide/names.md`
//! shows how, with whole programs.
//!
//! One daemon keeps the names, also in a cluster: `--names on`. A daemon without it does not speak to
//! this module.

mod claim;
mod driver;
mod error;
mod offer;
mod request;
mod resolve;
mod session;
mod shared;
mod watch;

pub use claim::{Claim, ClaimRequest};
pub use error::{ClaimError, Failed, Lost, Refused, StartError};
pub use metaserve::names::{InvalidKey, Key, Prefix, Refusal};
pub use offer::{Offer, Order};
pub use resolve::{Found, Resolve, Start};
pub use watch::{Changes, Entry, Snapshot, Watch};

use metaserve::{
    Connect,
    connect::role,
    lasting::{Listener, Status},
};
use request::{WITHIN, deadline};
use shared::{Handle, Shared};
use std::{
    fmt,
    sync::{Arc, PoisonError},
};
use tokio_util::task::AbortOnDropHandle;

/// Connects to a daemon for names; see [`metaserve_client::Connector`](crate::Connector).
pub type Connector = metaserve::connect::ConnectorFor<role::Names>;

/// Keeps a connection for names, with options; [`Names::maintain`] is the same without them.
pub fn maintain<C>(connect: C) -> Maintain<C> {
    Maintain {
        connect,
        listener: Listener::default(),
    }
}

/// Options of a connection for names, from [`maintain`].
#[must_use = "there is no connection before `run`"]
pub struct Maintain<C> {
    connect: C,
    listener: Listener,
}

impl<C> fmt::Debug for Maintain<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintain").finish_non_exhaustive()
    }
}

impl<C> Maintain<C> {
    /// Calls `hear` with each change of the connection's [`Status`], to show it or to log it.
    ///
    /// Default: problems are logged with `tracing` as warnings. In a program without a `tracing`
    /// subscriber standard error has a line for a problem that lasts 3 s, and one when it is over.
    pub fn on_status(mut self, hear: impl FnMut(Status) + Send + 'static) -> Self {
        self.listener = Listener::new(hear);
        self
    }

    /// Begins to connect, in a tokio task that goes on until the last of the handles is dropped:
    /// [`Names`] and what it makes. Call it inside a runtime.
    ///
    /// A lost connection is made again. The delay is about 250 ms at first and at most 2 s, or 30 s when
    /// the daemon has refused the program: it is full, has banned the address, or was told too much.
    /// After that the library speaks more slowly. An attempt at an address that does not answer takes
    /// 5 s. All requests fail, and all claims are
    /// lost, only when connecting again cannot help:
    ///
    /// * At once when a setting cannot be used: the daemon's name, its fingerprint, a file.
    /// * At the third time in a row when the daemon is not one that is trusted, or does not speak
    ///   about names, such as one without `--names on`. Once there was a connection, this is no
    ///   reason any more: the settings were right then.
    pub fn run(self) -> Names
    where
        C: Connect<role::Names> + Send + 'static,
        C::Connecting: Send,
        C::Error: Send,
    {
        let shared = Arc::new(Shared::default());
        let speak = driver::speak(shared.clone(), self.connect, self.listener);
        let task = AbortOnDropHandle::new(tokio::spawn(speak));
        let task = Some(task).into();
        Names {
            handle: Arc::new(Handle { shared, task }),
        }
    }
}

/// Claims, questions, watches and offers, over one connection that is kept. Cheap to clone.
///
/// What it makes keeps the connection as well. When the last of all these handles is dropped, the
/// connection is closed and everything that it holds ends.
#[derive(Clone, Debug)]
pub struct Names {
    handle: Arc<Handle>,
}

impl Names {
    /// Keeps a connection. `connect` makes a new one each time one is needed: a [`Connector`], or any
    /// closure that returns a future of a connection with the ALPN identifier `metaserve-names/1`.
    /// [`Maintain::run`] says the rest.
    #[must_use]
    pub fn maintain<C>(connect: C) -> Self
    where
        C: Connect<role::Names> + Send + 'static,
        C::Connecting: Send,
        C::Error: Send,
    {
        maintain(connect).run()
    }

    /// Claims a key: 1 to 255 bytes without control characters, with `/` between parts by convention.
    /// Options follow, then `await`; a text that is not a key is an error then.
    pub fn claim(&self, key: impl AsRef<str>) -> ClaimRequest {
        let key = Key::new(key.as_ref());
        ClaimRequest::new(self.handle.clone(), key, deadline(WITHIN), None)
    }

    /// Asks who holds a key. Options follow, then `await`; a text that is not a key is an error then.
    pub fn resolve(&self, key: impl AsRef<str>) -> Resolve {
        let key = Key::new(key.as_ref());
        Resolve::new(self.handle.clone(), key, deadline(WITHIN))
    }

    /// Follows all keys with a prefix; an empty one stands for all keys.
    pub fn watch(&self, prefix: impl AsRef<str>) -> Watch {
        Watch::new(self.handle.clone(), Prefix::new(prefix.as_ref()))
    }

    /// Offers to start keys with a prefix, so many at a time.
    pub fn offer(&self, prefix: impl AsRef<str>, slots: u32) -> Offer {
        Offer::new(self.handle.clone(), Prefix::new(prefix.as_ref()), slots)
    }

    /// Why there will be no further connection: connecting again cannot help, as [`Maintain::run`]
    /// says, or another handle was [closed](Names::close). None as long as there can be one.
    #[must_use]
    pub fn ended(&self) -> Option<Failed> {
        self.handle.shared.lock().why_over()
    }

    /// Ends all requests and the connection, and waits until the daemon has heard that, which frees all
    /// claims at once: 3 s at most, however many they are. Call it before the program ends; otherwise the daemon frees what the program holds after 5 s.
    ///
    /// Other handles stay without effect. Not cancel-safe: what was not told by then is not told.
    pub async fn close(self) {
        self.handle.shared.leaving.cancel();
        let task = self.handle.task.lock();
        let task = task.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends by itself. A panic in the program's functions has been reported already.
            let _ = task.await;
        }
    }
}
