//! A peer of names that uses the protocol directly.

use crate::{Daemon, patiently};
use metaserve::{
    Role,
    names::Answer,
    protocol::{
        codec,
        names::{Claim, FromDaemon, FromPeer, MAX_MESSAGE_BYTES},
    },
    stream::{self, FrameReader},
};

/// A peer of names, which reads only when told to.
pub struct RawNames {
    /// Its connection.
    pub connection: quinn::Connection,
    out: quinn::SendStream,
    reader: Option<FrameReader>,
}

impl RawNames {
    /// Connects to the daemon.
    ///
    /// # Panics
    /// When the daemon does not allow it.
    pub async fn new(daemon: &Daemon) -> Self {
        Self::of(daemon.connect(Role::Names, None).await).await
    }

    /// Speaks over this connection.
    ///
    /// # Panics
    /// When the daemon does not allow a stream.
    pub async fn of(connection: quinn::Connection) -> Self {
        let out = connection.open_uni().await.expect("one stream is allowed");
        Self {
            connection,
            out,
            reader: None,
        }
    }

    /// Sends a message.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn say(&mut self, message: FromPeer<'_>) {
        let written = stream::write(&mut self.out, message).await;
        written.expect("the daemon reads");
    }

    /// Claims a key without a ticket or an earlier grant, and returns the answer.
    pub async fn claim(&mut self, id: u64, key: &str, value: &[u8]) -> Answer {
        let claim = Claim {
            id,
            key,
            value,
            ticket: None,
            held: None,
        };
        self.say(FromPeer::Claim(claim)).await;
        self.next().await
    }

    /// The next answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next(&mut self) -> Answer {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                let stream = patiently("a stream", self.connection.accept_uni()).await;
                none.insert(FrameReader::new(stream.expect("the daemon's stream")))
            }
        };
        let bytes = patiently("an answer", reader.next(MAX_MESSAGE_BYTES)).await;
        let bytes = bytes.expect("a frame").expect("an answer");
        let message: FromDaemon<'_> = codec::decode(&bytes).expect("an answer");
        message.own().expect("an answer that is allowed")
    }

    /// The epoch with which a key is granted.
    ///
    /// # Panics
    /// When it is not.
    pub async fn granted(&mut self, id: u64, key: &str, value: &[u8]) -> u64 {
        match self.claim(id, key, value).await {
            Answer::Granted {
                id: granted, epoch, ..
            } if granted == id => epoch,
            other => panic!("not granted: {other:?}"),
        }
    }
}
