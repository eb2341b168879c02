//! What the log holds, and every change to it, as a plain struct: no lock, no clock, no waiting.

use crate::{
    command::{Action, Arrival, Command, Output},
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{
        Absent, Admission, Commit, Cursor, Dirty, LogError, MOST_CHAT, MOST_INPUT, MOST_MAIL,
        MOST_OUTPUT, Outputs, Post, Rev, Stored, Traveller, Whereabouts, Words,
    },
    messages::Scope,
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
    state: Option<State>,
    outputs: VecDeque<(Rev, Output)>,
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

    pub(super) fn admit(&mut self, admission: &Admission) -> Result<Whereabouts, LogError> {
        let known = self.characters.get(&admission.character.folded());
        if known.is_some_and(|it| admission.epoch < it.at.epoch) {
            return Err(LogError::Fenced(admission.character.to_string()));
        }
        let same = known.filter(|it| it.at.session == admission.session);
        if let Some(it) = same
            && it.at.present
            && !it.leaving
            && it.at.epoch == admission.epoch
        {
            return Ok(it.at.clone());
        }
        let zone = known.map_or(&admission.zone, |it| &it.at.zone).clone();
        self.room(&zone)?;

        let known = self.characters.get(&admission.character.folded());
        let mut arrival = known
            .map_or(&admission.arrival, |it| &it.at.arrival)
            .clone();
        arrival.seq = match known {
            None => admission.arrival.seq,
            Some(it) if it.at.session == admission.session => it.at.seq,
            Some(_) => 0,
        };
        let was_there = known.filter(|it| it.at.present).map(|it| it.enter);
        let enter = self.enter(&admission.character, &zone, &admission.session, &arrival);
        let at = Whereabouts {
            zone,
            present: true,
            session: admission.session.clone(),
            epoch: admission.epoch,
            seq: arrival.seq,
            arrival,
        };
        let mail = self.characters.remove(&admission.character.folded());
        let character = Character {
            at: at.clone(),
            enter: was_there.unwrap_or(enter),
            leaving: false,
            mail: mail.map(|it| it.mail).unwrap_or_default(),
        };
        self.characters
            .insert(admission.character.folded(), character);
        Ok(at)
    }

    pub(super) fn whereabouts(&self, character: &Name) -> Option<Whereabouts> {
        Some(self.characters.get(&character.folded())?.at.clone())
    }

    pub(super) fn append(&mut self, command: &Command) -> Result<ZoneId, LogError> {
        let character = self.played(&command.character, &command.session)?;
        let leaves = command.action == Action::Leave;
        let zone = character.at.zone.clone();
        let known = if leaves {
            character.leaving
        } else {
            command.seq <= character.at.seq
        };
        if known {
            return Ok(zone);
        }
        // There is at most one `Leave` for each character.
        if !leaves {
            self.room(&zone)?;
        }
        let character = self.played(&command.character, &command.session)?;
        character.leaving |= leaves;
        character.at.seq = character.at.seq.max(command.seq);
        self.put(&zone, command.clone());
        Ok(zone)
    }

    pub(super) fn post(&mut self, post: &Post) -> Result<(), LogError> {
        if post.seq <= self.played(&post.character, &post.session)?.at.seq {
            return Ok(());
        }
        match &post.words.scope {
            Scope::Zone => {
                return Err(LogError::Refuses(
                    "a zone passes these on itself".to_owned(),
                ));
            }
            Scope::All => self.announce(&post.words),
            Scope::To(name) => {
                let listener = self.characters.get(&name.folded());
                if !listener.is_some_and(|it| it.at.present) {
                    return Err(LogError::Absent(name.clone()));
                }
                self.whisper(name, &post.words);
            }
        }
        self.played(&post.character, &post.session)?.at.seq = post.seq;
        Ok(())
    }

    pub(super) fn take(&mut self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError> {
        let taken = self.zones.entry(zone.clone()).or_default();
        if taken.owner.is_some_and(|it| epoch < it) {
            return Err(LogError::Fenced(zone.to_string()));
        }
        taken.owner = Some(epoch);
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
            Some(it) if commit.rev != it.rev + 1 => return Err(LogError::Unknown(id.to_string())),
            _ => {}
        }

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
        zone.outputs.push_back((commit.rev, commit.output.clone()));
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
        let (Some((first, _)), Some((last, _))) = (zone.outputs.front(), zone.outputs.back())
        else {
            return Outputs::Since(Vec::new());
        };
        if after + 1 < *first || after > *last {
            return Outputs::Gap;
        }
        let since = zone.outputs.iter().filter(|(rev, _)| *rev > after);
        Outputs::Since(since.take(most).cloned().collect())
    }

    pub(super) fn mail_end(&self, character: &Name) -> Cursor {
        let character = self.characters.get(&character.folded());
        character
            .and_then(|it| it.mail.back())
            .map_or_else(Cursor::default, |(end, _)| *end)
    }

    pub(super) fn mail(&self, after: &[(Name, Cursor)]) -> Vec<(Name, Cursor, Words)> {
        let mut found = Vec::new();
        for (name, after) in after {
            let Some(character) = self.characters.get(&name.folded()) else {
                continue;
            };
            let new = character.mail.iter().filter(|(it, _)| it > after);
            found.extend(new.map(|(it, words)| (name.clone(), *it, words.clone())));
        }
        found
    }

    pub(super) fn chat_end(&self) -> Cursor {
        self.chat
            .back()
            .map_or_else(Cursor::default, |(end, _)| *end)
    }

    pub(super) fn chat(&self, after: Cursor) -> Vec<(Cursor, Words)> {
        let new = self.chat.iter().filter(|(it, _)| *it > after);
        new.cloned().collect()
    }

    pub(super) fn announce(&mut self, words: &Words) {
        let end = self.next();
        self.chat.push_back((end, words.clone()));
        trim(&mut self.chat, MOST_CHAT);
        self.rung.push(Bell::Chat);
    }

    pub(super) fn due(&self, now: Millis, most: usize) -> Vec<(ZoneId, Millis)> {
        let due = self.wake.iter().filter(|(_, at)| **at <= now);
        let mut due: Vec<_> = due.map(|(zone, at)| (zone.clone(), *at)).collect();
        due.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        due.truncate(most);
        due
    }

    pub(super) fn woken(&mut self, zone: &ZoneId, at: Millis) {
        if self.wake.get(zone) == Some(&at) {
            self.wake.remove(zone);
        }
    }

    pub(super) fn dirty(&self, most: usize) -> Vec<Dirty> {
        let mut dirty: Vec<_> = self.dirty.iter().collect();
        dirty.sort_by_key(|(_, number)| **number);
        dirty
            .into_iter()
            .take(most)
            .map(|(it, _)| it.clone())
            .collect()
    }

    pub(super) fn absent(&mut self, name: &Name) -> Option<Absent> {
        let it = self.characters.get(&name.folded())?;
        let zone = self.zones.get(&it.at.zone);
        let cursor = zone.and_then(|it| it.state.as_ref()).map(|it| it.cursor);
        if it.at.present && cursor.is_some_and(|cursor| cursor >= it.enter) {
            self.dirty.remove(&Dirty::Character(name.folded()));
            return None;
        }
        Some(Absent {
            character: name.clone(),
            zone: it.at.zone.clone(),
            sheet: it.at.arrival.sheet.clone(),
        })
    }

    pub(super) fn saved(&mut self, what: &Dirty, rev: Rev) {
        let (what, now) = match what {
            Dirty::Zone(zone) => (what.clone(), self.stored_rev(zone)),
            Dirty::Character(name) => (
                Dirty::Character(name.folded()),
                self.characters
                    .get(&name.folded())
                    .map(|it| it.at.arrival.sheet.rev),
            ),
        };
        if self.dirty.remove(&what).is_some() && now != Some(rev) {
            self.mark(what);
        }
    }

    fn stored_rev(&self, zone: &ZoneId) -> Option<Rev> {
        Some(self.zones.get(zone)?.state.as_ref()?.rev)
    }

    /// The character, if this session plays it.
    fn played(&mut self, name: &Name, session: &SessionId) -> Result<&mut Character, LogError> {
        let character = self.characters.get_mut(&name.folded());
        let character = character.filter(|it| it.at.present);
        let character = character.ok_or_else(|| LogError::Unknown(name.to_string()))?;
        if character.at.session == *session {
            Ok(character)
        } else {
            Err(LogError::Fenced(name.to_string()))
        }
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
        self.zones.entry(zone.clone()).or_default().last_enter = end;
        end
    }

    fn mark(&mut self, what: Dirty) {
        self.last_dirty += 1;
        self.dirty.entry(what).or_insert(self.last_dirty);
    }

    fn whisper(&mut self, name: &Name, words: &Words) {
        let end = self.next();
        let Some(listener) = self.characters.get_mut(&name.folded()) else {
            return;
        };
        if listener.at.present {
            listener.mail.push_back((end, words.clone()));
            trim(&mut listener.mail, MOST_MAIL);
            self.rung.push(Bell::Mail);
        }
    }

    /// Whether the log agrees that the character is in this zone.
    fn is_in(&self, zone: &ZoneId, name: &Name) -> bool {
        let character = self.characters.get(&name.folded());
        character.is_some_and(|it| it.at.present && it.at.zone == *zone)
    }

    fn travel(&mut self, from: &ZoneId, traveller: &Traveller) {
        let name = &traveller.character;
        if !self.is_in(from, name) {
            return;
        }
        let mut later = traveller.then.clone();
        later.extend(self.withdraw(from, name));
        self.arrive(
            name,
            &traveller.to,
            &traveller.session,
            &traveller.arrival,
            later,
        );
        self.wake.insert(traveller.to.clone(), 0);
    }

    fn leave(&mut self, from: &ZoneId, name: &Name, arrival: &Arrival) {
        if !self.is_in(from, name) {
            return;
        }
        // It may have come back before the zone saw it leave: then it is as it left.
        let mut later = self.withdraw(from, name).into_iter().peekable();
        let comes_back = later
            .clone()
            .any(|it| matches!(it.action, Action::Enter(_)));
        if comes_back && let Some(first) = later.peek().cloned() {
            let mut arrival = arrival.clone();
            if let Action::Enter(it) = &first.action {
                arrival.seq = it.seq;
                later.next();
            }
            self.arrive(name, from, &first.session, &arrival, later.collect());
            return;
        }
        let Some(character) = self.characters.get_mut(&name.folded()) else {
            return;
        };
        character.at.present = false;
        character.at.arrival = arrival.clone();
        character.leaving = false;
        character.mail.clear();
        self.mark(Dirty::Character(name.folded()));
    }

    /// Takes the waiting commands of a character out of a zone's input.
    fn withdraw(&mut self, zone: &ZoneId, name: &Name) -> Vec<Command> {
        let mut withdrawn = Vec::new();
        if let Some(zone) = self.zones.get_mut(zone) {
            zone.input.retain(|(_, it)| {
                let own = it.character.is(name);
                if own {
                    withdrawn.push(it.clone());
                }
                !own
            });
        }
        withdrawn
    }

    /// Lets a character that is in the world come into a zone, and its commands after it.
    fn arrive(
        &mut self,
        name: &Name,
        to: &ZoneId,
        session: &SessionId,
        arrival: &Arrival,
        later: Vec<Command>,
    ) {
        let enter = self.enter(name, to, session, arrival);
        for it in later {
            self.put(to, it);
        }
        if let Some(character) = self.characters.get_mut(&name.folded()) {
            character.at.zone = to.clone();
            character.at.arrival = arrival.clone();
            character.enter = enter;
        }
        self.mark(Dirty::Character(name.folded()));
    }
}

fn trim<T>(list: &mut VecDeque<T>, most: usize) {
    while list.len() > most {
        list.pop_front();
    }
}
