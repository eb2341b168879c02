//! What a world remembers beside its objects.

use crate::{
    ids::{MapName, ZoneId},
    object::{Millis, Place},
};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// How this version writes it.
const FORMAT: u32 = 1;

/// Why a zone cannot be continued.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A later version has written it.
    #[error("{zone} was stored in format {format}, and this version reads format {FORMAT}: update")]
    Format {
        /** The zone. */
        zone: ZoneId,
        /** Its format. */
        format: u32,
    },
    /// Something else is stored there.
    #[error("what is stored of {zone} is not the memory of a world")]
    Memory {
        /** The zone. */
        zone: ZoneId,
        /** Where it is wrong. */
        source: serde_json::Error,
    },
}

/// What [`Commit::world`](crate::log::Commit::world) holds. Fields that are missing have their
/// defaults, so that a world of an earlier version goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    format: u32,
    /// From which all that is left to chance comes.
    #[serde(default)]
    seed: u64,
    /// The number of the last item that was made here.
    #[serde(default)]
    items: u64,
    /// When the zone wants to be started if its owner has ended, since somebody was there.
    #[serde(default)]
    pub(super) guard: Millis,
    /// Scripts of items that have failed, with the message: not called before they are edited, or
    /// another owner has the zone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) failed: BTreeMap<MapName, String>,
}

impl Memory {
    /// That of a new zone. Its seed comes from its name and the time.
    pub(super) fn new(zone: &ZoneId, now: Millis) -> Self {
        // FNV-1a, so that zones that are made at once differ.
        let seed = zone.to_string().bytes().fold(now, |seed, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            format: FORMAT,
            seed,
            items: 0,
            guard: 0,
            failed: BTreeMap::new(),
        }
    }

    /// What was stored.
    pub(super) fn read(zone: &ZoneId, world: &serde_json::Value) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let unreadable = |source| Unreadable::Memory {
            zone: zone.clone(),
            source,
        };
        let Format { format } = Format::deserialize(world).map_err(unreadable)?;
        if format != FORMAT {
            return Err(Unreadable::Format {
                zone: zone.clone(),
                format,
            });
        }
        Self::deserialize(world).map_err(unreadable)
    }

    /// What to store, together with what others want to know of the map.
    pub(super) fn written(&self, place: &Place) -> serde_json::Value {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            memory: &'a Memory,
            place: &'a Place,
        }
        let memory = self;
        serde_json::json!(Written { memory, place })
    }

    /// A seed, another one each time.
    pub(super) fn seed(&mut self) -> u64 {
        let mut rng = Rng::with_seed(self.seed);
        let seed = rng.u64(..);
        self.seed = rng.get_seed();
        seed
    }

    /// The number of a new item.
    pub(super) fn item(&mut self) -> u64 {
        self.items = self.items.saturating_add(1);
        self.items
    }

    /// Leaves out numbers that may have been given already.
    pub(super) fn skip_items(&mut self, numbers: u64) {
        self.items = self.items.saturating_add(numbers);
    }
}
