//! Game connections, which are joined in pairs (section 12 of the specification): what is VCMI's
//! alone.
//!
//! `pipe.rs` is one of them until it has a partner, `couple.rs` is two. The lobby says who belongs
//! together; [`Pairing`] brings them together.

mod couple;
mod pipe;

use std::collections::HashMap;

use tokio::sync::oneshot;

use self::pipe::Half;
use super::{
    handshake::Role,
    limits::Limits,
    lobby::{Errand, Event, Lobby},
    sessions::Arrival,
    uuid::Uuid,
};
use crate::peers::{self, ConnectionId, Entrance};

pub(super) use self::pipe::serve;

pub(super) type Shared = peers::Shared<Pairing>;
pub(super) type Connection = peers::Connection<Pairing>;

/// Where pipes take their places, and what bounds them.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) places: Entrance,
    pub(super) limits: Limits,
}

/// What a pipe is to do after its arrival.
enum Answer {
    Refused,
    /// Wait for a partner, and hand itself over to it.
    Waits(oneshot::Receiver<oneshot::Sender<Half>>),
    /// Take over this partner; if it does not come, arrive again.
    Pairs(oneshot::Receiver<Half>),
}

/// A pipe has shown who it is, and asks what to do.
pub(super) struct Arrives {
    who: ConnectionId,
    role: Role,
    uuid: Uuid,
    answer: oneshot::Sender<Answer>,
}

/// Answers pipes as the lobby decides.
#[derive(Default)]
pub(super) struct Pairing {
    asking: HashMap<ConnectionId, oneshot::Sender<Answer>>,
    waiting: HashMap<ConnectionId, oneshot::Sender<oneshot::Sender<Half>>>,
}

impl peers::Errands for Pairing {
    type Lobby = Lobby;
    type Note = Arrives;

    fn run(&mut self, Errand(who, arrival): Errand) -> Option<ConnectionId> {
        let answer = match arrival {
            Arrival::Refused => Answer::Refused,
            Arrival::Waits => {
                let (partner, found) = oneshot::channel();
                self.waiting.insert(who, partner);
                Answer::Waits(found)
            }
            Arrival::Pairs(partner) => {
                let (give, take) = oneshot::channel();
                if let Some(waiting) = self.waiting.remove(&partner) {
                    // If it has just gone, `take` fails, and who asked arrives again.
                    let _ = waiting.send(give);
                }
                Answer::Pairs(take)
            }
        };
        if let Some(asking) = self.asking.remove(&who) {
            let _ = asking.send(answer);
        }
        None
    }

    fn noted(&mut self, note: Arrives) -> Option<(ConnectionId, Event)> {
        self.asking.insert(note.who, note.answer);
        Some((note.who, Event::Arrived(note.role, note.uuid)))
    }

    fn ended(&mut self, who: ConnectionId) {
        self.asking.remove(&who);
        self.waiting.remove(&who);
    }
}
