//! The protocols, by name.

use crate::{dialogue::Dialogue, luanti, mumble, quake, teeworlds, valve};

/// How a game server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Quake and `QuakeWorld`.
    Quake1,
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
}

impl Protocol {
    /// The dialogue over UDP; `None` for a protocol over TCP.
    pub(crate) fn dialogue(self) -> Option<Box<dyn Dialogue>> {
        match self {
            Self::Quake1 | Self::Quake2 | Self::Quake3 => quake::dialogue(self),
            Self::Valve => valve::dialogue(),
            Self::Minecraft => None,
            Self::Bedrock => crate::minecraft::dialogue(),
            Self::Luanti => luanti::dialogue(),
            Self::Teeworlds6 | Self::Teeworlds7 => teeworlds::dialogue(self),
            Self::Mumble => mumble::dialogue(),
        }
    }
}
