//! What peers say to a master (`docs/specifications/ddnet-register.md`, section 15).

use metaserve_query::teeworlds::packets::{Message, Token, token_asked};

/// A datagram that a master understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A peer with this token asks for the master's.
    Token(Token),
    /// A message to the owner of the token `to`, from the owner of `from`.
    Said {
        /// The master's token.
        to: Token,
        /// The peer's.
        from: Token,
        /// What it says.
        what: What,
    },
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// How many servers there are is asked.
    Count,
    /// The list is asked for.
    List,
    /// A server is at this port.
    Heartbeat(u16),
}

impl Request {
    /// Reads a datagram; `None` if it is nothing that a master is told.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        if let Some(token) = token_asked(datagram) {
            return Some(Self::Token(token));
        }
        let message = Message::read(datagram)?;
        let what = match (&message.kind, message.rest) {
            (b"cou2", []) => What::Count,
            (b"req2", []) => What::List,
            (b"bea2", [high, low]) => match u16::from_be_bytes([*high, *low]) {
                0 => return None,
                port => What::Heartbeat(port),
            },
            _ => return None,
        };
        Some(Self::Said {
            to: message.to,
            from: message.from,
            what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve_query::teeworlds::packets::{message, token_request};

    #[test]
    fn requests_are_read_and_anything_else_is_not() {
        let said = |kind: &[u8; 4], rest: &[u8]| {
            let datagram = message([1; 4], [2; 4], *kind, rest);
            Request::read(&datagram).map(|request| match request {
                Request::Said { to, from, what } => {
                    assert_eq!((to, from), ([1; 4], [2; 4]));
                    what
                }
                other @ Request::Token(_) => panic!("{other:?}"),
            })
        };
        let table: [(&[u8; 4], &[u8], Option<What>); 9] = [
            (b"cou2", b"", Some(What::Count)),
            (b"req2", b"", Some(What::List)),
            (b"bea2", &[0x6a, 0xb1], Some(What::Heartbeat(27_313))),
            (b"bea2", &[0, 0], None),
            (b"bea2", &[1], None),
            (b"bea2", &[1, 2, 3], None),
            (b"req2", b"x", None),
            (b"fw!!", b"", None),
            (b"lis2", b"", None),
        ];
        for (kind, rest, what) in table {
            assert_eq!(said(kind, rest), what, "{kind:?} {rest:?}");
        }
        let request = token_request([3; 4]);
        assert_eq!(Request::read(&request), Some(Request::Token([3; 4])));
        assert_eq!(Request::read(&request[..519]), None);
        assert_eq!(Request::read(b""), None);
    }
}
