//! The operator's choices about a hall.

use std::{net::Ipv4Addr, str::FromStr};

use super::limits::Limits;

/// The names that clients have for rooms, by id (`docs/specifications/myth-metaserver.md`, section
/// 25).
const TITLES: [&str; 30] = [
    "Crows Bridge",
    "Otter Ferry",
    "White Falls",
    "Silvermines",
    "Shoal",
    "Madrigal",
    "Tyr",
    "Ash",
    "Scales",
    "Covenant",
    "Muirthemne",
    "Seven Gates",
    "Bagrada",
    "The Barrier",
    "Forest Heart",
    "The Ermine",
    "The Dire Marsh",
    "The Highlands",
    "The Drowned Kingdom",
    "The Great Devoid",
    "Shiver",
    "The Caterthuns",
    "Soulblighter",
    "Balor",
    "Sons of Myrgard",
    "Heart of the Stone",
    "Arrival",
    "Ingue Ferroque",
    "Vimy Ridge",
    "Stilwell Road",
];

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Rules {
    /// The rooms, in the order in which players are sent to them.
    pub rooms: Vec<RoomRules>,
    /// The address at which players reach the rooms. `None` means that of the login daemon.
    pub public_address: Option<Ipv4Addr>,
    /// Whether the HTTPS service runs. Clients that support it are sent there
    /// (`docs/specifications/myth-metaserver.md`, section 8.1).
    pub https: bool,
    /// The only service name that is admitted, such as `MARATHON`; `None` for all.
    pub service: Option<String>,
    /// The rule for a second login to an account.
    pub second_login: SecondLogin,
    /// Whether players who enter while there is no hub are told how to gather games without one.
    pub hub_hint: bool,
    /// Whether players in rooms are told, every few seconds, how full the rooms are.
    pub announce_counts: bool,
    /// The limits.
    pub limits: Limits,
}

/// The operator's choices about one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRules {
    /// The room's name; see [`id`](Self::id).
    pub title: String,
    /// 0 normal, 1 ranked, 2 tournament.
    pub kind: u16,
    /// The most players; `None` for [`Limits::players`].
    pub players: Option<usize>,
    /// Whether guests may enter.
    pub guests: bool,
    /// Lines that everybody is sent on entering.
    pub welcome: Vec<String>,
    /// Lines that guests are sent before those.
    pub guest_welcome: Vec<String>,
}

/// The rule for a second login to an account, after the password was found right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondLogin {
    /// It is refused.
    #[default]
    Refuse,
    /// It is accepted, and the first one is disconnected.
    Displace,
}

impl FromStr for SecondLogin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "displace" => Ok(Self::Displace),
            _ => Err("write `refuse` or `displace`"),
        }
    }
}

impl RoomRules {
    /// Makes a room that is open to all, without welcome lines.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            kind: 0,
            players: None,
            guests: true,
            welcome: Vec::new(),
            guest_welcome: Vec::new(),
        }
    }

    /// Returns the id by which clients know the room's name: that of the title if it is one of
    /// theirs, otherwise one that they show as "Unknown". Aleph One enters "Arrival" (26) if there
    /// is one, otherwise the first room of the list.
    #[must_use]
    pub fn id(&self, position: usize) -> u16 {
        let known = TITLES
            .iter()
            .position(|title| title.eq_ignore_ascii_case(&self.title));
        let id = known.unwrap_or(TITLES.len() + position);
        u16::try_from(id).unwrap_or(u16::MAX)
    }
}

impl Default for Rules {
    /// One room, "Arrival".
    fn default() -> Self {
        Self {
            rooms: vec![RoomRules::new("Arrival")],
            public_address: None,
            https: false,
            service: None,
            second_login: SecondLogin::default(),
            hub_hint: true,
            announce_counts: false,
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_the_id_of_its_title_if_clients_know_it() {
        let id = |title: &str| RoomRules::new(title).id(2);
        assert_eq!((id("Crows Bridge"), id("arrival")), (0, 26));
        assert_eq!((id("Stilwell Road"), id("My own")), (29, 32));
    }
}
