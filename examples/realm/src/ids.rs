//! Names of maps, zones, characters, accounts and objects. A text from outside becomes one of these
//! types once, where it comes in, and is never checked again.

use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use thiserror::Error;
use utoipa::openapi::{RefOr, schema::Schema};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// The name of a map.
    #[error(
        "a map has a name of 1 to 32 small letters, digits and hyphens, which begins with a letter"
    )]
    Map,
    /// The name of a character or an account.
    #[error("a name has 2 to 16 letters and digits, and begins with a letter")]
    Name,
    /// The id of a zone.
    #[error("a zone is called shared/MAP or solo/MAP/CHARACTER")]
    Zone,
    /// The id of an object.
    #[error("an object has an id of 1 to 100 letters, digits and -_/:.@#")]
    Object,
    /// The id of a session.
    #[error("a session has an id of 16 to 64 letters, digits, hyphens and underscores")]
    Session,
}

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $what:ident, |$text:ident| $holds:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str($text: &str) -> Result<Self, InvalidName> {
                if $holds { Ok(Self($text.to_owned())) } else { Err(InvalidName::$what) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                String::schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

text! {
    /// The name of a map, which is a file of `maps/`: 1 to 32 small letters, digits and hyphens.
    MapName, Map, |text| (1..=32).contains(&text.len())
        && text.starts_with(|it: char| it.is_ascii_lowercase())
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

text! {
    /// The name of a character or an account as its owner writes it: 2 to 16 ASCII letters and
    /// digits. Two that differ in case only are the same: compare [`folded`](Name::folded).
    Name, Name, |text| (2..=16).contains(&text.len())
        && text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text.bytes().all(|it| it.is_ascii_alphanumeric())
}

text! {
    /// The id of an object within its zone. That of a player is [`ObjectId::player`].
    ObjectId, Object, |text| (1..=100).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_/:.@#".contains(&it))
}

text! {
    /// The id of a session: what a browser shows to resume it. Secret; 16 to 64 characters.
    SessionId, Session, |text| (16..=64).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
}

macro_rules! shown {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
}

shown!(MapName, Name, ObjectId);

/// Without the id, as whoever has it can resume the session; so there is no `Display` either.
impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId(..)")
    }
}

impl SessionId {
    /// A new one that nobody can guess.
    pub(crate) fn fresh() -> Self {
        let mut bytes = [0; 16];
        SystemRandom::new()
            .fill(&mut bytes)
            .expect("the system gives random numbers");
        Self(hex(&bytes))
    }

    /// What everybody may know of it: the value of the claim of its account's session.
    pub(crate) fn hash(&self) -> String {
        hex(digest(&SHA256, format!("session {}", self.0).as_bytes()).as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Name {
    /// The name in small letters: the key under which its owner is kept.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }

    /// Whether both are the same but for case.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl ObjectId {
    /// The object of a character: `@` and the folded name. No other object has an `@`.
    #[must_use]
    pub fn player(name: &Name) -> Self {
        Self(format!("@{}", name.folded()))
    }
}

/// Which zone: all who go to a shared one meet there; a solo one admits its owner only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ZoneId {
    /// `shared/MAP`
    Shared(MapName),
    /// `solo/MAP/CHARACTER`, with the folded name of the character
    Solo(MapName, Name),
}

impl ZoneId {
    /// The prefix of the keys that zone hosts claim.
    pub const PREFIX: &str = "zone/";

    /// The map that the zone is made from.
    #[must_use]
    pub fn map(&self) -> &MapName {
        match self {
            Self::Shared(map) | Self::Solo(map, _) => map,
        }
    }

    /// The key that the zone's owner claims, `zone/shared/meadow` for example.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{self}", Self::PREFIX)
    }

    /// The zone of such a key.
    ///
    /// # Errors
    /// It is the key of something else.
    pub fn of_key(key: &str) -> Result<Self, InvalidName> {
        key.strip_prefix(Self::PREFIX)
            .ok_or(InvalidName::Zone)?
            .parse()
    }

    /// Whether this character may be in the zone.
    #[must_use]
    pub fn admits(&self, character: &Name) -> bool {
        match self {
            Self::Shared(_) => true,
            Self::Solo(_, owner) => owner.is(character),
        }
    }
}

impl FromStr for ZoneId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut parts = text.split('/');
        let zone = match (parts.next(), parts.next(), parts.next()) {
            (Some("shared"), Some(map), None) => Self::Shared(map.parse()?),
            (Some("solo"), Some(map), Some(owner)) => {
                Self::Solo(map.parse()?, owner.parse::<Name>()?.folded())
            }
            _ => return Err(InvalidName::Zone),
        };
        match parts.next() {
            Some(_) => Err(InvalidName::Zone),
            None => Ok(zone),
        }
    }
}

impl TryFrom<String> for ZoneId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ZoneId> for String {
    fn from(zone: ZoneId) -> Self {
        zone.to_string()
    }
}

impl utoipa::PartialSchema for ZoneId {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for ZoneId {}

impl fmt::Display for ZoneId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared(map) => write!(formatter, "shared/{map}"),
            Self::Solo(map, owner) => write!(formatter, "solo/{map}/{owner}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_not_shown_in_logs() {
        let session: SessionId = "0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{session:?}"), "SessionId(..)");
    }
}
