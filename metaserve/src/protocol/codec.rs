//! The only use of bincode: messages to bytes and back, under a limit.

use super::{
    extensions::{self, Carrier, Extensions, InvalidExtensions},
    framing,
};
use bincode::{
    BorrowDecode, Encode,
    config::{Configuration, Limit, LittleEndian, Varint},
    error::DecodeError as BincodeError,
};
use bytes::Bytes;

/// The longest message that is ever decoded: 256 MiB. The frame around it is bounded far below
/// that by its reader.
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
    /// The message is, or claims to become, longer than the limit.
    #[error("the message claims more bytes than are allowed")]
    OverLimit,
    /// A number, text or tag in it has no meaning here.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// The message is none that this version knows.
    #[error("unknown message variant {0}")]
    UnknownVariant(u32),
    /// What follows the last field is not an extension list.
    #[error("malformed extensions in {carrier}: {wrong}")]
    Extensions {
        /// What the list belongs to.
        carrier: Carrier,
        /// What is wrong with it.
        wrong: InvalidExtensions,
    },
    /// There is an extension that must be known, and is not.
    #[error("unknown extension {tag} in {carrier}")]
    UnknownExtension {
        /// Its tag, which is odd.
        tag: u16,
        /// What it belongs to.
        carrier: Carrier,
    },
}

/// A message that may have extensions after its last field.
pub trait Message: Encode {
    /// How many variants there are; none when it is not one of several.
    const VARIANTS: Option<u32>;

    /// Which message it is to its extensions.
    fn carrier(&self) -> Carrier;
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

/// The bytes of `message` with `extensions`, without the frame around them.
#[must_use]
pub fn encode_extended(message: impl Message, extensions: &Extensions) -> Vec<u8> {
    let mut bytes = encode(message);
    bytes.extend_from_slice(extensions.as_bytes());
    bytes
}

/// The message that `bytes` are, no more and no less. Text and bytes in it are borrowed, and its
/// extensions are checked and skipped.
///
/// # Errors
/// When the bytes are not exactly one such message.
pub fn decode<'a, M>(bytes: &'a [u8]) -> Result<M, DecodeError>
where
    M: Message + BorrowDecode<'a, ()>,
{
    let (message, list) = split::<M>(bytes)?;
    extensions::check(list, message.carrier())?;
    Ok(message)
}

/// As [`decode`], with the message's extensions.
///
/// # Errors
/// When the bytes are not exactly one such message.
pub fn decode_extended<'a, M>(bytes: &'a [u8]) -> Result<(M, Extensions), DecodeError>
where
    M: Message + BorrowDecode<'a, ()>,
{
    let (message, list) = split::<M>(bytes)?;
    let extensions = Extensions::read(list, message.carrier())?;
    Ok((message, extensions))
}

/// The message, and the extension list behind it.
fn split<'a, M>(bytes: &'a [u8]) -> Result<(M, &'a [u8]), DecodeError>
where
    M: Message + BorrowDecode<'a, ()>,
{
    if let Some(known) = M::VARIANTS {
        known_variant(bytes, known)?;
    }
    let mut rest = bytes;
    let message = decode_next(&mut rest)?;
    Ok((message, rest))
}

/// Whether `bytes` begin with one of this many variants.
pub(crate) fn known_variant(mut bytes: &[u8], known: u32) -> Result<(), DecodeError> {
    let variant = decode_next(&mut bytes)?;
    match variant < known {
        true => Ok(()),
        false => Err(DecodeError::UnknownVariant(variant)),
    }
}

/// The value at the beginning of `rest`, which then begins behind it.
pub(crate) fn decode_next<'a, M: BorrowDecode<'a, ()>>(
    rest: &mut &'a [u8],
) -> Result<M, DecodeError> {
    let (value, used) =
        bincode::borrow_decode_from_slice(rest, CONFIGURATION).map_err(|error| match error {
            BincodeError::UnexpectedEnd { .. } => DecodeError::CutShort,
            BincodeError::LimitExceeded => DecodeError::OverLimit,
            BincodeError::UnexpectedVariant { .. } => DecodeError::Malformed("unknown variant"),
            BincodeError::Utf8 { .. } => DecodeError::Malformed("text that is not UTF-8"),
            _ => DecodeError::Malformed("not a value of its type"),
        })?;
    *rest = &rest[used..];
    Ok(value)
}

/// The count before the items of a section. It is not believed: each item has a byte at least.
pub(crate) fn count(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let count: u64 = decode_next(rest)?;
    match count <= rest.len() as u64 {
        true => Ok(count),
        false => Err(DecodeError::CutShort),
    }
}

/// A count, then that many items, of which those that `own` makes something of are kept. Memory
/// follows the bytes.
pub(crate) fn section<'a, M: BorrowDecode<'a, ()>, T>(
    rest: &mut &'a [u8],
    mut own: impl FnMut(M) -> Result<Option<T>, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = count(rest)?;
    let item = |_| decode_next(rest).and_then(&mut own).transpose();
    (0..count).filter_map(item).collect()
}
