//! Names: who owns a name now, for peers of the role `names`.
//!
//! ```text
//!  connection ──▶ Line::say ──▶ driver: metaserve::names::Names ──▶ Line::answers ──▶ connection
//!                                  │
//!                               Store: the file of the high-water mark
//! ```
//!
//! One task, the driver, owns everything that the daemon knows of names. A [`Line`] leads there from
//! each connection, with a bounded queue in each direction.

mod driver;
mod store;
mod tickets;

pub(crate) use driver::run;
pub(crate) use store::Store;
pub(crate) use tickets::Tickets;

use metaserve::{
    Close, CloseCode,
    names::{Answer, Event, PeerId, Said},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// How many messages of all peers wait for the driver.
const WAITING: usize = 1_024;

/// How many messages of one peer wait, in that queue or until the driver accepts them. Nothing more
/// is read from the peer meanwhile.
const WAITING_OF_ONE: usize = 32;

/// How many answers wait for one connection to write them. The driver keeps the rest, of which only
/// the latest state counts.
const UNWRITTEN: usize = 16;

/// What the driver is told.
enum Input {
    /// A peer has connected.
    Joined(PeerId, SocketAddr, Ends),
    /// A peer has sent a message, permitted or not. The semaphore's is its place among those that
    /// wait.
    Said(PeerId, Event, OwnedSemaphorePermit),
    /// A peer has another address now.
    Moved(PeerId, SocketAddr),
}

/// The driver's ends of a line. The peer is gone when nobody receives answers any more.
struct Ends {
    answers: mpsc::Sender<Answer>,
    close: oneshot::Sender<Close>,
}

/// Where connections reach the driver.
pub(crate) struct Door {
    inputs: mpsc::Sender<Input>,
    next: AtomicU64,
}

/// What the driver is told, in order.
pub(crate) struct Inputs(mpsc::Receiver<Input>);

impl Door {
    /// A door, and what comes in through it.
    pub(crate) fn new() -> (Self, Inputs) {
        let (inputs, received) = mpsc::channel(WAITING);
        let next = AtomicU64::new(0);
        (Self { inputs, next }, Inputs(received))
    }

    /// Tells the driver of a peer at this address. It is gone when the line is dropped.
    pub(crate) async fn join(&self, address: SocketAddr) -> Result<Line, Close> {
        let peer = PeerId(self.next.fetch_add(1, Ordering::Relaxed));
        let (answers, received) = mpsc::channel(UNWRITTEN);
        let (close, closed) = oneshot::channel();
        let mouth = Mouth {
            peer,
            inputs: self.inputs.clone(),
            places: Arc::new(Semaphore::new(WAITING_OF_ONE)),
        };
        let ends = Ends { answers, close };
        mouth.tell(Input::Joined(peer, address, ends)).await?;
        Ok(Line {
            mouth,
            answers: received,
            close: closed,
        })
    }
}

/// The way from one connection to the driver and back.
pub(crate) struct Line {
    /// Tells the driver.
    pub(crate) mouth: Mouth,
    /// What the peer is to be told.
    pub(crate) answers: mpsc::Receiver<Answer>,
    /// How the peer is to be closed.
    pub(crate) close: oneshot::Receiver<Close>,
}

/// The way from one connection to the driver.
pub(crate) struct Mouth {
    peer: PeerId,
    inputs: mpsc::Sender<Input>,
    places: Arc<Semaphore>,
}

impl Mouth {
    /// Passes a message on, as soon as there is a place for it.
    pub(crate) async fn say(&self, said: Said, tickets: Option<&Tickets>) -> Result<(), Close> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| ended())?;
        let said = tickets::event(tickets, self.peer, said);
        self.tell(Input::Said(self.peer, said, place)).await
    }

    /// Says where the peer is now.
    pub(crate) async fn moved(&self, address: SocketAddr) -> Result<(), Close> {
        self.tell(Input::Moved(self.peer, address)).await
    }

    async fn tell(&self, input: Input) -> Result<(), Close> {
        self.inputs.send(input).await.map_err(|_| ended())
    }
}

/// The driver has ended, because the daemon ends.
pub(crate) fn ended() -> Close {
    Close::new(
        CloseCode::ShuttingDown,
        "the daemon is stopping: reconnect soon",
    )
}
