//! What there is in a zone.

use crate::ids::{MapName, Name, ObjectId, SessionId};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, by the clock of the zone's owner.
pub type Millis = u64;

/// A place in a zone, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Point {
    /// East.
    pub x: f64,
    /// South.
    pub y: f64,
}

/// What there is below and around the objects of a zone: the page draws it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Place {
    /// What players read when they come in.
    pub title: String,
    /// `grass`, `stone` or `soil`.
    pub ground: String,
    /// How far it reaches to the east, in metres, from 0.
    pub width: f64,
    /// How far it reaches to the south, in metres, from 0.
    pub height: f64,
}

/// Something in a zone: an animal, a barrel, a gate, an item on the ground, a player. This is what
/// the log stores; players are shown [`Seen`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Unique in its zone.
    pub id: ObjectId,
    /// What it is: `hen`, `gate`, `item`, `player`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub at: Point,
    /// Half its width, in metres.
    pub radius: f64,
    /// Whether it stands in the way, and whether it can be pushed.
    #[serde(default)]
    pub body: Body,
    /// A few words that others read below its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The script that it acts by, a file of `scripts/` without its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<MapName>,
    /// What its script remembers.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub memory: serde_json::Map<String, serde_json::Value>,
    /// When its script wants to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Millis>,
    /// The script has failed, with this message: it is not called until it was edited, or the zone
    /// has another owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// How many hits it stands. Without it, it cannot be hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<u32>,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// What can be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// How far it still wants to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<Point>,
    /// Who plays it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<Box<Player>>,
}

/// How an object stands in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Others walk through it.
    #[default]
    None,
    /// Nothing moves it.
    Fixed,
    /// It can be pushed, and settles beside others.
    Loose,
    /// It walks, and stops at things.
    Walker,
}

/// Where a gate leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The map on the other side.
    pub map: MapName,
    /// Whether everybody has that zone for themselves.
    #[serde(default)]
    pub solo: bool,
    /// Where they come out.
    pub at: Point,
}

/// A thing that players carry. There is one of each: its id is unique in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Item {
    /// Unique in the world: the zone that made it, `#` and a number.
    pub id: ObjectId,
    /// What it is: `egg`, `sword`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// The script that is called when it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<MapName>,
}

/// A character in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Player {
    /// The character.
    pub name: Name,
    /// Its account.
    pub account: Name,
    /// The session that plays it. Secret.
    pub session: SessionId,
    /// The last command of that session that was done.
    pub seq: u64,
    /// Statistics and inventory.
    pub sheet: Sheet,
}

/// What a character is and has, and takes along from zone to zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sheet {
    /// Grows with each change, also over zones: the database keeps the greatest.
    pub rev: u64,
    /// 1 at the beginning.
    pub level: u32,
    /// From 0 to what the next level needs.
    pub experience: u32,
    /// At 0 it wakes up with all of it at the start of the map where it is.
    pub health: u32,
    /// How hard it hits.
    pub strength: u32,
    /// What it carries, at most 32.
    pub inventory: Vec<Item>,
}

/// What everybody in the zone sees of an object. It has no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Seen {
    /// Unique in its zone.
    pub id: ObjectId,
    /// What it is: `hen`, `gate`, `item`, `player`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// East, in metres.
    pub x: f64,
    /// South, in metres.
    pub y: f64,
    /// Half its width, in metres.
    pub radius: f64,
    /// A few words below its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// How many hits it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<u32>,
    /// Of a player.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
}

impl Object {
    /// One that is nothing but there: others walk through it, and it does nothing.
    #[must_use]
    pub fn new(id: ObjectId, kind: &str, name: &str, at: Point, radius: f64) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            at,
            radius,
            body: Body::None,
            status: String::new(),
            script: None,
            memory: serde_json::Map::new(),
            wake_at: None,
            failed: None,
            health: None,
            gate: None,
            item: None,
            walk: None,
            player: None,
        }
    }

    /// What everybody in the zone sees of it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let sheet = self.player.as_ref().map(|it| &it.sheet);
        Seen {
            id: self.id.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            x: self.at.x,
            y: self.at.y,
            radius: self.radius,
            status: self.status.clone(),
            health: sheet.map(|it| it.health).or(self.health),
            level: sheet.map(|it| it.level),
        }
    }
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            rev: 0,
            level: 1,
            experience: 0,
            health: 10,
            strength: 1,
            inventory: Vec::new(),
        }
    }
}
