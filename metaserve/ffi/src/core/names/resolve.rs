//! A question who holds a key.

use super::{
    Asks, Names,
    holder::{Holder, Texts},
};
use crate::core::{Error, State, thread::Lease};
use futures::FutureExt;
use metaserve_client::names::{self, Found};
use std::{ffi::c_char, fmt, pin::Pin};

/// A question: open, or answered.
#[derive(Debug)]
pub(crate) struct Resolve {
    key: String,
    at: At,
    texts: Texts,
    /// Dropped last.
    lease: Lease,
}

/// The holder if there is one, or why that is not known.
type Answer = Result<Option<Found>, String>;

enum At {
    Asked(Pin<Box<dyn Future<Output = Answer> + Send>>),
    Answered(Answer),
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked(_) => "Asked",
            Self::Answered(_) => "Answered",
        })
    }
}

impl Resolve {
    pub(crate) fn open(names: &Names, asks: Asks) -> Result<Self, Error> {
        let key = names::Key::new(&asks.key).map_err(Error::argument)?;
        let lease = Lease::new()?;
        let mut resolve = names.connection.names.resolve(key.as_str());
        if let Some(within) = asks.within {
            resolve = resolve.within(within);
        }
        let asked = async move {
            if !asks.start {
                return resolve.await.map_err(|error| error.to_string());
            }
            let mut start = resolve.or_start(asks.value);
            if let Some(ticket) = asks.ticket {
                start = start.ticket(ticket);
            }
            start.await.map(Some).map_err(|error| error.to_string())
        };
        let mut resolve = Self {
            key: key.to_string(),
            at: At::Asked(Box::pin(asked)),
            texts: Texts::default(),
            lease,
        };
        // The first poll asks.
        resolve.look();
        Ok(resolve)
    }

    fn look(&mut self) -> State {
        let _inside = self.lease.enter();
        if let At::Asked(asked) = &mut self.at
            && let Some(answer) = asked.now_or_never()
        {
            self.at = At::Answered(answer);
        }
        match &self.at {
            At::Asked(_) => State::Connecting,
            At::Answered(Ok(Some(_))) => State::Live,
            At::Answered(_) => State::Ended,
        }
    }

    pub(crate) fn poll(&mut self) -> (State, Holder) {
        let state = self.look();
        let holder = match &self.at {
            At::Answered(Ok(Some(found))) => {
                let address = Some(found.address);
                self.texts
                    .holder(&self.key, found.epoch, &found.value, address)
            }
            _ => self.texts.nobody(&self.key),
        };
        (state, holder)
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let state = self.look();
        let why = match &self.at {
            At::Answered(Err(why)) => why,
            _ => "",
        };
        (state, self.texts.text.set(why))
    }
}
