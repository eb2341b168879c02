//! The functions that scripts can call.

use super::{
    act::Act,
    sandbox::{self, PACE},
    thing::Thing,
};
use crate::{
    content::{Map, short},
    ids::{MapName, Name},
    object::{Body, Gate, Point},
    world::{
        MAX_NAME, MAX_SAID, MAX_STATUS, MAX_WAKE,
        hooks::{Gift, Wish},
        walk,
    },
};
use parking_lot::Mutex;
use rhai::{Array, Dynamic, Engine, EvalAltResult};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

/// The hardest hit, the most health, and the most experience at once.
const MAX_HITS: u32 = 1000;

type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// An engine with these functions.
pub(super) struct Helpers {
    pub(super) engine: Engine,
    /// Their names.
    pub(super) names: BTreeSet<&'static str>,
}

/// Registers functions: name, the call that it is for, parameters, result, what it does.
macro_rules! helpers {
    ($to:ident, $shared:ident: $(
        $name:literal |$act:ident $(, $argument:ident: $type:ty)*| -> $result:ty $body:block
    )*) => {$(
        let call = Arc::clone($shared);
        $to.names.insert($name);
        $to.engine.register_fn($name, move |$($argument: $type),*| -> Outcome<$result> {
            let mut guard = call.lock();
            let $act: &mut Act = &mut guard;
            let result: Result<$result, String> = $body;
            Ok(result?)
        });
    )*};
}

impl Helpers {
    /// The functions work on this call, and lead players to these maps.
    pub(super) fn new(act: &Arc<Mutex<Act>>, maps: &Arc<BTreeMap<MapName, Map>>) -> Self {
        let mut helpers = Self {
            engine: sandbox::engine(),
            names: BTreeSet::new(),
        };
        register_objects(&mut helpers.engine, act);
        end_in_time(&mut helpers.engine, act);
        helpers.words(act);
        helpers.body(act);
        helpers.players(act, maps);
        helpers.questions(act);
        helpers
    }

    fn words(&mut self, act: &Arc<Mutex<Act>>) {
        helpers!(self, act:
            "say" |act, words: &str| -> () { act.wish(Wish::Say(text(words, "what it says", MAX_SAID)?)) }
            "whisper" |act, player: Thing, words: &str| -> () {
                act.wish(Wish::Whisper(character(&player)?, text(words, "what it says", MAX_SAID)?))
            }
            "status" |act, words: &str| -> () {
                act.wish(Wish::Status(match words {
                    "" => String::new(),
                    words => text(words, "the status", MAX_STATUS)?,
                }))
            }
        );
    }

    fn body(&mut self, act: &Arc<Mutex<Act>>) {
        helpers!(self, act:
            "move" |act, dx: Dynamic, dy: Dynamic| -> () {
                let by = walk(metres(&dx)?, metres(&dy)?)?;
                act.wish(Wish::Move(by.x, by.y))
            }
            "wake_in" |act, milliseconds: i64| -> () {
                act.wish(Wish::WakeIn(within(milliseconds, 1, MAX_WAKE)?))
            }
            "look" |act, kind: &str| -> () { act.wish(Wish::Kind(text(kind, "the kind", MAX_NAME)?)) }
            "body" |act, body: &str| -> () {
                act.wish(Wish::Body(match body {
                    "none" => Body::None,
                    "fixed" => Body::Fixed,
                    "loose" => Body::Loose,
                    "walker" => Body::Walker,
                    _ => return Err("a body is none, fixed, loose or walker".into()),
                }))
            }
            "health" |act, hits: i64| -> () {
                act.wish(Wish::Health(match within(hits, 0, MAX_HITS)? {
                    0 => None,
                    hits => Some(hits),
                }))
            }
            "drop" |act, kind: &str, name: &str| -> () {
                act.wish(Wish::Drop(gift(kind, name, None)?))
            }
            "drop" |act, kind: &str, name: &str, script: &str| -> () {
                act.wish(Wish::Drop(gift(kind, name, Some(script))?))
            }
            "vanish" |act| -> () { act.wish(Wish::Vanish) }
        );
    }

