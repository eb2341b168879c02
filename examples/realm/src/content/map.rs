//! Maps, as their authors write them.

use crate::{
    ids::{MapName, ObjectId},
    object::{Body, Gate, Item, Object, Place, Point},
    world::{MAX_NAME, MAX_STATUS},
};
use anyhow::{Context, anyhow, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// The most objects of a map.
const MAX_OBJECTS: usize = 1000;

/// What a zone is when it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Its file's name.
    pub name: MapName,
    /// What players read when they come in.
    pub title: String,
    /// What the page draws below everything.
    pub ground: Ground,
    /// How far it reaches to the east, in metres, from 0.
    pub width: f64,
    /// How far it reaches to the south, in metres, from 0.
    pub height: f64,
    /// Where characters come in that come through no gate.
    pub start: Point,
    /// What there is at the beginning. An [`Item`] has the id of its object here: the zone that is
    /// made from the map gives it one that is unique in the world.
    pub objects: Vec<Object>,
    /// All maps of the content: where gates and scripts may lead to.
    pub others: BTreeSet<MapName>,
}

/// What a page draws below everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// A meadow.
    #[default]
    Grass,
    /// The floor of a cellar.
    Stone,
    /// Beds of a garden.
    Soil,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: Spanned<String>,
    #[serde(default)]
    ground: Ground,
    width: Spanned<f64>,
    height: Spanned<f64>,
    start: Spanned<Point>,
    #[serde(default)]
    object: Vec<Spanned<Placed>>,
}

/// A table `[[object]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed {
    id: ObjectId,
    kind: String,
    name: String,
    x: f64,
    y: f64,
    #[serde(default = "half_a_metre")]
    radius: f64,
    #[serde(default)]
    body: Body,
    #[serde(default)]
    status: String,
    script: Option<MapName>,
    health: Option<u32>,
    gate: Option<Leads>,
    item: Option<Thing>,
}

/// Where an object leads: `gate = { map = "cellar", x = 3, y = 4 }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leads {
    map: MapName,
    #[serde(default)]
    solo: bool,
    x: f64,
    y: f64,
}

/// What can be taken: `item = { kind = "egg", script = "egg" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    kind: String,
    script: Option<MapName>,
}

impl Map {
    /// The longest side of a map, in metres.
    pub(crate) const MAX_SIDE: f64 = 1000.0;

    /// Reads the text of a map.
    ///
    /// # Errors
    /// It has a mistake. Says the line.
    pub fn read(name: MapName, text: &str) -> anyhow::Result<Self> {
        let written: Written = toml::from_str(text).map_err(|error| match error.span() {
            Some(span) => anyhow!("line {}: {}", line(text, span.start), error.message()),
            None => anyhow!("{}", error.message()),
        })?;
        let at = |start| move || format!("line {}", line(text, start));
        let title = at(written.title.span().start);
        let mut map = Self {
            name,
            title: short(written.title.as_ref(), "the title", 60).with_context(title)?,
            ground: written.ground,
            width: side(*written.width.as_ref()).with_context(at(written.width.span().start))?,
            height: side(*written.height.as_ref()).with_context(at(written.height.span().start))?,
            start: *written.start.as_ref(),
            objects: Vec::new(),
            others: BTreeSet::new(),
        };
        map.inside(map.start)
            .with_context(at(written.start.span().start))?;
        ensure!(
            written.object.len() <= MAX_OBJECTS,
            "there are more than {MAX_OBJECTS} objects"
        );
        let mut ids = BTreeSet::new();
        for placed in written.object {
            let start = placed.span().start;
            let object = placed.into_inner().object(&map).with_context(at(start))?;
            if !ids.insert(object.id.clone()) {
                return Err(anyhow!("there are two objects {}", object.id)).with_context(at(start));
            }
            map.objects.push(object);
        }
        Ok(map)
    }

    /// What there is below and around the objects.
    #[must_use]
    pub fn place(&self) -> Place {
        let ground = match self.ground {
            Ground::Grass => "grass",
            Ground::Stone => "stone",
            Ground::Soil => "soil",
        };
        Place {
            title: self.title.clone(),
            ground: ground.to_owned(),
            width: self.width,
            height: self.height,
        }
    }

    /// Whether there is such a map.
    #[must_use]
    pub fn leads_to(&self, map: &MapName) -> bool {
        *map == self.name || self.others.contains(map)
    }

    /// Whether all gates lead to a place of one of these maps.
    pub(super) fn check_gates(&self, maps: &BTreeMap<MapName, Self>) -> anyhow::Result<()> {
        for object in &self.objects {
            let Some(gate) = &object.gate else { continue };
            let id = &object.id;
            let there = maps.get(&gate.map);
            let there = there.with_context(|| format!("{id} leads to {}, no map", gate.map))?;
            there
                .inside(gate.at)
                .with_context(|| format!("{id} leads out of {}", gate.map))?;
        }
        Ok(())
    }

    /// Whether the place is on the map.
    pub(crate) fn inside(&self, at: Point) -> anyhow::Result<()> {
        let is_inside = (0.0..=self.width).contains(&at.x) && (0.0..=self.height).contains(&at.y);
        ensure!(is_inside, "{}, {} is not on the map", at.x, at.y);
        Ok(())
    }
}

impl Placed {
    fn object(self, map: &Map) -> anyhow::Result<Object> {
        let at = Point {
            x: self.x,
            y: self.y,
        };
        map.inside(at)?;
        ensure!(
            (0.05..=10.0).contains(&self.radius),
            "radius is not from 0.05 to 10"
        );
        if self.id.as_str().contains(['@', '#']) {
            bail!("the id {} has a sign that players and items have", self.id);
        }
        ensure!(self.health != Some(0), "health is not 1 or more");
        let name = short(&self.name, "the name", MAX_NAME)?;
        Ok(Object {
            kind: short(&self.kind, "the kind", MAX_NAME)?,
            at,
            radius: self.radius,
            body: self.body,
            status: if self.status.is_empty() {
                self.status
            } else {
                short(&self.status, "the status", MAX_STATUS)?
            },
            script: self.script,
            memory: serde_json::Map::new(),
            wake_at: None,
            failed: None,
            health: self.health,
            gate: self.gate.map(|it| Gate {
                map: it.map,
                solo: it.solo,
                at: Point { x: it.x, y: it.y },
            }),
            item: match self.item {
                Some(it) => Some(Item {
                    id: self.id.clone(),
                    kind: short(&it.kind, "the kind", MAX_NAME)?,
                    name: name.clone(),
                    script: it.script,
                }),
                None => None,
            },
            id: self.id,
            name,
            walk: None,
            player: None,
        })
    }
}

fn half_a_metre() -> f64 {
    0.5
}

fn side(length: f64) -> anyhow::Result<f64> {
    ensure!(
        (1.0..=Map::MAX_SIDE).contains(&length),
        "{length} is not from 1 to {} metres",
        Map::MAX_SIDE
    );
    Ok(length)
}

/// The text, if it is short and has no control characters.
pub(crate) fn short(text: &str, what: &str, most: usize) -> anyhow::Result<String> {
    let fits = (1..=most).contains(&text.len()) && !text.contains(char::is_control);
    ensure!(
        fits,
        "{what} has not 1 to {most} bytes without control characters"
    );
    Ok(text.to_owned())
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&it| it == b'\n').count()
}
