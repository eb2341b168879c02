//! Packets of Teeworlds 0.7 without a connection, and how both sides come to know each other's token.
//! (`docs/specifications/ddnet-register.md`, section 15.)
//!
//! ```text
//!  > 04 00 00 FFFFFFFF 05 ours(4), 508 zero bytes         the answer is shorter than the question
//!  < 04 00 00 ours(4)  05 theirs(4)
//!  > 21 theirs(4) ours(4) FFFFFFFF kind(4) ...            a message
//! ```

use crate::reader::Reader;

/// The token of one side towards the other.
pub type Token = [u8; 4];

/// Control packets, and those without a connection.
const CONTROL: [u8; 3] = [4, 0, 0];
const CONNECTIONLESS: u8 = 0x21;

/// The control message that asks for a token and gives one.
const TOKEN: u8 = 5;

/// All bits set means that there is no token.
const NONE: Token = [0xff; 4];

/// How long a request for a token is: shorter ones must be ignored, so that no answer is longer.
const REQUEST_BYTES: usize = 520;

/// What begins the content of a message.
const MARK: [u8; 4] = [0xff; 4];

/// Asks for the other side's token, and gives ours.
#[must_use]
pub fn token_request(ours: Token) -> Vec<u8> {
    let mut request = [&CONTROL[..], &NONE, &[TOKEN], &ours].concat();
    request.resize(REQUEST_BYTES, 0);
    request
}

/// The token of whoever asks for ours; `None` if the datagram is no such request.
#[must_use]
pub fn token_asked(datagram: &[u8]) -> Option<Token> {
    (datagram.len() >= REQUEST_BYTES).then_some(())?;
    token_given(datagram, NONE)
}

/// Gives our token to the one who has asked with theirs.
#[must_use]
pub fn token_answer(theirs: Token, ours: Token) -> Vec<u8> {
    [&CONTROL[..], &theirs, &[TOKEN], &ours].concat()
}

/// The token in the answer to a request that gave `ours`.
#[must_use]
pub fn token_given(datagram: &[u8], ours: Token) -> Option<Token> {
    let mut packet = Reader::new(datagram);
    packet.exactly(&CONTROL)?;
    packet.exactly(&ours)?;
    packet.exactly(&[TOKEN])?;
    packet.array()
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The token of whom it is for.
    pub to: Token,
    /// The token of the sender.
    pub from: Token,
    /// Four letters that say what it is.
    pub kind: [u8; 4],
    /// The rest.
    pub rest: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message; `None` if the datagram is none.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let mut packet = Reader::new(datagram);
        packet.exactly(&[CONNECTIONLESS])?;
        let (to, from) = (packet.array()?, packet.array()?);
        packet.exactly(&MARK)?;
        Some(Self {
            to,
            from,
            kind: packet.array()?,
            rest: packet.rest(),
        })
    }
}

/// Makes a message.
#[must_use]
pub fn message(to: Token, from: Token, kind: [u8; 4], rest: &[u8]) -> Vec<u8> {
    [&[CONNECTIONLESS][..], &to, &from, &MARK, &kind, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_requests_for_a_token_are_ignored() {
        let request = token_request([1, 2, 3, 4]);
        assert_eq!(token_asked(&request), Some([1, 2, 3, 4]));
        assert_eq!(token_asked(&request[..519]), None);
        let answer = token_answer([1, 2, 3, 4], [5, 6, 7, 8]);
        assert_eq!(token_given(&answer, [1, 2, 3, 4]), Some([5, 6, 7, 8]));
        assert_eq!(token_given(&answer, [1, 2, 3, 5]), None);
        assert_eq!(token_asked(&answer), None);
    }

    #[test]
    fn a_message_is_read_as_it_was_made() {
        let made = message([1; 4], [2; 4], *b"bea2", &[0x6a, 0xb1]);
        let read = Message::read(&made).unwrap();
        assert_eq!((read.to, read.from, &read.kind), ([1; 4], [2; 4], b"bea2"));
        assert_eq!(read.rest, [0x6a, 0xb1]);
        assert_eq!(Message::read(&made[..16]), None);
        assert_eq!(Message::read(b""), None);
    }
}
