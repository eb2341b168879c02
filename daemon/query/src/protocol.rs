//! The protocols, by name.

use crate::{
    Target,
    dialogue::{Conversation, Dialogue},
    luanti, minecraft, mumble, quake, teeworlds, valve,
};
use fastrand::Rng;
use std::fmt;

/// How a game server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `QuakeWorld`.
    Quake1,
    /// The first Quake's own protocol.
    NetQuake,
    /// Quake II and its descendants.
    Quake2,
    /// Quake III, `DarkPlaces` and their descendants.
    Quake3,
    /// Source and `GoldSrc` (A2S).
    Valve,
    /// Minecraft, Java edition.
    Minecraft,
    /// Minecraft, Bedrock edition.
    Bedrock,
    /// Luanti (Minetest).
    Luanti,
    /// Teeworlds 0.6 and `DDNet`.
    Teeworlds6,
    /// Teeworlds 0.7.
    Teeworlds7,
    /// Mumble.
    Mumble,
    /// What the gamedig library knows.
    #[cfg(feature = "gamedig")]
    Library(crate::LibraryGame),
}

/// Each scheme with the port that its servers usually have. The first one of a protocol is its own
/// name, the others are names of games for it.
const SCHEMES: [(&str, Protocol, u16); 21] = [
    ("quake1", Protocol::Quake1, 27500),
    ("netquake", Protocol::NetQuake, 26000),
    ("quake2", Protocol::Quake2, 27910),
    ("quake3", Protocol::Quake3, 27960),
    ("valve", Protocol::Valve, 27015),
    ("minecraft", Protocol::Minecraft, 25565),
    ("bedrock", Protocol::Bedrock, 19132),
    ("luanti", Protocol::Luanti, 30000),
    ("teeworlds6", Protocol::Teeworlds6, 8303),
    ("teeworlds7", Protocol::Teeworlds7, 8303),
    ("mumble", Protocol::Mumble, 64738),
    ("quakeworld", Protocol::Quake1, 27500),
    ("openarena", Protocol::Quake3, 27960),
    ("darkplaces", Protocol::Quake3, 26000),
    ("nexuiz", Protocol::Quake3, 26000),
    ("xonotic", Protocol::Quake3, 26000),
    ("source", Protocol::Valve, 27015),
    ("goldsrc", Protocol::Valve, 27015),
    ("minetest", Protocol::Luanti, 30000),
    ("teeworlds", Protocol::Teeworlds6, 8303),
    ("ddnet", Protocol::Teeworlds6, 8303),
];

impl Protocol {
    /// The protocols and games that a [`Target`] can name, in the order in which to show them.
    pub fn schemes() -> impl Iterator<Item = &'static str> {
        let own = SCHEMES.iter().map(|(scheme, ..)| *scheme);
        #[cfg(feature = "gamedig")]
        let own = {
            let ours = |name: &&str| SCHEMES.iter().any(|(scheme, ..)| scheme == name);
            own.chain(crate::LibraryGame::names().filter(move |name| !ours(name)))
        };
        own
    }

    /// The protocols that are written here, each once, in the order of [`schemes`](Self::schemes).
    #[cfg(any(test, feature = "fake"))]
    pub(crate) fn own() -> impl Iterator<Item = Self> {
        let named = |it: &Self| SCHEMES.iter().position(|(_, protocol, _)| protocol == it);
        let all = SCHEMES.iter().map(|(_, protocol, _)| *protocol).enumerate();
        all.filter_map(move |(at, it)| (named(&it) == Some(at)).then_some(it))
    }

    /// What a scheme stands for, in any case, and the port that its servers usually have.
    pub(crate) fn find(scheme: &str) -> Option<(Self, Option<u16>)> {
        let scheme = scheme.to_ascii_lowercase();
        let own = SCHEMES.iter().find(|(it, ..)| *it == scheme);
        let own = own.map(|(_, protocol, port)| (*protocol, Some(*port)));
        #[cfg(feature = "gamedig")]
        let own = own.or_else(|| crate::LibraryGame::find(&scheme));
        own
    }

    /// How to talk to a server. `rng` makes tokens that nobody else can know.
    pub(crate) fn conversation(self, target: &Target, rng: Rng) -> Conversation {
        let dialogue: Box<dyn Dialogue> = match self {
            Self::Quake1 | Self::Quake2 | Self::Quake3 | Self::NetQuake => {
                quake::dialogue(self, rng)
            }
            Self::Valve => valve::dialogue(rng),
            Self::Minecraft => return Conversation::Streams(minecraft::calls(target)),
            Self::Bedrock => minecraft::dialogue(rng),
            Self::Luanti => luanti::dialogue(rng),
            Self::Teeworlds6 | Self::Teeworlds7 => teeworlds::dialogue(self, rng),
            Self::Mumble => mumble::dialogue(rng),
            #[cfg(feature = "gamedig")]
            Self::Library(game) => return Conversation::Library(game),
        };
        Conversation::Datagrams(dialogue)
    }
}

impl fmt::Display for Protocol {
    /// Writes the protocol's own scheme.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "gamedig")]
        if let Self::Library(game) = self {
            return f.write_str(game.name());
        }
        let own = SCHEMES.iter().find(|(_, protocol, _)| protocol == self);
        f.write_str(own.map_or("", |(scheme, ..)| scheme))
    }
}
