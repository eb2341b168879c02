//! What a datagram says, and the questions that a master asks (`docs/specifications/quake3-master.md`,
//! sections 2 to 5).

use super::request::Request;

/// What every datagram begins with.
pub const MARK: &[u8] = b"\xff\xff\xff\xff";

/// What comes to a master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A server says that it is there, with the tag of its family of games.
    Heartbeat(&'a str),
    /// A server says what it is. The whole datagram.
    Info(&'a [u8]),
    /// A server of the game with this name says that it ends.
    Ends(&'a str),
    /// A server asks whether the master is there.
    Ping,
    /// A client wants a list.
    Request(Request<'a>),
}

impl<'a> Message<'a> {
    /// Reads a datagram. `None` if nobody waits for an answer to it, or none is due.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let text = datagram.strip_prefix(MARK)?;
        if text.starts_with(b"infoResponse") {
            return Some(Self::Info(datagram));
        }
        let mut words = text
            .split(|byte| is_blank(*byte))
            .filter(|it| !it.is_empty());
        // A word that begins with a blank is none of ours.
        if text.first().is_none_or(|byte| is_blank(*byte)) {
            return None;
        }
        match words.next()? {
            b"heartbeat" => Some(Self::Heartbeat(str::from_utf8(words.next()?).ok()?)),
            b"getservers" => Request::plain(words).map(Self::Request),
            b"getserversExt" => Request::extended(words).map(Self::Request),
            _ => None,
        }
    }
}

/// Whether a byte separates words: some programs end requests with a line feed or NUL.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

/// The question that a server is asked.
#[must_use]
pub fn getinfo(challenge: &str) -> Vec<u8> {
    [MARK, b"getinfo ", challenge.as_bytes()].concat()
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
    fn heartbeats_may_end_with_anything_blank() {
        for end in ["", "\n", "\r\n", " \0"] {
            let text = [MARK, b"heartbeat QuakeArena-1", end.as_bytes()].concat();
            assert_eq!(
                Message::read(&text),
                Some(Message::Heartbeat("QuakeArena-1"))
            );
        }
    }

    #[test]
    fn whatever_is_not_for_a_master_is_ignored() {
        let table: [&[u8]; 9] = [
            b"",
            b"\xff\xff\xff\xff",
            b"\xff\xff\xff\xff heartbeat DarkPlaces",
            b"\xff\xff\xff\xffheartbeat",
            b"\xff\xff\xff\xffheartbeat \xfe",
            b"\xff\xff\xff\xffHeartbeat DarkPlaces",
            b"\xff\xff\xff\xfegetservers 71 empty",
            b"getservers 71",
            b"\xff\xff\xff\xffgetstatus",
        ];
        for datagram in table {
            assert_eq!(Message::read(datagram), None, "{datagram:?}");
        }
    }

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