    fn players(&mut self, act: &Arc<Mutex<Act>>, maps: &Arc<BTreeMap<MapName, Map>>) {
        let (shared, solo) = (Arc::clone(maps), Arc::clone(maps));
        helpers!(self, act:
            "give" |act, player: Thing, kind: &str, name: &str| -> () {
                character(&player)?;
                act.wish(Wish::Give(player.id().clone(), gift(kind, name, None)?))
            }
            "give" |act, player: Thing, kind: &str, name: &str, script: &str| -> () {
                character(&player)?;
                act.wish(Wish::Give(player.id().clone(), gift(kind, name, Some(script))?))
            }
            "warp" |act, player: Thing, map: &str, x: Dynamic, y: Dynamic| -> () {
                character(&player)?;
                let gate = Gate { map: name(map)?, solo: false, at: point(&x, &y)? };
                there_is(&shared, &gate)?;
                act.wish(Wish::Warp(player.id().clone(), gate))
            }
            "warp_solo" |act, player: Thing, map: &str, x: Dynamic, y: Dynamic| -> () {
                character(&player)?;
                let gate = Gate { map: name(map)?, solo: true, at: point(&x, &y)? };
                there_is(&solo, &gate)?;
                act.wish(Wish::Warp(player.id().clone(), gate))
            }
            "place" |act, thing: Thing, x: Dynamic, y: Dynamic| -> () {
                act.wish(Wish::Place(thing.id().clone(), point(&x, &y)?))
            }
            "teach" |act, player: Thing, experience: i64| -> () {
                character(&player)?;
                act.wish(Wish::Teach(player.id().clone(), within(experience, 1, MAX_HITS)?))
            }
            "damage" |act, thing: Thing, hits: i64| -> () {
                act.wish(Wish::Damage(thing.id().clone(), within(hits, 1, MAX_HITS)?))
            }
        );
    }

    fn questions(&mut self, act: &Arc<Mutex<Act>>) {
        helpers!(self, act:
            "roll" |act, sides: i64| -> i64 {
                let sides: u32 = within(sides, 2, 1000)?;
                let rolled = act.rng.u32(1..=sides);
                act.wish(Wish::Roll(sides, rolled)).map(|()| i64::from(rolled))
            }
            "random" |act, below: i64| -> i64 {
                Ok(act.rng.i64(0..within(below, 1, 1_000_000)?))
            }
            "distance" |_act, one: Thing, other: Thing| -> f64 { Ok(one.distance(&other)) }
            "carries" |_act, player: Thing, kind: &str| -> bool { Ok(player.carries(kind)) }
            "players" |act| -> Array {
                Ok(act.near.iter().cloned().map(Dynamic::from).collect())
            }
            "now" |act| -> i64 { Ok(act.now) }
        );
    }
}

