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
    /// What is said first. Called once: the exchange repeats what was said last when no answer
    /// comes.
    fn open(&mut self) -> Vec<u8>;

    /// Takes in a datagram.
    ///
    /// # Errors
    /// When it is an answer that cannot be understood. A datagram that is no answer to what was
    /// asked is [`Heard::More`].
    fn hear(&mut self, datagram: &[u8]) -> Result<Heard, Unanswered>;

    /// What is known when nothing more comes, if that is enough: some servers leave out a part.
    /// Called after two tries without an answer, and at the end.
    fn settle(&mut self) -> Option<Box<ServerInfo>> {
        None
    }

    /// The port that players join by, once the server has said it.
    fn port(&self) -> Option<u16> {
        None
    }

    /// What is said when the answer is complete: some servers keep a place for us until then.
    fn leave(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// What the bytes of a stream say: None as long as the answer is incomplete.
pub(crate) type Reading = Result<Option<Box<ServerInfo>>, Unanswered>;

/// One question over TCP, on a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What is sent once the connection is made.
    pub(crate) say: Vec<u8>,
    /// Reads the answer from all bytes received so far, up to 256 KB; `ended` says that no more
    /// come. The server may leave the connection open behind a complete answer. Called after each
    /// piece, so it looks at lengths first.
    pub(crate) hear: fn(received: &[u8], ended: bool) -> Reading,
}

/// How a server is talked to.
pub(crate) enum Conversation {
    /// Over UDP.
    Datagrams(Box<dyn Dialogue>),
    /// Over TCP: the questions to try one after the other, until one is answered.
    Streams(Vec<Call>),
    /// By a library with sockets of its own.
    #[cfg(feature = "gamedig")]
    Library(crate::LibraryGame),
}
