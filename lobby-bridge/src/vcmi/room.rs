//! A room: players who meet for a game (`docs/specifications/vcmi-lobby.md`, section 10).

use std::fmt;

use super::{ConnectionId, limits::Limits, message::one_line};

/// Names a room, for as long as the bridge runs. Rooms are listed in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

impl From<RoomId> for u64 {
    fn from(RoomId(id): RoomId) -> Self {
        id
    }
}

/// A mod as the user's launcher names it. Neither part contains a `:` or a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mod {
    /// Its name.
    pub name: String,
    /// Its version, often empty.
    pub version: String,
}

/// Whether the host starts a new game or loads one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostMode {
    /// A new game, 0 on the wire.
    #[default]
    NewGame = 0,
    /// A saved game, 1 on the wire.
    LoadGame = 1,
}

impl HostMode {
    /// Returns the mode of this number.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::NewGame),
            1 => Some(Self::LoadGame),
            _ => None,
        }
    }
}

impl fmt::Display for HostMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self as u8)
    }
}

/// A room from NEW until it is started or destroyed.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its name, unique among the rooms that exist.
    pub name: String,
    /// The client that made it. The room is destroyed when the host leaves.
    pub host: ConnectionId,
    /// The players in the order in which they joined. The host is first.
    pub players: Vec<ConnectionId>,
    /// The most players, 2 to 8. `None` until COUNT: the room is then hidden, and full for others.
    pub total: Option<usize>,
    /// Empty if everybody may join.
    pub password: String,
    /// Whether the host starts a new game or loads one.
    pub mode: HostMode,
    /// The host's mods.
    pub mods: Vec<Mod>,
    /// Whether the registry was ever told of it.
    pub listed: bool,
}

impl Room {
    /// Makes an incomplete room with only its host in it.
    #[must_use]
    pub fn new(name: String, host: ConnectionId) -> Self {
        Self {
            name,
            host,
            players: vec![host],
            total: None,
            password: String::new(),
            mode: HostMode::default(),
            mods: Vec::new(),
            listed: false,
        }
    }

    /// Whether no one else can join.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.total.is_none_or(|total| self.players.len() >= total)
    }

    /// Whether a password is needed to join.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        !self.password.is_empty()
    }

    /// Whether `password` lets a client join.
    #[must_use]
    pub fn opens_with(&self, password: &str) -> bool {
        !self.is_protected() || self.password == password
    }
}

/// Returns a room name without control characters. Line feeds stay, which make the name invalid.
#[must_use]
pub fn clean_room_name(name: &str) -> String {
    name.chars()
        .filter(|&c| c == '\n' || !c.is_control())
        .collect()
}

/// Whether a room may have this name. Lists separate names by colons, or by line ends for old
/// clients, and no name may look like the beginning of a message there.
#[must_use]
pub fn is_room_name(name: &str, limits: &Limits) -> bool {
    (3..=limits.name_chars).contains(&name.chars().count())
        && !name.starts_with(' ')
        && !name.starts_with(">>")
        && !name.contains([':', '\n'])
}

/// Reads the mods in `name&version;name&version`. Empty items are ignored.
#[must_use]
pub fn mods(list: &str, limits: &Limits) -> Vec<Mod> {
    let part = |text: &str| one_line(text, limits.text_chars).replace(':', "_");
    list.split(';')
        .filter(|item| !item.is_empty())
        .take(limits.mods)
        .map(|item| item.split_once('&').unwrap_or((item, "")))
        .map(|(name, version)| Mod {
            name: part(name),
            version: part(version),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &str) -> Vec<(String, String)> {
        mods(list, &Limits::default())
            .into_iter()
            .map(|m| (m.name, m.version))
            .collect()
    }

    #[test]
    fn a_mod_has_a_name_and_an_optional_version() {
        let table: [(&str, &[(&str, &str)]); 7] = [
            ("", &[]),
            (";;", &[]),
            ("vcmi&1.1", &[("vcmi", "1.1")]),
            (
                "vcmi&1.1;wog&;era",
                &[("vcmi", "1.1"), ("wog", ""), ("era", "")],
            ),
            ("a&b&c", &[("a", "b&c")]),
            ("a:b&1:2", &[("a_b", "1_2")]),
            ("a\nb&\r1", &[("ab", "1")]),
        ];
        for (list, mods) in table {
            let expected: Vec<_> = mods
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect();
            assert_eq!(parsed(list), expected, "{list:?}");
        }
    }

    #[test]
    fn a_list_of_mods_is_bounded() {
        assert_eq!(parsed(&"m&1;".repeat(5_000)).len(), 1_024);
        let (name, version) = parsed(&format!("{0}&{0}", "x".repeat(1_000))).remove(0);
        assert_eq!((name.len(), version.len()), (256, 256));
    }

    #[test]
    fn ambiguous_room_names_are_refused() {
        let long = "x".repeat(64);
        for name in ["abc", "a b >c", "Вася", "ab ", &long] {
            assert!(is_room_name(name, &Limits::default()), "{name:?}");
        }
        let longer = "x".repeat(65);
        for name in ["", "ab", " lead", "a:b", ">>x", "two\nlines", &longer] {
            assert!(!is_room_name(name, &Limits::default()), "{name:?}");
        }
    }

    #[test]
    fn a_room_opens_with_its_password_or_with_any_if_it_has_none() {
        let mut room = Room::new("castle".to_owned(), ConnectionId(1));
        assert!(room.opens_with("") && room.opens_with("x"));
        room.password = "secret".to_owned();
        assert!(room.opens_with("secret"));
        assert!(!room.opens_with("") && !room.opens_with("Secret"));
        let modes = [0, 1].map(|number| HostMode::new(number).unwrap().to_string());
        assert_eq!(modes, ["0", "1"]);
    }
}
