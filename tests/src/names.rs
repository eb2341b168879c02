//! A peer of names that uses the protocol directly.

use crate::{Daemon, patiently};
use metaserve::{
    Role,
    names::{Answer, Held},
    protocol::{
        codec,
        names::{Claim, FromDaemon, FromPeer, MAX_MESSAGE_BYTES, Start},
    },
    stream::{self, FrameReader},
};
use std::time::Duration;

/// A claim of this key, with no value, ticket or earlier grant.
#[must_use]
pub const fn claim(id: u64, key: &str) -> Claim<'_> {
    Claim {
        id,
        key,
        value: b"",
        ticket: None,
        held: None,
    }
}

/// A question that has the key started within this time.
///
/// # Panics
/// When the protocol cannot say so long a time.
#[must_use]
pub fn start(id: u64, key: &str, within: Duration) -> FromPeer<'_> {
    let start = Start {
        payload: b"",
        within_millis: u32::try_from(within.as_millis()).expect("at most 49 days"),
        ticket: None,
    };
    FromPeer::Resolve {
        id,
        key,
        start: Some(start),
    }
}

/// A peer of names, which reads only when told to.
pub struct RawNames {
    /// Its connection.
    pub connection: quinn::Connection,
    out: Option<quinn::SendStream>,
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
            out: Some(out),
            reader: None,
        }
    }

    /// Sends a message.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn say(&mut self, message: FromPeer<'_>) {
        assert!(self.try_say(message).await, "the daemon reads");
    }

    /// Sends a message, unless the connection is lost.
    pub async fn try_say(&mut self, message: FromPeer<'_>) -> bool {
        match &mut self.out {
            Some(out) => stream::write(out, message).await.is_ok(),
            None => false,
        }
    }

    /// The stream on which it speaks, for a test that writes while it reads.
    ///
    /// # Panics
    /// When it was given away before.
    pub fn mouth(&mut self) -> quinn::SendStream {
        self.out.take().expect("it has its stream")
    }

    /// Claims a key without a ticket or an earlier grant, and returns the answer.
    pub async fn claim(&mut self, id: u64, key: &str, value: &[u8]) -> Answer {
        let claim = Claim {
            value,
            ..claim(id, key)
        };
        self.say(FromPeer::Claim(claim)).await;
        self.next().await
    }

    /// The next answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next(&mut self) -> Answer {
        patiently("an answer", self.next_ever()).await
    }

    /// The next answer, however long it takes.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next_ever(&mut self) -> Answer {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                let stream = self.connection.accept_uni().await;
                none.insert(FrameReader::new(stream.expect("the daemon's stream")))
            }
        };
        let bytes = reader.next(MAX_MESSAGE_BYTES).await;
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
    /// Claims a key, and returns what it is granted with.
    ///
    /// # Panics
    /// When it is not.
    pub async fn claims(&mut self, id: u64, key: &str) -> Held {
        match self.claim(id, key, b"").await {
            Answer::Granted {
                id: granted,
                epoch,
                proof,
            } if granted == id => Held { epoch, proof },
            other => panic!("not granted: {other:?}"),
        }
    }

    /// Who holds a key: the epoch, if somebody does.
    ///
    /// # Panics
    /// When the next answer is another one.
    pub async fn resolves(&mut self, id: u64, key: &str) -> Option<u64> {
        let start = None;
        self.say(FromPeer::Resolve { id, key, start }).await;
        match self.next().await {
            Answer::Found { id: of, epoch, .. } if of == id => Some(epoch),
            Answer::Absent { id: of } if of == id => None,
            other => panic!("{other:?} to a question about {key}"),
        }
    }

    /// Offers to start keys with a prefix, and returns when the daemon has heard it.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn offers(&mut self, id: u64, prefix: &str, slots: u32) {
        self.say(FromPeer::Offer {
            id,
            prefix,
            slots,
            ticket: None,
        })
        .await;
        self.resolves(u64::MAX, "nobody claims this").await;
    }

    /// Leaves without a word.
    pub fn leaves(self) {
        self.connection.close(0_u8.into(), b"");
    }
}
