//! What a master asks for: datagrams and the file of its servers.

use bytes::Bytes;
use tokio::sync::watch;

use super::lobby::{Errand, Master};
use crate::{
    metrics::{Question, Tally},
    peers::{self, ConnectionId, Post},
};

/// Carries out errands, and never waits.
pub(super) struct Errands {
    pub(super) post: Post,
    /// What is to be kept over a restart.
    pub(super) saved: watch::Sender<String>,
    pub(super) tally: Tally,
}

impl peers::Errands for Errands {
    type Lobby = Master;
    type Note = ();

    fn run(&mut self, errand: Errand) -> Option<ConnectionId> {
        match errand {
            Errand::Say(way, datagram) => {
                if way.is_beside() {
                    self.tally.question(Question::Asked);
                }
                self.post.send(way, &datagram);
            }
            Errand::Answer(way, datagrams) => {
                self.tally.list(datagrams.iter().map(Bytes::len).sum());
                self.post.send_all(way, datagrams);
            }
            Errand::Save(servers) => drop(self.saved.send_replace(servers)),
        }
        None
    }

    fn noted(&mut self, (): ()) -> Option<(ConnectionId, ())> {
        None
    }

    fn ended(&mut self, _: ConnectionId) {}
}
