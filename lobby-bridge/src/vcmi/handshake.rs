//! The handshake before either protocol: which kind of connection it is
//! (`docs/specifications/vcmi-lobby.md`, section 4), the prefix of a lobby greeting (section 5),
//! role and UUID of a pipe (section 12).

use super::{encoding::Encoding, uuid::Uuid};

/// Whether a first frame announces a pipe: it is the magic, followed by line ends only.
#[must_use]
pub fn is_pipe(payload: &[u8]) -> bool {
    let rest = payload
        .strip_prefix(b"Aiya!")
        .or_else(|| payload.strip_prefix(b"Ayia!"));
    rest.is_some_and(|rest| rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')))
}

/// A version of the lobby protocol, 1 to 5; what differs between them is in
/// `docs/specifications/vcmi-lobby.md`, section 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u8);

impl Version {
    /// Returns the version that this byte announces, if there is one.
    #[must_use]
    pub fn new(byte: u8) -> Option<Self> {
        (1..=5).contains(&byte).then_some(Self(byte))
    }

    /// Whether the client understands USERS, GAMEMODE and HEALTH (4 and later).
    #[must_use]
    pub fn reads_users(self) -> bool {
        self.0 >= 4
    }

    /// Whether the client understands MSGCH instead of MSG (5).
    #[must_use]
    pub fn reads_channels(self) -> bool {
        self.0 >= 5
    }

    /// Whether the client understands MODSOTHER when it is a host (3 and later).
    #[must_use]
    pub fn reads_mods_of_others(self) -> bool {
        self.0 >= 3
    }

    /// Whether READY starts the game when a host sends it (1 and 2).
    #[must_use]
    pub fn starts_when_ready(self) -> bool {
        self.0 < 3
    }
}

/// The introduction of a lobby client, before its first command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The version of the protocol.
    pub version: Version,
    /// The encoding of all text, both ways.
    pub encoding: Encoding,
}

/// Why a prefix is refused. The text is sent to the client, and the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrefix {
    /// Less than two bytes.
    #[error("Too short username")]
    TooShort,
    /// A version outside of 1 to 5.
    #[error("Cannot connect to remote server due to protocol incompatibility")]
    Version,
    /// A length that points outside of the frame, or a name that is no text encoding.
    #[error("Protocol error or incorrect encoding")]
    Encoding,
}

/// Splits a greeting into its prefix and the encoded commands after it.
///
/// # Errors
/// Checked in this order: too short, unknown version, unusable encoding.
pub fn prefix(payload: &[u8]) -> Result<(Prefix, &[u8]), InvalidPrefix> {
    let [version, length, rest @ ..] = payload else {
        return Err(InvalidPrefix::TooShort);
    };
    let version = Version::new(*version).ok_or(InvalidPrefix::Version)?;
    let (name, text) = rest
        .split_at_checked((*length).into())
        .ok_or(InvalidPrefix::Encoding)?;
    let encoding = match name {
        [] => Encoding::UTF_8,
        name => Encoding::named(name).ok_or(InvalidPrefix::Encoding)?,
    };
    Ok((Prefix { version, encoding }, text))
}

/// The end of a game that a pipe connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A player's game client.
    Client,
    /// The host's game server.
    Server,
}

/// Reads the role from the second frame of a pipe: the first word in parentheses that is a role,
/// or the whole payload.
#[must_use]
pub fn role(payload: &[u8]) -> Option<Role> {
    let named = |word: &[u8]| match word {
        b"client" => Some(Role::Client),
        b"server" => Some(Role::Server),
        _ => None,
    };
    let in_parentheses = payload
        .split(|&byte| byte == b'(')
        .skip(1)
        .filter_map(|rest| {
            rest.split(|&byte| byte == b')')
                .next()
                .filter(|word| word.len() < rest.len())
        })
        .find_map(named);
    in_parentheses.or_else(|| named(payload.trim_ascii()))
}

