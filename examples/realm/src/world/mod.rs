//! A zone, pure: commands in, a commit out. It has no socket and no clock, and nothing is left to
//! chance but what comes from its stored seed.
//!
//! Its owner calls [`World::step`] every 50 ms with the commands that have come since, and hands
//! the [`Commit`] to the log. A world that is made again from what was stored, and given the same
//! commands at the same times, gives the same commits, under later revisions.
//!
//! ```text
//!  inputs ──▶ commands ──▶ scripts ──▶ wishes ──┐
//!                  └──────────────────────────┐ │
//!  time ────▶ walks, physics, due scripts ──▶ objects ──▶ what has changed ──▶ commit
//! ```
//!
//! A batch is done in this order: objects whose scripts were edited begin anew; commands; players
//! whose sessions have ended leave; walks and physics; scripts that are due.

mod bounds;
mod commands;
mod fights;
pub mod hooks;
mod memory;
mod motion;
mod objects;
pub mod physics;
mod places;
mod scripts;
#[cfg(test)]
mod tests;
mod wishes;

pub(crate) use bounds::walk;
pub use bounds::{
    MAX_INVENTORY, MAX_MEMORY, MAX_MEMORY_DEPTH, MAX_NAME, MAX_OBJECTS, MAX_SAID, MAX_STATUS,
    MAX_WAKE, MAX_WALK, MAX_WISHES, REACH, SPEED,
};
pub use memory::Unreadable;

use crate::{
    command::{Command, Event, Happening, Output},
    content::Map,
    ids::{Name, ObjectId, ZoneId},
    log::{Commit, Cursor, Leaver, Rev, Stored, Traveller, Words},
    object::{Millis, Object, Player},
};
use hooks::{Hook, Hooks};
use memory::Memory;
use objects::Objects;
use physics::Physics;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// How often [`World::step`] is to be called, in milliseconds.
pub const TICK: Millis = 50;

/// How many revisions a new owner leaves out, and how many numbers of items if the zone comes from the
/// database: what is stored may be a little behind what there was.
const LEFT_OUT: u64 = 1 << 20;

/// While somebody is there, the zone asks to be started so much later if its owner ends: those whose
/// sessions end meanwhile are to leave, whoever else asks for the zone.
const GUARD: Millis = 60_000;

/// A zone that runs.
pub struct World {
    zone: ZoneId,
    /// Without its objects.
    map: Map,
    epoch: u64,
    rev: Rev,
    /// How many revisions are left out before the next one.
    leap: Rev,
    cursor: Cursor,
    memory: Memory,
    objects: Objects,
    hooks: Box<dyn Hooks>,
    physics: Physics,
    /// When the last step was.
    last: Millis,
    /// Whether something may still have to be settled.
    restless: bool,
    /// For how many steps it has been settling.
    settling: u32,
    /// Whether `create` is still to be called.
    is_new: bool,
    /// Players whose sessions have ended.
    ended: BTreeSet<ObjectId>,
    /// Objects that have failed, and whose scripts were edited or are those of a new owner.
    mended: BTreeSet<ObjectId>,
    batch: Batch,
}

/// What comes of a batch beside its objects.
#[derive(Debug, Default)]
struct Batch {
    now: Millis,
    events: Vec<Event>,
    /// The last command of each player that was done.
    done: BTreeMap<ObjectId, (Name, u64)>,
    travellers: Vec<Traveller>,
    leavers: Vec<Leaver>,
    whispers: Vec<(Name, Words)>,
    /// How many hooks were called because of wishes, for the present command.
    nested: u32,
}

