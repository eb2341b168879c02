//! Names: claims, questions, watches and offers that are polled.

mod claim;
mod holder;
mod offer;
mod resolve;
mod watch;

pub(crate) use claim::Claim;
pub(crate) use holder::Holder;
pub(crate) use offer::{Offer, Ordered};
pub(crate) use resolve::Resolve;
pub(crate) use watch::Watch;

use super::{Error, Options, State, standing::Standing, text::Text, thread::Lease};
use metaserve_client::names;
use std::{ffi::c_char, sync::mpsc, time::Duration};

/// The longest time to wait for the end.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A connection for names.
#[derive(Debug)]
pub(crate) struct Names {
    connection: Connection,
    text: Text,
    /// Dropped last.
    lease: Lease,
}

/// What all that is opened with a connection has of it.
#[derive(Clone, Debug)]
struct Connection {
    names: names::Names,
    standing: Standing,
}

impl Connection {
    /// How it stands, and why it is not better. No status says that it has ended.
    fn stands(&self) -> (State, String) {
        match self.names.ended() {
            Some(why) => (State::Ended, why.to_string()),
            None => (self.standing.state(), self.standing.text()),
        }
    }
}

/// The fields of `ms_request`.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) ticket: Option<Vec<u8>>,
    /// None: the library's default.
    pub(crate) within: Option<Duration>,
    pub(crate) start: bool,
    pub(crate) slots: u32,
}

impl Names {
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let connector: names::Connector = options.connector()?;
        let lease = Lease::new()?;
        let standing = Standing::default();
        let status = standing.clone();
        let names = {
            let _inside = lease.enter();
            connector.ready()?;
            let maintain = names::maintain(connector);
            maintain.on_status(move |it| status.hear(it)).run()
        };
        Ok(Self {
            connection: Connection { names, standing },
            text: Text::default(),
            lease,
        })
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let (state, text) = self.connection.stands();
        (state, self.text.set(&text))
    }

    /// Ends all that was asked, and waits until the daemon has heard that, at most `wait`.
    pub(crate) fn close(self, wait: Duration) {
        let (ends, ended) = mpsc::channel::<()>();
        let Self {
            connection, lease, ..
        } = self;
        lease.spawn(async move {
            let _ends = ends;
            connection.names.close().await;
        });
        // It is closed when the task has ended; it never has anything inside.
        let _ = ended.recv_timeout(wait.min(LONGEST_WAIT));
    }
}