/// Reads the UUID from the third frame of a pipe. Blanks and line ends around it are ignored.
#[must_use]
pub fn uuid(payload: &[u8]) -> Option<Uuid> {
    std::str::from_utf8(payload.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_magic_announces_a_pipe() {
        for magic in ["Aiya!\n", "Aiya!", "Aiya!\r\n", "Ayia!", "Ayia!\n"] {
            assert!(is_pipe(magic.as_bytes()), "{magic:?}");
        }
        let greeting = "\x05\x04utf8<GREETINGS>alice<VER>Aiya!\n";
        for other in [
            "", "Aiya", "aiya!", " Aiya!", "Aiya! ", "Aiya!\nx", greeting,
        ] {
            assert!(!is_pipe(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn prefixes_are_checked_in_order() {
        type Expected = Result<(u8, &'static str, &'static [u8]), InvalidPrefix>;
        let table: [(&[u8], Expected); 12] = [
            (b"\x05\x04utf8<A>", Ok((5, "utf8", b"<A>"))),
            (b"\x01\x06cp1251", Ok((1, "cp1251", b""))),
            (b"\x03\x00<A>", Ok((3, "utf8", b"<A>"))),
            (b"", Err(InvalidPrefix::TooShort)),
            (b"\x05", Err(InvalidPrefix::TooShort)),
            (b"\x09", Err(InvalidPrefix::TooShort)),
            (b"\x00\x04utf8", Err(InvalidPrefix::Version)),
            (b"\x06\xff", Err(InvalidPrefix::Version)),
            (b"<GREETINGS>x", Err(InvalidPrefix::Version)),
            (b"\x05\xf0utf8<A>", Err(InvalidPrefix::Encoding)),
            (b"\x05\x07klingon<A>", Err(InvalidPrefix::Encoding)),
            (b"\x05\x06utf-16<A>", Err(InvalidPrefix::Encoding)),
        ];
        for (payload, result) in table {
            let expected = result.map(|(version, encoding, text)| {
                let version = Version::new(version).unwrap();
                let encoding = Encoding::named(encoding.as_bytes()).unwrap();
                (Prefix { version, encoding }, text)
            });
            assert_eq!(prefix(payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn the_word_in_parentheses_is_the_role() {
        let table: [(&[u8], Option<Role>); 10] = [
            (b"VCMI 1.4.0 (client)", Some(Role::Client)),
            (b"VCMI 1.4.0 (server)", Some(Role::Server)),
            (b"VCMI (git 123) (server)", Some(Role::Server)),
            (b"client", Some(Role::Client)),
            (b"server\n", Some(Role::Server)),
            (b"VCMI 1.4.0 client", None),
            (b"VCMI (client", None),
            (b"VCMI (clients)", None),
            (b"\xff\xfe(", None),
            (b"", None),
        ];
        for (payload, expected) in table {
            assert_eq!(role(payload), expected, "{payload:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_handled_without_panic(bytes: Vec<u8>) {
            let _ = (is_pipe(&bytes), prefix(&bytes), role(&bytes), uuid(&bytes));
        }
    }

    #[test]
    fn versions_differ_as_specified() {
        let features = |byte| {
            let version = Version::new(byte).unwrap();
            (
                version.starts_when_ready(),
                version.reads_mods_of_others(),
                version.reads_users(),
                version.reads_channels(),
            )
        };
        assert_eq!(features(1), (true, false, false, false));
        assert_eq!(features(2), (true, false, false, false));
        assert_eq!(features(3), (false, true, false, false));
        assert_eq!(features(4), (false, true, true, false));
        assert_eq!(features(5), (false, true, true, true));
    }

    #[test]
    fn a_uuid_may_have_blanks_around_it() {
        let text = "01234567-89ab-cdef-0123-456789abcdef";
        let expected = text.parse().ok();
        assert_eq!(uuid(format!(" {text}\r\n").as_bytes()), expected);
        assert!(expected.is_some());
        assert_eq!(uuid(&text.as_bytes()[1..]), None);
    }
}
