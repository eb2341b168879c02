//! What a zone asks its scripts.

use crate::{
    ids::{MapName, Name, ObjectId},
    object::{Body, Gate, Millis, Object, Point},
};
use std::fmt;

/// When scripts are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// The object is new.
    Create,
    /// The time has come that the object asked for.
    Tick,
    /// A player activates the object.
    Activate,
    /// A player comes into the zone. All objects are asked.
    Enter,
    /// A player leaves the zone. All objects are asked.
    Leave,
    /// A player begins to walk. All objects within 5 m are asked.
    Move,
    /// A player speaks. All objects within 10 m are asked.
    Say,
    /// A player uses the item, on the object or by itself.
    Use,
    /// The object is hit.
    Hit,
    /// The object has no health left.
    Death,
    /// A player reaches a level. All objects are asked.
    Level,
}

/// One call of a hook.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When.
    pub hook: Hook,
    /// The object whose script it is. For [`Hook::Use`] an object that stands for the item.
    pub me: &'a Object,
    /// Who or what it is about: the player; for `Use`, what the item is used on.
    pub other: Option<&'a Object>,
    /// The player who did it, if it was one.
    pub actor: Option<&'a Object>,
    /// The players within 10 m, nearest first, at most 16.
    pub near: &'a [&'a Object],
    /// The words that were said.
    pub text: &'a str,
    /// The damage of a hit, the level that was reached.
    pub amount: i64,
    /// Milliseconds since 1970.
    pub now: Millis,
    /// For what is left to chance in this call.
    pub seed: u64,
}

/// What a script wants. Nothing of it is done if the hook fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// The object says something to the zone.
    Say(String),
    /// The object says something to one player.
    Whisper(Name, String),
    /// The object's status changes.
    Status(String),
    /// The object walks so far.
    Move(f64, f64),
    /// The zone is told what was rolled: of how many sides, and the result.
    Roll(u32, u32),
    /// A player is given a new item.
    Give(ObjectId, Gift),
    /// A new item lies on the ground beside the object.
    Drop(Gift),
    /// A player goes to the place in another zone that this gate leads to.
    Warp(ObjectId, Gate),
    /// A player, or the object itself, is at once at another place of this zone.
    Place(ObjectId, Point),
    /// The object wants its tick in so many milliseconds.
    WakeIn(u64),
    /// An object of this zone is hit.
    Damage(ObjectId, u32),
    /// A player gets so much experience.
    Teach(ObjectId, u32),
    /// The object stands so many hits from now on; `None`: it cannot be hit.
    Health(Option<u32>),
    /// The object stands in the way like this from now on.
    Body(Body),
    /// The object is of this kind from now on: it looks different.
    Kind(String),
    /// The object vanishes.
    Vanish,
}

/// An item that there was not before: the world gives it its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// What it is: `egg`, `sword`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// The script that is called when it is used.
    pub script: Option<MapName>,
}

/// What a hook has returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// It has done all that is to be done: what usually happens does not.
    pub done: bool,
    /// What it wants, in order. But players go to other zones after everything else, and then the
    /// object vanishes.
    pub wishes: Vec<Wish>,
    /// What the object remembers from now on, if that has changed.
    pub memory: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A hook has failed: nothing of it is done, and its object sleeps until the script is edited, or the
/// zone has another owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the script, if known.
    pub line: Option<usize>,
    /// A sentence.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "line {line}: {}", self.why),
            None => formatter.write_str(&self.why),
        }
    }
}

/// The scripts of one zone.
pub trait Hooks: Send {
    /// Calls a hook. `Ok(None)` if the script has none of this name.
    fn call(&mut self, script: &MapName, call: &Call<'_>) -> Result<Option<Answer>, Failure>;

    /// Scripts that were edited since the last call of this. To be called between ticks.
    fn edited(&mut self) -> Vec<MapName>;
}

/// No scripts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScripts;

impl Hooks for NoScripts {
    fn call(&mut self, _: &MapName, _: &Call<'_>) -> Result<Option<Answer>, Failure> {
        Ok(None)
    }

    fn edited(&mut self) -> Vec<MapName> {
        Vec::new()
    }
}
