//! How much of everything there may be, and how far everything reaches.

use crate::object::{Millis, Object, Point};

/// The longest words that are said, in bytes.
pub const MAX_SAID: usize = 500;

/// The longest status, in bytes.
pub const MAX_STATUS: usize = 60;

/// The longest kind or name, in bytes.
pub const MAX_NAME: usize = 40;

/// The most wishes of one call of a script.
pub const MAX_WISHES: usize = 32;

/// The longest memory of an object as JSON, in bytes.
pub const MAX_MEMORY: usize = 4096;

/// How deep lists and maps are nested in a memory at most. What is too deep is written and cannot be
/// read again.
pub const MAX_MEMORY_DEPTH: usize = 16;

/// The shortest time after which an object is called again.
pub(super) const MIN_WAKE: Millis = 100;

/// The longest: 30 days.
pub const MAX_WAKE: Millis = 30 * 24 * 3_600 * 1_000;

/// The longest walk of one command, in metres.
pub const MAX_WALK: f64 = 20.0;

/// The most items that a player carries.
pub const MAX_INVENTORY: usize = 32;

/// How far a player reaches, in metres, from its middle to an object's edge.
pub const REACH: f64 = 2.0;

/// How fast everything walks, in metres a second.
pub const SPEED: f64 = 3.0;

/// The most objects of a zone. Scripts make no more then, and players drop nothing.
pub const MAX_OBJECTS: usize = 5_000;

/// Words that are fit to be read: not empty, not too long, without control characters.
pub(super) fn words(text: &str, most: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("These are no words.".to_owned());
    }
    short(text, most)
}

/// A text that is not too long and has no control characters.
pub(super) fn short(text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("These are too many words: {most} bytes at most."));
    }
    if text.chars().any(char::is_control) {
        return Err("These words have control characters.".to_owned());
    }
    Ok(())
}

/// A walk that somebody can begin.
pub(crate) fn walk(dx: f64, dy: f64) -> Result<Point, String> {
    if !dx.is_finite() || !dy.is_finite() {
        return Err("That is no direction.".to_owned());
    }
    if dx.hypot(dy) > MAX_WALK {
        return Err(format!("That is too far: {MAX_WALK} m at most."));
    }
    Ok(Point { x: dx, y: dy })
}

/// How far it is between the middles of two places.
pub(super) fn distance(one: Point, other: Point) -> f64 {
    (one.x - other.x).hypot(one.y - other.y)
}

/// Whether somebody there can touch the object.
pub(super) fn reaches(from: Point, object: &Object) -> bool {
    distance(from, object.at) - object.radius <= REACH
}

/// A place in whole millimetres. (No negative zero, which JSON would tell apart.)
pub(super) fn rounded(at: Point) -> Point {
    let millimetres = |it: f64| (it * 1000.0).round() / 1000.0 + 0.0;
    Point {
        x: millimetres(at.x),
        y: millimetres(at.y),
    }
}

/// The nearest place inside a map of this width and height, in whole millimetres.
pub(super) fn inside(at: Point, radius: f64, (width, height): (f64, f64)) -> Point {
    let within = |it: f64, side: f64| {
        let radius = radius.min(side / 2.0);
        if it.is_finite() { it } else { side / 2.0 }.clamp(radius, side - radius)
    };
    rounded(Point {
        x: within(at.x, width),
        y: within(at.y, height),
    })
}
