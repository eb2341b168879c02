//! Offering to start keys, and carrying orders out.

use super::{
    ClaimRequest,
    error::Failed,
    request,
    session::{Ordered, Session},
    shared::{Handle, Open},
};
use bytes::Bytes;
use futures::Stream;
use metaserve::names::{InvalidKey, Key, Prefix};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::sync::mpsc;

/// A host's offer to start keys with a prefix, as a stream of [orders](Order):
/// [`Names::offer`](super::Names::offer) makes it.
///
/// The daemon gives each order to the host with the most free slots. A slot is taken by an order that
/// is not answered, and by the claim that an order has become, until that claim ends, also over a
/// lost connection: the offer is made again then, with the slots that are free. The daemon has given
/// the unanswered orders of the lost connection to other hosts. If it gives one to this host again,
/// while the program still has it, the program is not told twice: its claim or refusal answers both.
///
/// Nothing is offered before the first poll. Polling is cancel-safe. At most 256 orders wait in the
/// stream, and no more than there are slots. Dropping the stream withdraws the offer, which also
/// refuses the orders that are not answered; keys that are claimed stay claimed.
///
/// # Errors
/// The last item is an error, [`Failed`]: the prefix is not one, the daemon refuses the offer, such
/// as for want of a ticket, or connecting again cannot help.
#[must_use = "a stream does nothing unless polled"]
pub struct Offer {
    handle: Arc<Handle>,
    slots: u32,
    ticket: Option<Bytes>,
    /// Until the first poll.
    prefix: Option<Result<Prefix, InvalidKey>>,
    /// Until the last item.
    orders: Option<mpsc::Receiver<Result<Ordered, Failed>>>,
    open: Option<Open>,
}

impl Offer {
    pub(super) fn new(handle: Arc<Handle>, prefix: Result<Prefix, InvalidKey>, slots: u32) -> Self {
        Self {
            handle,
            slots,
            ticket: None,
            prefix: Some(prefix),
            orders: None,
            open: None,
        }
    }

    /// A ticket with a scope that covers `claim:PREFIX*`, for a daemon that asks for one; claims of
    /// ordered keys need theirs as well. Default: none. After the first poll it changes nothing.
    pub fn ticket(self, ticket: impl Into<Bytes>) -> Self {
        let ticket = Some(ticket.into());
        Self { ticket, ..self }
    }

    /// Wants no further orders, such as before the host stops. The stream ends after those that have
    /// come already; keys that are claimed stay claimed. Does nothing before the first poll.
    pub fn drain(&self) {
        if let Some(open) = &self.open {
            open.act(|session, id| session.drain(id));
        }
    }

    fn begin(&mut self, prefix: Result<Prefix, InvalidKey>) -> Result<(), Failed> {
        let (prefix, slots) = (prefix?, self.slots);
        let ticket = request::ticket(self.ticket.take())?;
        let (open, orders) = Open::begin(&self.handle, |it| it.offer(prefix, slots, ticket));
        (self.open, self.orders) = (Some(open), Some(orders));
        Ok(())
    }
}

impl Stream for Offer {
    type Item = Result<Order, Failed>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(prefix) = self.prefix.take()
            && let Err(failed) = self.begin(prefix)
        {
            return Poll::Ready(Some(Err(failed)));
        }
        loop {
            let Some(orders) = &mut self.orders else {
                return Poll::Ready(None);
            };
            match ready!(orders.poll_recv(context)) {
                Some(Ok(it)) => {
                    let handle = self.handle.clone();
                    // It may have come over a connection that is lost: another host has it.
                    let Some(until) = handle.shared.act(|session| session.take_order(&it)) else {
                        continue;
                    };
                    let it = Ordered { until, ..it };
                    let answered = false;
                    return Poll::Ready(Some(Ok(Order {
                        handle,
                        it,
                        answered,
                    })));
                }
                Some(Err(failed)) => {
                    self.orders = None;
                    return Poll::Ready(Some(Err(failed)));
                }
                None => self.orders = None,
            }
        }
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// The daemon asks this host to start a key: [claim](Self::claim) it, or [refuse](Self::refuse).
///
/// Start what is to be found under the key first, and claim the key when it can be used: whoever
/// waits for it gets the value of the claim. Dropping an order refuses it.
#[derive(Debug)]
#[must_use = "dropping an order refuses it"]
pub struct Order {
    handle: Arc<Handle>,
    it: Ordered,
    answered: bool,
}

impl Order {
    /// The key to start.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.it.key
    }

    /// What the one who wants it started has sent, unchanged.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.it.payload
    }

    /// Until when the daemon waits for the claim. After that it asks another host, if there is one,
    /// and the key may be claimed by that one.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.it.until
    }

    /// Claims the key: add [`value`](ClaimRequest::value) and await it, as after
    /// [`Names::claim`](super::Names::claim). If the claim fails, the order is refused.
    pub fn claim(self) -> ClaimRequest {
        let (handle, key) = (self.handle.clone(), self.it.key.clone());
        ClaimRequest::new(handle, Ok(key), self.it.until, Some(self))
    }

    /// Does not start the key. The daemon asks another host, and shows this reason to those who wait
    /// if there is none: one sentence, of which they see 80 bytes.
    pub fn refuse(mut self, why: impl Into<String>) {
        self.answer(why.into());
    }

    /// It is carried out.
    pub(super) fn done(mut self) {
        self.answered = true;
    }

    fn answer(&mut self, why: String) {
        if !std::mem::replace(&mut self.answered, true) {
            let Ordered { key, serial, .. } = &self.it;
            let refuse = |session: &mut Session| session.refuse_order(key, *serial, why);
            self.handle.shared.act(refuse);
        }
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        self.answer("the host has dropped the order".into());
    }
}
