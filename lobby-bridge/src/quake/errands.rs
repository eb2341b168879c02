//! What a master asks for: datagrams and the file of its servers.

use tokio::sync::watch;

use super::lobby::{Errand, Master};
use crate::peers::{self, ConnectionId, Post};

/// Carries out errands, and never waits.
pub(super) struct Errands {
    pub(super) post: Post,
    /// What is to be kept over a restart.
    pub(super) saved: watch::Sender<String>,
}

impl peers::Errands for Errands {
    type Lobby = Master;
    type Note = ();

    fn run(&mut self, errand: Errand) -> Option<ConnectionId> {
        match errand {
            Errand::Ask(way, question) => self.post.send(way, &question),
            Errand::Answer(way, datagrams) => self.post.send_all(way, datagrams),
            Errand::Save(servers) => drop(self.saved.send_replace(servers)),
        }
        None
    }

    fn noted(&mut self, (): ()) -> Option<(ConnectionId, ())> {
        None
    }

    fn ended(&mut self, _: ConnectionId) {}
}
