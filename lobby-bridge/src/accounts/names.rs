//! The allowed names and passwords of accounts.

use crate::mac_roman as text;

/// The longest name that is looked up (`docs/specifications/myth-metaserver.md`, section 22).
pub(super) const MAX_NAME_BYTES: usize = 31;

/// The longest name and password that Aleph One lets a player type
/// (`docs/specifications/myth-metaserver.md`, section 22).
const CLIENT_CHARACTERS: usize = 15;

/// Why a name is not allowed for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// It is empty or too long.
    #[error("a name needs 1 to 31 characters, of which Aleph One lets players type 15")]
    Length,
    /// It has characters that are not ASCII or not visible.
    #[error("a name may contain only visible ASCII characters, and no spaces")]
    Characters,
    /// `guest` logs in without an account.
    #[error("`guest` is the name of players without an account")]
    Guest,
}

/// Why a password is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPassword {
    /// It is empty, or longer than the game can send.
    #[error("a password needs 1 to 15 characters: Aleph One does not let players type more")]
    Length,
    /// It has a character that the game cannot send.
    #[error("a password may contain only characters of MacRoman, and no control characters")]
    Characters,
}

/// Checks that an account may have this name.
///
/// # Errors
/// The name is not allowed.
pub fn check_name(username: &str) -> Result<(), InvalidName> {
    if !(1..=MAX_NAME_BYTES).contains(&username.len()) {
        return Err(InvalidName::Length);
    }
    if !username.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(InvalidName::Characters);
    }
    match username {
        "guest" => Err(InvalidName::Guest),
        _ => Ok(()),
    }
}

/// Checks that players can type this password.
///
/// # Errors
/// They cannot.
pub fn check_new_password(password: &str) -> Result<(), InvalidPassword> {
    if !(1..=CLIENT_CHARACTERS).contains(&password.chars().count()) {
        return Err(InvalidPassword::Length);
    }
    let sent = text::encode(password);
    match text::decode(&sent) == password && !password.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(InvalidPassword::Characters),
    }
}
