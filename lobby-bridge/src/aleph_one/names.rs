//! The names under which players are shown. Nobody can look like another player.

use super::text::{compared, cut, decode, without_controls};

const GUEST: &[u8] = b"|iGuest|p ";

/// Returns the shown name of a guest with the chosen name `name`
/// (`docs/specifications/myth-metaserver.md`, section 13). Clients recognise guests by the prefix,
/// so it comes before every chosen name.
#[must_use]
pub fn guest(name: &[u8], limit: usize) -> Vec<u8> {
    [GUEST, &tidy(name, limit)].concat()
}

/// Returns the shown name of the owner of `account` with the chosen name `name`. It is the account
/// if the chosen name is invisible or looks like that of a guest.
#[must_use]
pub fn registered(name: &[u8], account: &[u8], limit: usize) -> Vec<u8> {
    let name = tidy(name, limit);
    let looks_like_a_guest = match compared(&name).to_ascii_lowercase().strip_prefix(b"guest") {
        Some(rest) => !rest.first().is_some_and(u8::is_ascii_alphabetic),
        None => false,
    };
    match looks_like_a_guest || seen(&name).is_empty() {
        true => tidy(account, limit),
        false => name,
    }
}

/// Adds the account to `name`, for a name that another player already has.
#[must_use]
pub fn distinguished(name: &[u8], account: &[u8]) -> Vec<u8> {
    [name, b"|p (", account, b")"].concat()
}

/// Whether people would confuse the two names.
#[must_use]
pub fn alike(one: &[u8], other: &[u8]) -> bool {
    seen(one) == seen(other)
}

fn tidy(name: &[u8], limit: usize) -> Vec<u8> {
    cut(&without_controls(name), limit).to_vec()
}

/// Returns what is visible of a name: no styles, white space or invisible characters, in lower
/// case.
fn seen(name: &[u8]) -> String {
    let visible = |c: &char| !c.is_ascii_whitespace() && *c != '\u{a0}';
    let plain = compared(name);
    let lower = decode(&plain).to_lowercase();
    lower.chars().filter(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_recognised_by_their_prefix() {
        assert_eq!(guest(b"Bob", 63), b"|iGuest|p Bob");
        assert_eq!(guest(b"a\tb\r\nc\x7f", 63), b"|iGuest|p abc");
        assert_eq!(guest(&[b'x'; 100], 63).len(), GUEST.len() + 63);
    }

    #[test]
    fn an_account_is_never_shown_without_a_name_or_as_a_guest() {
        let shown = |name: &[u8]| registered(name, b"bob", 63);
        assert_eq!(shown(b"|iBob the Great|p"), b"|iBob the Great|p");
        for name in [
            &b""[..],
            b" \xca ",
            b"|i|b|p",
            b"\x01\x02",
            b"|iGuest|p Bob",
            b"\xb0guest Bob",
            b"G|bu|pest bob",
        ] {
            assert_eq!(shown(name), b"bob", "{name:?}");
        }
        assert_eq!(shown(b"Guesthouse"), b"Guesthouse");
    }

    #[test]
    fn names_are_compared_by_their_looks() {
        assert!(alike(b"|iMod", b"mod "));
        assert!(
            alike(b"\x83T\x83", b"\x8et\x8e"),
            "this holds for the other letters of MacRoman too"
        );
        assert!(!alike(b"Mod", b"Mad"));
        assert_eq!(distinguished(b"Mod", b"thief"), b"Mod|p (thief)");
    }
}
