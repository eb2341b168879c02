//! Claiming a key, and holding it.

use super::{
    Order,
    error::{ClaimError, Failed, Lost},
    request::{deadline, ticket, value},
    session::{Asked, ClaimState},
    shared::{Handle, Open},
};
use bytes::Bytes;
use metaserve::{
    names::{InvalidKey, Key},
    time::now,
};
use std::{
    future::IntoFuture,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How to claim a key: [`Names::claim`](super::Names::claim) and
/// [`Order::claim`](super::Order::claim) begin it, and `await` claims the key.
///
/// The claim is granted at once or not at all: the daemon keeps no queue. The library waits for a
/// connection, and for a daemon that has just started and still waits for former holders, for as
/// long as [`within`](Self::within) says.
///
/// Cancel-safe: dropping it, or the future, releases the key.
///
/// # Errors
/// [`ClaimError`]: another one holds the key, the daemon refuses, or has not answered in time.
#[derive(Debug)]
#[must_use = "nothing is claimed before it is awaited"]
pub struct ClaimRequest {
    handle: Arc<Handle>,
    key: Result<Key, InvalidKey>,
    value: Bytes,
    ticket: Option<Bytes>,
    until: Instant,
    order: Option<Order>,
}

impl ClaimRequest {
    pub(super) fn new(
        handle: Arc<Handle>,
        key: Result<Key, InvalidKey>,
        until: Instant,
        order: Option<Order>,
    ) -> Self {
        Self {
            handle,
            key,
            value: Bytes::new(),
            ticket: None,
            until,
            order,
        }
    }

    /// What everybody sees who resolves or watches the key, such as an address: at most 8 KiB, which
    /// the daemon does not look into. Default: nothing.
    pub fn value(self, value: impl Into<Bytes>) -> Self {
        let value = value.into();
        Self { value, ..self }
    }

    /// A ticket with a scope that covers `claim:KEY`, for a daemon that asks for one. The library
    /// keeps it, and shows it again after a reconnect. Default: none.
    pub fn ticket(self, ticket: impl Into<Bytes>) -> Self {
        let ticket = Some(ticket.into());
        Self { ticket, ..self }
    }

    /// How long to wait for a connection and for the daemon's answer. Default 30 s, or the time that
    /// an order allows.
    pub fn within(self, within: Duration) -> Self {
        let until = deadline(within);
        Self { until, ..self }
    }

    async fn run(self) -> Result<Claim, ClaimError> {
        let asked = Asked {
            key: self.key.map_err(Failed::Key)?,
            value: value("value", self.value)?,
            ticket: ticket(self.ticket)?,
        };
        let key = asked.key.clone();
        let begin = |session: &mut super::session::Session| session.claim(asked, self.until);
        let (open, mut state) = Open::begin(&self.handle, begin);
        loop {
            let now = state.borrow_and_update().clone();
            match now {
                ClaimState::Asked => {}
                ClaimState::NotGranted(error) => return Err(error),
                ClaimState::Lost(lost) => return Err(lost.into()),
                ClaimState::Held { epoch, .. } => {
                    if let Some(order) = self.order {
                        order.done();
                    }
                    return Ok(Claim {
                        open,
                        key,
                        epoch,
                        state,
                    });
                }
            }
            if state.changed().await.is_err() {
                return Err(Failed::Closed.into());
            }
        }
    }
}

impl IntoFuture for ClaimRequest {
    type Output = Result<Claim, ClaimError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A key that this program holds, until it is [lost](Self::lost) or this is dropped.
///
/// The daemon gives the key to another one when it has not heard of this program for 5 s. If that
/// was a short interruption, or the daemon was restarted, the library connects again and shows that
/// it was the holder: the claim goes on, with the same epoch. While there is no connection,
/// [`is_certain`](Self::is_certain) is false and the claim is not lost yet: perhaps the daemon is
/// down, and then nobody else is granted the key either.
///
/// **A claim alone protects nothing.** A program can be frozen at any line and go on seconds later,
/// when another one holds the key. So write the [epoch](Self::epoch) wherever you write on behalf of
/// the claim, and let the store refuse an older one.
#[derive(Debug)]
#[must_use = "dropping a claim releases its key"]
pub struct Claim {
    open: Open,
    key: Key,
    epoch: u64,
    state: watch::Receiver<ClaimState>,
}

impl Claim {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The epoch of this claim: larger than that of every earlier claim of the key, whoever had it,
    /// and over restarts of the daemon. It never changes.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the daemon has answered something that was sent less than 5 s ago, over the connection
    /// that holds the claim: it has heard of this program since then, so that it has not given the
    /// key to another one. While a program holds claims, the library asks every second. Costs a lock.
    ///
    /// It is false as soon as a frozen program goes on after 5 s, whatever has arrived meanwhile. The
    /// clock is the system's monotonic one: it may stand still while the whole machine is suspended.
    ///
    /// Ask it before something that only the holder should do and that no store checks, such as
    /// letting a player in. It is a hint and no proof: what is true now may be false when the next
    /// line runs.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.open.session().is_certain(self.open.id, now())
    }

    /// Waits until the claim is lost, and says why. A lost claim stays lost: drop it, and claim the
    /// key again if you still want it.
    ///
    /// While there is no connection it waits: see [`is_certain`](Self::is_certain). When the daemon
    /// is there again and another one holds the key, or may have held it, the claim is lost.
    ///
    /// Cancel-safe.
    pub async fn lost(&self) -> Lost {
        let mut state = self.state.clone();
        loop {
            if let ClaimState::Lost(lost) = &*state.borrow_and_update() {
                return lost.clone();
            }
            if state.changed().await.is_err() {
                return Lost::Closed;
            }
        }
    }

    /// Changes the value that everybody sees. Without a connection it is sent later. Of several that
    /// could not be sent in time only the newest is; after the loss of the claim, nothing happens.
    ///
    /// # Errors
    /// [`Failed::TooLong`], and the value stays as it was.
    pub fn update(&self, new: impl Into<Bytes>) -> Result<(), Failed> {
        let new = value("value", new.into())?;
        self.open.act(|session, id| session.update(id, new));
        Ok(())
    }

    /// Releases the key, as dropping it does: the daemon can give it to another one at once.
    ///
    /// The message is sent by a task. Before a program ends it should call
    /// [`Names::close`](super::Names::close); otherwise the daemon frees its keys after 5 s.
    pub fn release(self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::{
        names::{Answer, Proofs},
        protocol::{codec, names::FromDaemon, session::Piece},
    };
    use std::pin::pin;

    #[tokio::test]
    async fn a_claim_that_is_lost_before_its_program_sees_it_says_so() {
        let handle = Arc::new(Handle {
            shared: Arc::default(),
            task: None.into(),
        });
        handle.shared.lock().connected();
        let key = Key::new("zone").unwrap();
        let until = deadline(Duration::from_secs(300));
        let request = ClaimRequest::new(handle.clone(), Ok(key.clone()), until, None);
        let mut claim = pin!(request.into_future());
        assert!(futures::poll!(&mut claim).is_pending());
        let proof = Proofs::new(&[7; 32]).prove(&key, 1);
        let (id, epoch) = (1, 1);
        for answer in [Answer::Granted { id, epoch, proof }, Answer::Lost { id }] {
            let piece = Piece::Bytes(codec::frame(FromDaemon::from(&answer)));
            handle.shared.lock().piece(piece, now()).unwrap();
        }
        let lost = claim.await.unwrap_err();
        assert!(
            matches!(lost, ClaimError::Lost(Lost::Displaced)),
            "{lost:?}"
        );
    }
}
