//! What is said to a game server and what its answers mean, without sockets and clocks.

use crate::Unanswered;
use metaserve::ServerInfo;

/// What follows from a datagram.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// More is to come.
    More,
    /// This is to be said next.
    Say(Vec<u8>),
    /// The answer is complete.
    Done(Box<ServerInfo>),
}

/// One query over UDP. Datagrams come from the server's own address only, each up to 64 KB long.
///
/// Any bytes may come, in any order, any number of times: `hear` never panics, and what it keeps
/// is bounded.
pub(crate) trait Dialogue: Send {
    /// What is said first, and again when no answer comes.
    fn open(&mut self) -> Vec<u8>;

    /// Takes in a datagram.
    ///
    /// # Errors
    /// When it is an answer that cannot be understood. A datagram that is no answer to what was
    /// asked is [`Heard::More`].
    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered>;

    /// What is known when nothing more comes, if that is enough: some servers leave out a part.
    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        None
    }
}
