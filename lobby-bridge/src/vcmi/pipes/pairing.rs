//! Pairing: the questions of pipes, and the lobby's answers.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::{
    handshake::Role,
    lobby::{Errand, Event, Lobby},
    sessions::Arrival,
    uuid::Uuid,
};
use crate::peers::{self, ConnectionId, Place};

pub(in super::super) type Shared = peers::Shared<Pairing>;
pub(in super::super) type Connection = peers::Connection<Pairing>;

/// One end of a game, ready to be joined with the other end.
pub(super) struct Half {
    /// The three frames of its handshake, as they were on the wire.
    pub(super) introduction: Bytes,
    /// The connection. Its buffer holds what was sent after the handshake.
    pub(super) connection: Connection,
    /// Its place among the pipes.
    pub(super) place: Place,
    /// Cancelled when the place went to another connection.
    pub(super) lost: CancellationToken,
}

/// The next step of a pipe after its arrival.
pub(super) enum Answer {
    Refused,
    /// Wait for a partner, and hand itself over to the partner's task.
    Waits(oneshot::Receiver<oneshot::Sender<Half>>),
    /// Take over this partner. If it does not come, ask again.
    Pairs(oneshot::Receiver<Half>),
}

/// A pipe has sent its role and UUID, and asks what to do.
pub(in super::super) struct Arrives {
    pub(super) who: ConnectionId,
    pub(super) role: Role,
    pub(super) uuid: Uuid,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Passes the lobby's decisions on to pipes.
#[derive(Default)]
pub(in super::super) struct Pairing {
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
                    // If the partner has just gone, `take` fails, and the asking pipe asks again.
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
