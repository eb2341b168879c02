//! What players are called: nobody looks like somebody he is not.

use super::text::{compared, cut, decode, without_controls};

const GUEST: &[u8] = b"|iGuest|p ";

/// What a guest who calls himself `name` is shown as (`docs/specifications/myth-metaserver.md`,
/// section 13). Clients know guests by the prefix, so it stands before whatever he chose.
#[must_use]
pub fn guest(name: &[u8], limit: usize) -> Vec<u8> {
    [GUEST, &tidy(name, limit)].concat()
}

/// What the owner of `account` who calls himself `name` is shown as: the account, if the name
/// shows nothing or looks like that of a guest.
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

/// `name` with its account behind it, for one that somebody else has already.
#[must_use]
pub fn distinguished(name: &[u8], account: &[u8]) -> Vec<u8> {
    [name, b"|p (", account, b")"].concat()
}

/// Whether people would take one for the other.
#[must_use]
pub fn alike(one: &[u8], other: &[u8]) -> bool {
    seen(one) == seen(other)
}

fn tidy(name: &[u8], limit: usize) -> Vec<u8> {
    cut(&without_controls(name), limit).to_vec()
}

/// What is seen of a name: no styles, no white space or invisible characters, no upper case.
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
    fn guests_are_known_by_their_prefix() {
        assert_eq!(guest(b"Bob", 63), b"|iGuest|p Bob");
        assert_eq!(guest(b"a\tb\r\nc\x7f", 63), b"|iGuest|p abc");
        assert_eq!(guest(&[b'x'; 100], 63).len(), GUEST.len() + 63);
    }

    #[test]
    fn an_account_does_not_look_like_nobody_or_a_guest() {
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
    fn alike_is_what_looks_alike() {
        assert!(alike(b"|iMod", b"mod "));
        assert!(
            alike(b"\x83T\x83", b"\x8et\x8e"),
            "MacRoman has other letters too"
        );
        assert!(!alike(b"Mod", b"Mad"));
        assert_eq!(distinguished(b"Mod", b"thief"), b"Mod|p (thief)");
    }
}
