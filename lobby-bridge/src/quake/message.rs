//! What a datagram says to a master, whatever its dialect.

use bytes::Bytes;

use super::{goldsrc::Page, request::Request};

/// What a datagram without a connection begins with, in all engines that came of Quake.
pub const MARK: &[u8] = b"\xff\xff\xff\xff";

/// What comes to a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A server says that it is there, with the tag of its family of games.
    Heartbeat(&'a str),
    /// The same, and it wants these bytes repeated in the question.
    Challenge(&'a str, [u8; 4]),
    /// A server says what it is. The whole datagram.
    Info(&'a [u8]),
    /// A listed server answers the second question. The whole datagram.
    More(&'a [u8]),
    /// A server says that it ends: one of the game with this name, or of any.
    Ends(Option<&'a str>),
    /// A server asks whether the master is there, which answers this.
    Ping(Bytes),
    /// A client wants a list.
    Request(Request<'a>),
    /// A client wants a page of a list.
    Page(Page<'a>),
}

/// Whether a byte separates words: some programs end requests with a line feed or NUL.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

/// Reads a whole text as a decimal number: `-?[0-9]+`. One that is too large is as
/// large as possible.
#[must_use]
pub fn integer(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let beyond = if text == digits { i64::MAX } else { i64::MIN };
    Some(text.parse().unwrap_or(beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_whole_texts() {
        let table: [(&[u8], Option<i64>); 9] = [
            (b"71", Some(71)),
            (b"-1", Some(-1)),
            (b"0", Some(0)),
            (b"4TheFun", None),
            (b"", None),
            (b"-", None),
            (b"+5", None),
            (b"7 ", None),
            (b"99999999999999999999", Some(i64::MAX)),
        ];
        for (text, number) in table {
            assert_eq!(integer(text), number, "{text:?}");
        }
    }
}
