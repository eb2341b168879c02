//! What the log holds, and every change to it, as a plain struct: no lock, no clock, no waiting.

mod characters;
mod keeping;

use crate::{
    command::{Action, Arrival, Command, Output},
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{
        Commit, Cursor, Dirty, LogError, MOST_INPUT, MOST_OUTPUT, Outputs, Rev, Stored,
        Whereabouts, Words,
    },
    object::{Millis, Object},
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What somebody may wait for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bell {
    Input(ZoneId),
    Output(ZoneId),
    Mail,
    Chat,
}

pub(super) struct Tables {
    /// The end of the last entry of any log: entries are numbered over all of them.
    last: Cursor,
    zones: HashMap<ZoneId, Zone>,
    /// By folded name.
    characters: HashMap<Name, Character>,
    chat: VecDeque<(Cursor, Words)>,
    wake: HashMap<ZoneId, Millis>,
    /// Numbered, so that what waits longest comes first.
    dirty: HashMap<Dirty, u64>,
    last_dirty: u64,
    rung: Vec<Bell>,
}

#[derive(Default)]
struct Zone {
    /// What the last commit has not read.
    input: VecDeque<(Cursor, Command)>,
    /// Where the last `Enter` is.
    last_enter: Cursor,
    /// The epoch of the owner that has taken it last.
    owner: Option<u64>,
    /// Its owner has not committed.
    is_first: bool,
    state: Option<State>,
    outputs: VecDeque<Told>,
}

struct Told {
    /// The revision before.
    after: Rev,
    rev: Rev,
    output: Output,
}

struct State {
    /// Whose commit it was.
    epoch: u64,
    rev: Rev,
    cursor: Cursor,
    world: serde_json::Value,
    objects: BTreeMap<ObjectId, Object>,
}

struct Character {
    at: Whereabouts,
    /// Where the `Enter` is that brings it into its zone.
    enter: Cursor,
    /// A `Leave` is in its zone's input, and no `Enter` after it.
    leaving: bool,
    mail: VecDeque<(Cursor, Words)>,
}

impl Tables {
    pub(super) fn new(started: u64) -> Self {
        Self {
            last: Cursor(started, 0),
            zones: HashMap::new(),
            characters: HashMap::new(),
            chat: VecDeque::new(),
            wake: HashMap::new(),
            dirty: HashMap::new(),
            last_dirty: 0,
            rung: Vec::new(),
        }
    }

    pub(super) fn lose(&mut self) {
        let last = self.last;
        *self = Self::new(last.0);
        self.last = last;
    }

    /// What has changed since the last call of this.
    pub(super) fn rung(&mut self) -> Vec<Bell> {
        std::mem::take(&mut self.rung)
    }

    pub(super) fn take(&mut self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError> {
        let taken = self.zones.entry(zone.clone()).or_default();
        if taken.owner.is_some_and(|it| epoch < it) {
            return Err(LogError::Fenced(zone.to_string()));
        }
        taken.owner = Some(epoch);
        taken.is_first = true;
        Ok(self.stored(zone))
    }

    pub(super) fn inputs(
        &self,
        zone: &ZoneId,
        after: Cursor,
        most: usize,
    ) -> Vec<(Cursor, Command)> {
        let Some(zone) = self.zones.get(zone) else {
            return Vec::new();
        };
        let behind = zone.input.partition_point(|(it, _)| *it <= after);
        zone.input.iter().skip(behind).take(most).cloned().collect()
    }

    pub(super) fn commit(&mut self, id: &ZoneId, commit: &Commit) -> Result<(), LogError> {
        let Some(zone) = self.zones.get_mut(id) else {
            return Err(LogError::Unknown(id.to_string()));
        };
        match zone.owner {
            Some(owner) if commit.epoch < owner => return Err(LogError::Fenced(id.to_string())),
            Some(owner) if commit.epoch == owner => {}
            _ => return Err(LogError::Unknown(id.to_string())),
        }
        match &zone.state {
            Some(it) if (it.epoch, it.rev) == (commit.epoch, commit.rev) => return Ok(()),
            Some(it) if commit.rev == it.rev + 1 => {}
            Some(it) if commit.rev > it.rev && zone.is_first => {}
            Some(_) => return Err(LogError::Unknown(id.to_string())),
            None => {}
        }

        zone.is_first = false;
        let after = zone.state.as_ref().map_or(0, |it| it.rev);
        let objects = zone.state.take().map(|it| it.objects);
        let mut objects = objects.unwrap_or_default();
        for it in &commit.gone {
            objects.remove(it);
        }
        objects.extend(commit.changed.iter().map(|it| (it.id.clone(), it.clone())));
        zone.state = Some(State {
            epoch: commit.epoch,
            rev: commit.rev,
            cursor: commit.cursor,
            world: commit.world.clone(),
            objects,
        });
        let done = zone.input.partition_point(|(it, _)| *it <= commit.cursor);
        zone.input.drain(..done);
        zone.outputs.push_back(Told {
            after,
            rev: commit.rev,
            output: commit.output.clone(),
        });
        trim(&mut zone.outputs, MOST_OUTPUT);
        self.rung.push(Bell::Output(id.clone()));

        let awaited = self.zones[id].last_enter > commit.cursor;
        match commit.wake {
            _ if awaited => self.wake.insert(id.clone(), 0),
            Some(at) => self.wake.insert(id.clone(), at),
            None => self.wake.remove(id),
        };
        self.mark(Dirty::Zone(id.clone()));
        for it in &commit.travellers {
            self.travel(id, it);
        }
        for it in &commit.leavers {
            self.leave(id, &it.character, &it.arrival);
        }
        for (name, words) in &commit.whispers {
            self.whisper(name, words);
        }
        Ok(())
    }

    pub(super) fn stored(&self, zone: &ZoneId) -> Option<Stored> {
        let zone = self.zones.get(zone)?;
        let state = zone.state.as_ref()?;
        Some(Stored {
            epoch: zone.owner.unwrap_or(state.epoch),
            rev: state.rev,
            cursor: state.cursor,
            world: state.world.clone(),
            objects: state.objects.values().cloned().collect(),
        })
    }

    pub(super) fn outputs(&self, zone: &ZoneId, after: Rev, most: usize) -> Outputs {
        let Some(zone) = self.zones.get(zone) else {
            return Outputs::Since(Vec::new());
        };
        let read = zone.outputs.partition_point(|it| it.rev <= after);
        let since = zone.outputs.iter().skip(read);
        let is_gap = match (since.clone().next(), zone.outputs.back()) {
            (Some(next), _) => next.after != after,
            (None, Some(last)) => last.rev < after,
            (None, None) => false,
        };
        if is_gap {
            return Outputs::Gap;
        }
        let since = since.take(most).map(|it| (it.rev, it.output.clone()));
        Outputs::Since(since.collect())
    }

    fn room(&self, zone: &ZoneId) -> Result<(), LogError> {
        let waiting = self.zones.get(zone).map_or(0, |it| it.input.len());
        if waiting < MOST_INPUT {
            Ok(())
        } else {
            Err(LogError::Full(zone.to_string()))
        }
    }

    fn next(&mut self) -> Cursor {
        self.last.1 += 1;
        self.last
    }

    fn put(&mut self, zone: &ZoneId, command: Command) -> Cursor {
        let end = self.next();
        let input = &mut self.zones.entry(zone.clone()).or_default().input;
        input.push_back((end, command));
        self.rung.push(Bell::Input(zone.clone()));
        end
    }

    fn enter(
        &mut self,
        name: &Name,
        zone: &ZoneId,
        session: &SessionId,
        arrival: &Arrival,
    ) -> Cursor {
        let enter = Command {
            character: name.clone(),
            session: session.clone(),
            seq: 0,
            action: Action::Enter(arrival.clone()),
        };
        let end = self.put(zone, enter);
        self.wake.insert(zone.clone(), 0);
        self.zones.entry(zone.clone()).or_default().last_enter = end;
        end
    }
}

fn trim<T>(list: &mut VecDeque<T>, most: usize) {
    while list.len() > most {
        list.pop_front();
    }
}