impl World {
    /// Continues a zone from what is stored of it. Without that, or if nothing was committed yet,
    /// makes it from the map: its first commit has all objects, whose `create` hooks are called in
    /// the first step.
    ///
    /// # Errors
    /// What is stored was written by a later version, or is something else.
    pub fn new(
        zone: ZoneId,
        map: &Map,
        stored: Option<Stored>,
        epoch: u64,
        hooks: Box<dyn Hooks>,
        physics: Physics,
        now: Millis,
    ) -> Result<Self, Unreadable> {
        let stored = stored.filter(|it| it.rev > 0);
        let memory = match &stored {
            Some(stored) => Memory::read(&zone, &stored.world)?,
            None => Memory::new(&zone, now),
        };
        let is_new = stored.is_none();
        let stored = stored.unwrap_or_default();
        let mut world = Self {
            zone,
            map: Map {
                objects: Vec::new(),
                ..map.clone()
            },
            epoch,
            rev: stored.rev,
            leap: if is_new { 0 } else { LEFT_OUT },
            cursor: stored.cursor,
            memory,
            objects: Objects::stored(stored.objects),
            hooks,
            physics,
            last: now,
            restless: true,
            settling: 0,
            is_new,
            ended: BTreeSet::new(),
            mended: BTreeSet::new(),
            batch: Batch::default(),
        };
        if is_new {
            for object in &map.objects {
                world.furnish(object.clone());
            }
        }
        // The scripts may be others than those that have failed.
        world.memory.failed.clear();
        let failed = world.objects.iter().filter(|it| it.failed.is_some());
        world.mended = failed.map(|it| it.id.clone()).collect();
        Ok(world)
    }

