//! Answers that the library must not see: gamedig 0.9 allocates as much memory as they say, and
//! panics at an empty text.

/// What to look for in the answers of a game.
pub(super) fn of(name: &str) -> fn(&[u8]) -> bool {
    match name {
        // Of these, the second half of a split answer says how long it is uncompressed.
        "theship" | "ffow" => is_compressed,
        // Of GameSpy's first version, `maxplayers` and the numbers of players are trusted.
        _ => |datagram| matches!(datagram, [] | [0, ..]) || has_large_number(datagram),
    }
}

/// Whether this is a part of a compressed answer: of a split one, with the highest bit of its
/// number set.
fn is_compressed(datagram: &[u8]) -> bool {
    matches!(datagram, [0xfe, 0xff, 0xff, 0xff, _, _, _, 0x80..=0xff, ..])
}

/// Whether a key `..._NUMBER` or `maxplayers` has a number of more than four digits.
fn has_large_number(datagram: &[u8]) -> bool {
    let long = |text: &[u8]| {
        let text = text.trim_ascii_start();
        let text = text.strip_prefix(b"+").unwrap_or(text);
        text.iter().take_while(|byte| byte.is_ascii_digit()).count() > 4
    };
    let mut words = datagram.split(|byte| *byte == b'\\');
    let mut last: &[u8] = b"";
    words.any(|word| {
        let before = std::mem::replace(&mut last, word);
        let mut numbers = word.split(|byte| *byte == b'_').skip(1);
        numbers.any(long) || (before == b"maxplayers" && long(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_server_has_are_hazards() {
        let table: [(&[u8], bool); 10] = [
            (
                b"\\hostname\\a\\maxplayers\\64\\player_0\\Ana\\frags_0\\12345",
                false,
            ),
            (b"\\hostname\\12345\\mapname\\dm_2004", false),
            (b"\\maxplayers\\4000000000", true),
            (b"\\maxplayers\\ +00099", true),
            (b"\\player_999999999\\Ana", true),
            (b"\\player_+999999999\\Ana", true),
            (b"\\hostname\\maxplayers\\99999", true),
            (b"", true),
            (b"\0\\a\\b", true),
            (b"\\\\_\\_", false),
        ];
        for (datagram, hazard) in table {
            assert_eq!(of("gamespy1")(datagram), hazard, "{datagram:?}");
        }
    }

    #[test]
    fn compressed_answers_are_hazards() {
        assert!(of("ffow")(b"\xfe\xff\xff\xff\x01\0\0\x80rest"));
        assert!(!of("ffow")(b"\xfe\xff\xff\xff\x01\0\0\0rest"));
        assert!(!of("theship")(b"\xff\xff\xff\xffI"));
    }
}