/// What scripts see of objects: `me.name`, `player.x`.
fn register_objects(engine: &mut Engine, act: &Arc<Mutex<Act>>) {
    let (read, write) = (Arc::clone(act), Arc::clone(act));
    engine
        .register_type_with_name::<Thing>("object")
        .register_get("id", |it: &mut Thing| it.id().to_string())
        .register_get("kind", |it: &mut Thing| it.kind().to_owned())
        .register_get("name", |it: &mut Thing| it.name().to_owned())
        .register_get("x", |it: &mut Thing| it.at().x)
        .register_get("y", |it: &mut Thing| it.at().y)
        .register_get("radius", |it: &mut Thing| it.radius())
        .register_get("status", |it: &mut Thing| it.status().to_owned())
        .register_get("health", |it: &mut Thing| number_or_nothing(it.health()))
        .register_get("level", |it: &mut Thing| {
            number_or_nothing(it.skill().map(|it| it.0))
        })
        .register_get("strength", |it: &mut Thing| {
            number_or_nothing(it.skill().map(|it| it.1))
        })
        .register_get("is_player", |it: &mut Thing| it.character().is_some())
        .register_get("memory", move |it: &mut Thing| -> Outcome<rhai::Map> {
            let act = read.lock();
            if act.is_me(it) {
                Ok(act.memory.clone())
            } else {
                Err(not_mine(it))
            }
        })
        .register_set(
            "memory",
            move |it: &mut Thing, memory: rhai::Map| -> Outcome<()> {
                let mut act = write.lock();
                if !act.is_me(it) {
                    return Err(not_mine(it));
                }
                act.memory = memory;
                Ok(())
            },
        )
        .register_fn("to_string", |it: &mut Thing| it.to_string())
        .register_fn("to_debug", |it: &mut Thing| it.to_string())
        .register_fn("==", |one: Thing, other: Thing| one.id() == other.id())
        .register_fn("!=", |one: Thing, other: Thing| one.id() != other.id());
}

/// Ends a call that works for too long.
fn end_in_time(engine: &mut Engine, act: &Arc<Mutex<Act>>) {
    let call = Arc::clone(act);
    engine.on_progress(move |operations| {
        if !operations.is_multiple_of(PACE) {
            return None;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a call that does not end has no other end"
        )]
        let now = Instant::now();
        call.lock().budget.is_spent(now).then_some(Dynamic::UNIT)
    });
}

fn number_or_nothing(number: Option<u32>) -> Dynamic {
    number.map_or(Dynamic::UNIT, |it| i64::from(it).into())
}

fn not_mine(thing: &Thing) -> Box<EvalAltResult> {
    format!("only {} itself knows its memory", thing.name()).into()
}

fn text(text: &str, what: &str, most: usize) -> Result<String, String> {
    short(text, what, most).map_err(|error| error.to_string())
}

fn name(map: &str) -> Result<MapName, String> {
    map.parse()
        .map_err(|error: crate::ids::InvalidName| format!("{map:?}: {error}"))
}

fn character(player: &Thing) -> Result<Name, String> {
    player
        .character()
        .cloned()
        .ok_or_else(|| format!("{} is no player", player.name()))
}

fn gift(kind: &str, called: &str, script: Option<&str>) -> Result<Gift, String> {
    Ok(Gift {
        kind: text(kind, "the kind", MAX_NAME)?,
        name: text(called, "the name", MAX_NAME)?,
        script: script.map(name).transpose()?,
    })
}

fn there_is(maps: &BTreeMap<MapName, Map>, gate: &Gate) -> Result<(), String> {
    let map = maps
        .get(&gate.map)
        .ok_or_else(|| format!("there is no map {}", gate.map))?;
    map.inside(gate.at).map_err(|error| error.to_string())
}

fn point(x: &Dynamic, y: &Dynamic) -> Result<Point, String> {
    Ok(Point {
        x: length(x, Map::MAX_SIDE)?,
        y: length(y, Map::MAX_SIDE)?,
    })
}

/// A number of metres.
fn metres(number: &Dynamic) -> Result<f64, String> {
    let metres = number
        .as_float()
        .or_else(|_| number.as_int().map(|it| it as f64));
    metres.map_err(|it| format!("expected a number, not {it}"))
}

/// So many metres at most.
fn length(number: &Dynamic, most: f64) -> Result<f64, String> {
    let length = metres(number)?;
    if length.abs() <= most {
        Ok(length)
    } else {
        Err(format!("{length} is more than {most} metres"))
    }
}

fn within<T>(number: i64, least: T, most: T) -> Result<T, String>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    match T::try_from(number) {
        Ok(number) if least <= number && number <= most => Ok(number),
        _ => Err(format!("{number} is not from {least} to {most}")),
    }
}
