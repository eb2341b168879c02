//! Which names and passwords an account may have.

use crate::mac_roman as text;

/// How long a name may be to be looked for (`docs/specifications/myth-metaserver.md`, section 22).
pub(super) const MAX_NAME_BYTES: usize = 31;

/// The longest name and password that Aleph One lets a player type
/// (`docs/specifications/myth-metaserver.md`, section 22).
const CLIENT_CHARACTERS: usize = 15;

/// Why a name cannot be an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing, or too much.
    #[error("a name has 1 to 31 characters, of which Aleph One lets players type 15")]
    Length,
    /// Not ASCII, or invisible.
    #[error("a name is made of visible ASCII characters, without spaces")]
    Characters,
    /// Whoever logs in as `guest` has no account.
    #[error("`guest` is the name of those without an account")]
    Guest,
}

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPassword {
    /// Nothing, or more than the game can send.
    #[error("a password has 1 to 15 characters: Aleph One lets players type no more")]
    Length,
    /// A character that the game cannot send.
    #[error("a password is made of characters that MacRoman has, without control characters")]
    Characters,
}

/// Whether an account may have this name.
///
/// # Errors
/// It may not.
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

/// Whether a player can type this password.
///
/// # Errors
/// He cannot.
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
