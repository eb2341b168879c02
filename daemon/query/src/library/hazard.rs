//! Answers that the library must not see: gamedig 0.9 allocates as much memory as they say, and
//! panics at an empty text.

use gamedig::{
    Game,
    protocols::{Protocol as Spoken, gamespy::GameSpyVersion, types::ProprietaryProtocol},
};

/// What to look for in the answers of a game, by the protocol that it speaks.
pub(super) fn of(game: &Game) -> fn(&[u8]) -> bool {
    match &game.protocol {
        // Here `maxplayers` and the numbers of players are trusted.
        Spoken::Gamespy(GameSpyVersion::One) => is_oversize_gamespy,
        // The second half of a split answer says how long it is uncompressed.
        Spoken::PROPRIETARY(ProprietaryProtocol::FFOW) => is_compressed,
        _ => |_| false,
    }
}

/// Whether this is a part of a compressed answer: of a split one, with the highest bit of its
/// number set.
fn is_compressed(datagram: &[u8]) -> bool {
    matches!(datagram, [0xfe, 0xff, 0xff, 0xff, _, _, _, 0x80..=0xff, ..])
}

/// Whether a player's key, such as `frags_7`, or `maxplayers` has a number of more than four
/// digits, or the text is empty. Values are texts of players, and never numbers of them.
fn is_oversize_gamespy(datagram: &[u8]) -> bool {
    let [first, text @ ..] = datagram else {
        return true;
    };
    let long = |text: &[u8]| {
        let text = text.trim_ascii_start();
        let text = text.strip_prefix(b"+").unwrap_or(text);
        text.iter().take_while(|byte| byte.is_ascii_digit()).count() > 4
    };
    // The library leaves out the first byte, and then takes keys and values in turn.
    let mut words = text.split(|byte| *byte == b'\\');
    let mut oversize = *first == 0;
    while let Some(key) = words.next() {
        let value = words.next().unwrap_or_default();
        let numbered = key.split(|byte| *byte == b'_').skip(1).any(long);
        oversize |= numbered || (key == b"maxplayers" && long(value));
    }
    oversize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, library::LibraryGame};

    fn game(name: &str) -> Game {
        match LibraryGame::find(name) {
            Some((Protocol::Library(found), _)) => found.game().unwrap(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn numbers_that_no_server_has_are_hazards() {
        let table: [(&[u8], bool); 12] = [
            (
                b"\\hostname\\a\\maxplayers\\64\\player_0\\Ana\\frags_0\\12345",
                false,
            ),
            (b"\\hostname\\12345\\mapname\\dm_2004", false),
            (b"\\maxplayers\\4000000000", true),
            (b"\\maxplayers\\ +00099", true),
            (b"\\player_999999999\\Ana", true),
            (b"\\player_+999999999\\Ana", true),
            // Names of players never keep a server off the list.
            (b"\\hostname\\a\\player_3\\Bob_12345", false),
            (b"\\hostname\\a_99999\\mapname\\dm_20041", false),
            (b"\\hostname\\maxplayers\\99999", false),
            (b"", true),
            (b"\0\\a\\b", true),
            (b"\\\\_\\_", false),
        ];
        for (datagram, hazard) in table {
            assert_eq!(is_oversize_gamespy(datagram), hazard, "{datagram:?}");
        }
    }

    #[test]
    fn compressed_answers_are_hazards() {
        assert!(is_compressed(b"\xfe\xff\xff\xff\x01\0\0\x80rest"));
        assert!(!is_compressed(b"\xfe\xff\xff\xff\x01\0\0\0rest"));
        assert!(!is_compressed(b"\xff\xff\xff\xffI"));
    }

    /// Every answer of these begins with a 0.
    #[test]
    fn answers_of_other_protocols_reach_the_library() {
        for name in ["gamespy2", "gamespy3", "hce", "crysiswars", "jc2m"] {
            let game = game(name);
            assert!(
                !of(&game)(b"\0\x01\x02\x03\x04hostname\0Bob_12345\0"),
                "{name}"
            );
        }
        for name in ["gamespy1", "unrealtournament"] {
            assert!(of(&game(name))(b"\\maxplayers\\4000000000"), "{name}");
        }
    }
}
