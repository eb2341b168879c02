//! From the text of a frame to what a player wants.

use crate::{
    command::{Action, MAX_SEQ},
    messages::{Scope, Up},
    world::{MAX_SAID, MAX_STATUS, MAX_WALK},
};

/// The longest frame, in bytes.
pub(super) const FRAME_BYTES: usize = 16 * 1024;

/// How much of a mistake is told: the text of a frame may be part of it.
const MISTAKE_BYTES: usize = 200;

/// What has come over a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame<'a> {
    /// Text.
    Text(&'a str),
    /// Something else.
    Binary,
}

/// What a player wants to be done under a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// By the zone.
    Do(Action),
    /// To be told to everybody, or to one character.
    Tell(Scope, String),
}

/// Reads a frame.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn read(frame: Frame<'_>) -> Result<Up, String> {
    let Frame::Text(text) = frame else {
        return Err("send text, not binary frames".into());
    };
    if text.len() > FRAME_BYTES {
        return Err(format!("a frame has at most {FRAME_BYTES} bytes"));
    }
    serde_json::from_str(text).map_err(|mistake| {
        let mut mistake = mistake.to_string();
        mistake.truncate(mistake.floor_char_boundary(MISTAKE_BYTES));
        format!("this is not a frame that the gateway knows: {mistake}")
    })
}

/// Checks the number of a command.
///
/// # Errors
/// A sentence that says why it cannot be.
pub(super) fn number(seq: u64) -> Result<(), String> {
    if (1..=MAX_SEQ).contains(&seq) {
        Ok(())
    } else {
        Err(format!("number commands from 1 to {MAX_SEQ}"))
    }
}

/// Checks a wish.
///
/// # Errors
/// A sentence that says why it cannot be.
pub(super) fn check(wish: &Wish) -> Result<(), String> {
    match wish {
        Wish::Do(Action::Move { dx, dy }) => {
            // Written so that what is not a number is refused as well.
            if dx.hypot(*dy) <= MAX_WALK {
                Ok(())
            } else {
                Err(format!("walk at most {MAX_WALK} metres at a time"))
            }
        }
        Wish::Do(Action::Say { text }) | Wish::Tell(_, text) => words(text, 1, MAX_SAID),
        Wish::Do(Action::Status { text }) => words(text, 0, MAX_STATUS),
        Wish::Do(_) => Ok(()),
    }
}

fn words(text: &str, least: usize, most: usize) -> Result<(), String> {
    if !(least..=most).contains(&text.len()) {
        Err(format!("write {least} to {most} bytes of text"))
    } else if text.chars().any(char::is_control) {
        Err("write text without control characters".into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Up, String> {
        read(Frame::Text(text))
    }

    #[test]
    fn a_frame_is_read() {
        let text = r#"{"type":"move","dx":3,"dy":-0.5,"seq":7}"#;
        let (dx, dy, seq) = (3.0, -0.5, 7);
        assert_eq!(read_text(text), Ok(Up::Move { dx, dy, seq }));
        let text = r#"{"type":"say","scope":{"to":"Bob"},"text":"psst","seq":1}"#;
        let scope = Scope::To("Bob".parse().unwrap());
        let text_of = "psst".into();
        assert_eq!(
            read_text(text),
            Ok(Up::Say {
                scope,
                text: text_of,
                seq: 1
            })
        );
    }

    #[test]
    fn what_is_not_a_frame_is_answered_with_a_sentence() {
        let deep = format!("{}1{}", "[".repeat(8000), "]".repeat(8000));
        let deep_inside = format!(r#"{{"type":"bye","x":{deep}}}"#);
        let long = format!(r#"{{"type":"watch","zone":"{}"}}"#, "a".repeat(FRAME_BYTES));
        let long_kind = format!(r#"{{"type":"{}"}}"#, "ä".repeat(FRAME_BYTES / 4));
        for text in [
            "",
            "{",
            "null",
            "[]",
            "7",
            r#"{"type":"jump"}"#,
            r#"{"type":"move","dx":1,"seq":1}"#,
            r#"{"type":"move","dx":1e999,"dy":0,"seq":1}"#,
            r#"{"type":"move","dx":NaN,"dy":0,"seq":1}"#,
            r#"{"type":"move","dx":1,"dy":0,"seq":-1}"#,
            r#"{"type":"move","dx":1,"dy":0,"seq":1,"zone":"shared/meadow"}"#,
            r#"{"type":"enter","character":"../ann"}"#,
            r#"{"type":"activate","id":"","seq":1}"#,
            &deep,
            &deep_inside,
            &long,
            &long_kind,
        ] {
            let why = read_text(text).unwrap_err();
            assert!(why.len() < MISTAKE_BYTES + 60 && why.contains(' '), "{why}");
        }
        read(Frame::Binary).unwrap_err();
    }

    #[test]
    fn a_wish_has_bounds() {
        let walk = |dx, dy| check(&Wish::Do(Action::Move { dx, dy })).is_ok();
        assert!(walk(0.0, 0.0) && walk(20.0, 0.0) && walk(-12.0, 16.0));
        for far in [20.001, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e308] {
            assert!(!walk(far, 0.0) && !walk(0.0, -far), "{far}");
        }
        let say = |text: &str| check(&Wish::Tell(Scope::All, text.into())).is_ok();
        assert!(say("a") && say(&"a".repeat(500)));
        assert!(!say("") && !say(&"a".repeat(501)) && !say("a\nb") && !say("\u{9b}31m"));
        let status = |text: &str| check(&Wish::Do(Action::Status { text: text.into() })).is_ok();
        assert!(status("") && status(&"a".repeat(60)) && !status(&"a".repeat(61)));
    }
}