    /// Whether this version can go on with what is stored of a zone.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn can_continue(zone: &ZoneId, stored: &Stored) -> Result<(), Unreadable> {
        Memory::read(zone, &stored.world).map(drop)
    }

    /// The same zone after the log has lost it, if what is stored comes from the database: nobody
    /// is there, the first commit has all objects, and numbers of items are left out that may have
    /// been given after it was saved.
    #[must_use]
    pub fn restored(mut self) -> Self {
        let players: Vec<_> = self.objects.players().map(|it| it.id.clone()).collect();
        for id in players {
            self.objects.remove(&id);
        }
        self.cursor = Cursor::default();
        self.memory.skip_items(LEFT_OUT);
        self.objects.renew();
        self
    }

    /// Works a batch: commands in the order of the log, then whatever the time that has passed
    /// since the last step brings. `None` if nothing has changed.
    ///
    /// The commit is to be made before the next call. If it cannot be, the world is to be dropped.
    pub fn step(&mut self, inputs: Vec<(Cursor, Command)>, now: Millis) -> Option<Commit> {
        // After a pause nobody jumps, and whoever begins to walk has not walked before.
        let walks = self.objects.iter().any(|it| it.walk.is_some());
        let most = if walks { 5 * TICK } else { TICK };
        let elapsed = now.saturating_sub(self.last).min(most);
        self.last = now;
        self.batch.now = now;
        if std::mem::take(&mut self.is_new) {
            self.ask_all(Hook::Create, None, 0);
        }
        for id in std::mem::take(&mut self.mended) {
            self.begin_anew(&id);
        }
        let cursor = self.cursor;
        for (at, command) in inputs {
            if at > self.cursor {
                self.cursor = at;
                self.batch.nested = 0;
                self.play(command);
            }
        }
        for id in std::mem::take(&mut self.ended) {
            self.leave_world(&id);
        }
        self.move_on(elapsed);
        self.call_due();
        self.commit(self.cursor != cursor)
    }

    /// Has a player whose session has ended elsewhere leave in the next step, after its commands of
    /// that step, unless it comes in again there.
    pub fn leave(&mut self, character: &Name) {
        self.ended.insert(ObjectId::player(character));
    }

    /// Has objects begin anew in the next step that have failed and whose scripts were edited.
    pub fn scripts_edited(&mut self) {
        for script in self.hooks.edited() {
            self.memory.failed.remove(&script);
            let failed = |it: &&Object| it.failed.is_some() && it.script.as_ref() == Some(&script);
            let failed = self.objects.iter().filter(failed);
            self.mended.extend(failed.map(|it| it.id.clone()));
        }
    }

    /// When the next script wants to be called.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.objects.iter().filter_map(scripts::due).min()
    }

    /// Whether nothing happens before the next command or [`next_due`](Self::next_due): nobody
    /// walks, and nothing settles.
    #[must_use]
    pub fn is_still(&self) -> bool {
        !self.is_new
            && !self.restless
            && self.ended.is_empty()
            && self.mended.is_empty()
            && self.objects.iter().all(|it| it.walk.is_none())
    }

    /// Who is there.
    pub fn players(&self) -> impl Iterator<Item = &Player> {
        self.objects.players().filter_map(|it| it.player.as_deref())
    }

    /// All objects, in the order of their ids.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// The last revision that was committed.
    #[must_use]
    pub fn rev(&self) -> Rev {
        self.rev
    }

    /// Up to where the input is done.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Hands over what the batch has changed.
    fn commit(&mut self, has_read: bool) -> Option<Commit> {
        self.raise_revisions();
        let batch = std::mem::take(&mut self.batch);
        let changes = self.objects.changes();
        let nothing = changes.changed.is_empty()
            && changes.gone.is_empty()
            && batch.events.is_empty()
            && batch.travellers.is_empty()
            && batch.leavers.is_empty()
            && batch.whispers.is_empty();
        let somebody = self.objects.players().next().is_some();
        let is_guarded = !somebody || self.memory.guard >= batch.now + GUARD / 2;
        // The first commit says that the zone is there, however empty it is.
        if nothing && !has_read && self.rev > 0 && is_guarded {
            return None;
        }
        self.rev += 1 + std::mem::take(&mut self.leap);
        self.memory.guard = if somebody { batch.now + GUARD } else { 0 };
        let guard = somebody.then_some(self.memory.guard);
        let mut events = batch.events;
        let private = |to: &Name, what| Event {
            to: Some(to.clone()),
            what,
        };
        let done = batch.done.values();
        events.extend(done.map(|(name, seq)| private(name, Happening::Done { seq: *seq })));
        events.extend(batch.travellers.iter().map(|it| {
            let zone = it.to.clone();
            private(&it.character, Happening::Moved { zone })
        }));
        let leavers = batch.leavers.iter();
        events.extend(leavers.map(|it| private(&it.character, Happening::Left)));
        Some(Commit {
            epoch: self.epoch,
            rev: self.rev,
            cursor: self.cursor,
            world: self.memory.written(&self.map.place()),
            output: Output {
                changed: changes.changed.iter().map(Object::seen).collect(),
                gone: changes.gone.clone(),
                events,
            },
            changed: changes.changed,
            gone: changes.gone,
            travellers: batch.travellers,
            leavers: batch.leavers,
            whispers: batch.whispers,
            wake: self.next_due().into_iter().chain(guard).min(),
        })
    }

    /// Raises the revision of each sheet that has changed, and shows it to its player.
    fn raise_revisions(&mut self) {
        for id in self.objects.touched() {
            let before = self.objects.before(&id).and_then(|it| it.player.as_deref());
            let before = before.map(|it| it.sheet.clone());
            let Some((_, player)) = self.objects.player(&id) else {
                continue;
            };
            if before.as_ref() == Some(&player.sheet) {
                continue;
            }
            let name = player.name.clone();
            let Some(player) = self.objects.player_mut(&id) else {
                continue;
            };
            let rev = before.map_or(0, |it| it.rev).max(player.sheet.rev);
            player.sheet.rev = rev + 1;
            let what = Happening::Sheet(player.sheet.clone());
            self.batch.events.push(Event {
                to: Some(name),
                what,
            });
        }
    }

    /// Tells a player something.
    fn tell(&mut self, id: &ObjectId, what: Happening) {
        if let Some((_, player)) = self.objects.player(id) {
            let to = Some(player.name.clone());
            self.batch.events.push(Event { to, what });
        }
    }

    /// Tells everybody something.
    fn tell_all(&mut self, what: Happening) {
        self.batch.events.push(Event { to: None, what });
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("World")
            .field("zone", &self.zone)
            .field("epoch", &self.epoch)
            .field("rev", &self.rev)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}
