//! The answer to a request on its way from the owner of a protocol's state.

use bytes::{BufMut, Bytes, BytesMut};

/// An answer: a status and a body. The protocol knows of what type the body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The answer as one message of a lobby: the status in two bytes, then the body.
    pub(crate) fn encode(&self) -> Bytes {
        let mut message = BytesMut::with_capacity(2 + self.body.len());
        message.put_u16(self.status);
        message.extend_from_slice(&self.body);
        message.freeze()
    }

    /// Reads such a message.
    pub(crate) fn decode(mut message: Bytes) -> Option<Self> {
        let (status, _) = message.split_first_chunk()?;
        let status = u16::from_be_bytes(*status);
        let body = message.split_off(2);
        Some(Self { status, body })
    }
}
