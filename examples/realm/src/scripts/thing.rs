//! Objects, as scripts see them: copies that cannot be changed.

use crate::{
    ids::{Name, ObjectId},
    object::{Object, Point},
};
use std::{fmt, sync::Arc};

/// A copy of an object. Clones share it.
#[derive(Clone)]
pub(super) struct Thing(Arc<Copy>);

struct Copy {
    id: ObjectId,
    kind: String,
    name: String,
    at: Point,
    radius: f64,
    status: String,
    health: Option<u32>,
    player: Option<Sheet>,
}

struct Sheet {
    character: Name,
    level: u32,
    strength: u32,
    carries: Vec<String>,
}

impl Thing {
    pub(super) fn of(object: &Object) -> Self {
        let player = object.player.as_ref();
        Self(Arc::new(Copy {
            id: object.id.clone(),
            kind: object.kind.clone(),
            name: object.name.clone(),
            at: object.at,
            radius: object.radius,
            status: object.status.clone(),
            health: player.map(|it| it.sheet.health).or(object.health),
            player: player.map(|it| Sheet {
                character: it.name.clone(),
                level: it.sheet.level,
                strength: it.sheet.strength,
                carries: it
                    .sheet
                    .inventory
                    .iter()
                    .map(|it| it.kind.clone())
                    .collect(),
            }),
        }))
    }

    pub(super) fn id(&self) -> &ObjectId {
        &self.0.id
    }

    pub(super) fn kind(&self) -> &str {
        &self.0.kind
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn at(&self) -> Point {
        self.0.at
    }

    pub(super) fn radius(&self) -> f64 {
        self.0.radius
    }

    pub(super) fn status(&self) -> &str {
        &self.0.status
    }

    pub(super) fn health(&self) -> Option<u32> {
        self.0.health
    }

    /// The level and the strength of a player.
    pub(super) fn skill(&self) -> Option<(u32, u32)> {
        self.0.player.as_ref().map(|it| (it.level, it.strength))
    }

    /// The character, if it is a player.
    pub(super) fn character(&self) -> Option<&Name> {
        self.0.player.as_ref().map(|it| &it.character)
    }

    /// Whether it is a player who carries an item of this kind.
    pub(super) fn carries(&self, kind: &str) -> bool {
        self.0
            .player
            .as_ref()
            .is_some_and(|it| it.carries.iter().any(|it| it == kind))
    }

    pub(super) fn distance(&self, other: &Self) -> f64 {
        (self.0.at.x - other.0.at.x).hypot(self.0.at.y - other.0.at.y)
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.0.name, self.0.id)
    }
}
