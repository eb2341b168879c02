//! A host's offer to start keys, and its orders.

use super::{Asks, Claim, Connection, Names};
use crate::core::{Error, State, text::Text, thread::Lease};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use metaserve::{names::MAX_WITHIN, time::now};
use metaserve_client::names::{self, Order, Prefix};
use std::{collections::BTreeMap, ffi::c_char, time::Duration};

/// An offer, with the orders that are neither claimed nor refused.
#[derive(Debug)]
pub(crate) struct Offer {
    /// None after its end.
    items: Option<names::Offer>,
    /// That of the connection, until the offer ends.
    connection: Connection,
    failed: Option<String>,
    orders: BTreeMap<u64, Order>,
    last: u64,
    /// An order that has come before the first poll.
    first: Option<u64>,
    /// The payload that was shown last.
    payload: Bytes,
    key: Text,
    text: Text,
    /// Dropped last.
    lease: Lease,
}

/// An order for the program. Its pointers are good until the next call with the offer.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) id: u64,
    pub(crate) payload: *const u8,
    pub(crate) payload_len: u32,
    pub(crate) key: *const c_char,
    pub(crate) left_ms: u32,
}

/// How many orders a program can leave open.
const MOST_ORDERS: usize = 256;

impl Offer {
    pub(crate) fn open(names: &Names, asks: Asks) -> Result<Self, Error> {
        if asks.slots == 0 {
            return Err(Error::argument(
                "slots is 0: say how many keys this host can start",
            ));
        }
        let prefix = Prefix::new(&asks.key).map_err(Error::argument)?;
        let mut items = names.connection.names.offer(prefix.as_str(), asks.slots);
        if let Some(ticket) = asks.ticket {
            items = items.ticket(ticket);
        }
        let mut offer = Self {
            items: Some(items),
            connection: names.connection.clone(),
            failed: None,
            orders: BTreeMap::new(),
            last: 0,
            first: None,
            payload: Bytes::new(),
            key: Text::default(),
            text: Text::default(),
            lease: Lease::new()?,
        };
        // This makes the offer.
        offer.first = offer.take();
        Ok(offer)
    }

    /// The next order. Those that the daemon waits for no longer are refused.
    pub(crate) fn poll(&mut self) -> Option<Ordered> {
        let now = now();
        self.orders.retain(|_, order| order.deadline() > now);
        let id = self.first.take().or_else(|| self.take())?;
        let order = self.orders.get(&id)?;
        self.payload = order.payload().clone();
        let left = order.deadline().saturating_duration_since(now);
        Some(Ordered {
            id,
            payload: self.payload.as_ptr(),
            payload_len: u32::try_from(self.payload.len()).unwrap_or(u32::MAX),
            key: self.key.set(order.key().as_str()),
            left_ms: milliseconds(left),
        })
    }

    fn take(&mut self) -> Option<u64> {
        if self.orders.len() >= MOST_ORDERS {
            return None;
        }
        let items = self.items.as_mut()?;
        let polled = {
            let _inside = self.lease.enter();
            items.next().now_or_never()?
        };
        match polled {
            Some(Ok(order)) => {
                self.last += 1;
                self.orders.insert(self.last, order);
                Some(self.last)
            }
            ended => {
                let why = ended.and_then(Result::err);
                let why = why.map_or("no further orders are wanted".into(), |error| {
                    error.to_string()
                });
                self.failed = Some(why);
                self.items = None;
                None
            }
        }
    }

    /// Claims the key of an order.
    pub(crate) fn claim(&mut self, order: u64, asks: Asks) -> Result<Claim, Error> {
        let order = self.order(order)?;
        let key = order.key().to_string();
        Claim::begin(key, order.claim(), asks)
    }

    pub(crate) fn refuse(&mut self, order: u64, why: Option<String>) -> Result<(), Error> {
        let order = self.order(order)?;
        let why = why.unwrap_or_else(|| "the host does not start it".into());
        order.refuse(why);
        Ok(())
    }

    pub(crate) fn drain(&mut self) {
        if let Some(items) = &self.items {
            items.drain();
        }
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let (state, text) = match &self.failed {
            Some(why) => (State::Ended, why.clone()),
            None => self.connection.stands(),
        };
        (state, self.text.set(&text))
    }

    fn order(&mut self, order: u64) -> Result<Order, Error> {
        let found = self.orders.remove(&order);
        let found = found.filter(|it| it.deadline() > now());
        found.ok_or_else(|| {
            Error::argument(format!(
                "there is no open order {order}: it is answered or too late, or was never given"
            ))
        })
    }
}

fn milliseconds(left: Duration) -> u32 {
    u32::try_from(left.min(MAX_WITHIN).as_millis()).unwrap_or(u32::MAX)
}
