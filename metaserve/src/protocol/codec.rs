//! The only use of bincode: messages to bytes and back, under a limit.

use super::framing;
use bincode::{
    BorrowDecode, Encode,
    config::{Configuration, Limit, LittleEndian, Varint},
    error::DecodeError as BincodeError,
};
use bytes::Bytes;

/// The longest message that is ever decoded: 256 MiB. The frame around it is bounded far below
/// that by whoever reads it.
///
/// Our messages borrow their text and bytes and hold no other containers, so that decoding
/// allocates nothing, whatever lengths the bytes claim.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024 * 1024;

const CONFIGURATION: Configuration<LittleEndian, Varint, Limit<MAX_MESSAGE_BYTES>> =
    bincode::config::standard().with_limit::<MAX_MESSAGE_BYTES>();

/// Bytes are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the message does.
    #[error("the message is cut short")]
    CutShort,
    /// The message ends before the bytes do.
    #[error("{0} bytes too many follow the message")]
    TooLong(usize),
    /// The message is, or claims to become, longer than the limit.
    #[error("the message claims more bytes than are allowed")]
    OverLimit,
    /// A number, text or tag in it has no meaning here.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
}

/// Appends the bytes of `message` to `into`.
pub(crate) fn encode_into(message: impl Encode, into: &mut Vec<u8>) {
    bincode::encode_into_std_write(message, into, CONFIGURATION)
        .expect("our messages hold nothing that bincode cannot write to memory");
}

/// The bytes of `message`, without the frame around them.
#[must_use]
pub fn encode(message: impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(message, &mut bytes);
    bytes
}

/// One message as a frame, ready to be written to any number of streams.
#[must_use]
pub fn frame(message: impl Encode) -> Bytes {
    framing::frame(|into| encode_into(message, into))
}

/// The message that `bytes` are, no more and no less. Text and bytes in it are borrowed.
///
/// # Errors
/// When the bytes are not exactly one such message.
pub fn decode<'a, M: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<M, DecodeError> {
    let mut rest = bytes;
    let message = decode_next(&mut rest)?;
    match rest.len() {
        0 => Ok(message),
        too_many => Err(DecodeError::TooLong(too_many)),
    }
}

/// The message at the beginning of `rest`, which then begins behind it.
pub(crate) fn decode_next<'a, M: BorrowDecode<'a, ()>>(
    rest: &mut &'a [u8],
) -> Result<M, DecodeError> {
    let (message, used) =
        bincode::borrow_decode_from_slice(rest, CONFIGURATION).map_err(|error| match error {
            BincodeError::UnexpectedEnd { .. } => DecodeError::CutShort,
            BincodeError::LimitExceeded => DecodeError::OverLimit,
            BincodeError::UnexpectedVariant { .. } => DecodeError::Malformed("unknown variant"),
            BincodeError::Utf8 { .. } => DecodeError::Malformed("text that is not UTF-8"),
            _ => DecodeError::Malformed("not a value of its type"),
        })?;
    *rest = &rest[used..];
    Ok(message)
}
