//! All other members and edges: who is heard, who is silent, and whether it is us who are cut off.

mod known;
mod silence;

use super::{
    Config, Event, MemberStatus, State,
    node::BEAT,
    peer::{Peer, Question},
    sender::Ready,
};
use metaserve::{
    feed::Heard,
    list::{MemberRun, Stamp},
    protocol::cluster::{Beat, Hold, Stage, pack_stated},
    registry::Registry,
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use known::{Edge, Known, Said};

/// After so long without a message a member is silent: five beats.
pub(super) const SILENCE: Duration = BEAT.saturating_mul(5);

/// A run that was replaced is taken for the member again if the other is silent for so long.
const DOUBT: Duration = Duration::from_millis(2500);

/// How many runs of members, and how many edges, are followed at most.
const MAX_RUNS: usize = 1024;

/// How many runs of one member are followed at most. The oldest goes first.
const MAX_RUNS_EACH: usize = 8;

/// Above this many runs, those that others hold are not asked for: there has to be room for members
/// that are heard.
const MAX_HELD: usize = MAX_RUNS / 2;

/// How many members are remembered to hold the same run, at most.
const MAX_HOLDERS: usize = 8;

/// How many runs a beat says to be held, at most.
const MAX_HOLDS: usize = 64;

/// The name of a member, and a run of it.
type Id = (Arc<str>, u64);

/// The others, by name and run.
pub(super) struct Members {
    me: MemberRun,
    registry: Arc<Registry>,
    hold: Duration,
    keep: Duration,
    list_bytes: usize,
    runs: BTreeMap<Id, Known>,
    /// Runs that went to make room for newer ones, and were not reported yet.
    replaced: Vec<Id>,
    /// The run of each member that speaks, or spoke last.
    current: BTreeMap<Arc<str>, u64>,
    edges: BTreeMap<Arc<str>, Edge>,
    connected: bool,
    cut_off: bool,
}

/// There are more members than are followed.
#[derive(Debug)]
pub(super) struct TooMany;

impl Members {
    pub(super) fn new(me: MemberRun, registry: Arc<Registry>, config: &Config) -> Self {
        Self {
            me,
            registry,
            hold: config.hold,
            keep: config.keep,
            list_bytes: config.list_bytes,
            runs: BTreeMap::new(),
            replaced: Vec::new(),
            current: BTreeMap::new(),
            edges: BTreeMap::new(),
            connected: false,
            cut_off: false,
        }
    }

    /// A run of a member speaks.
    ///
    /// # Errors
    /// When it is new, and there are too many already.
    pub(super) fn speaks(
        &mut self,
        name: &str,
        run: u64,
        now: Instant,
    ) -> Result<&mut Known, TooMany> {
        let name = match self.current.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => name.into(),
        };
        let id = (name, run);
        let new = !self.runs.contains_key(&id);
        if new {
            self.make_room(&id.0);
        }
        if new && self.runs.len() >= MAX_RUNS {
            return Err(TooMany);
        }
        let speaks = self.take_over(&id, new, now);
        let known = self.runs.entry(id).or_insert_with_key(|id| {
            let peer = Peer::new(whose(id), &self.registry, self.list_bytes, now);
            Known::new(peer)
        });
        if speaks {
            known.peer.speaks(now);
            known.fell = None;
        }
        Ok(known)
    }

    /// The runs of a member.
    fn runs_of(&self, name: &Arc<str>) -> impl Iterator<Item = (&Id, &Known)> {
        let [first, last] = [0, u64::MAX].map(|run| (name.clone(), run));
        self.runs.range(first..=last)
    }

    /// Lets the oldest run of a member go if it has as many as it may have.
    fn make_room(&mut self, name: &Arc<str>) {
        if self.runs_of(name).count() < MAX_RUNS_EACH {
            return;
        }
        let current = self.current.get(name);
        let replaced = self.runs_of(name).filter(|(id, _)| Some(&id.1) != current);
        let oldest = replaced.min_by_key(|(_, known)| known.peer.heard());
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.runs.remove(&id);
            self.replaced.push(id);
        }
    }

    /// Whether this run speaks for its member from now on. One that is new does, and one that was
    /// replaced before only if the other is silent.
    fn take_over(&mut self, id: &Id, new: bool, now: Instant) -> bool {
        let (name, run) = id;
        let other = match self.current.get(name) {
            Some(current) if current == run => return true,
            Some(current) => self.runs.get_mut(&(name.clone(), *current)),
            None => None,
        };
        if let Some(other) = other {
            let silent = other.peer.has_ended() || now >= other.peer.heard() + DOUBT;
            if !new && !silent {
                return false;
            }
            other.peer.end(now + self.hold);
        }
        self.current.insert(name.clone(), *run);
        true
    }

    /// A member says that it is there. Returns its name, and when the next turn is due for it.
    ///
    /// # Errors
    /// When it is new, and there are too many already.
    pub(super) fn beat(
        &mut self,
        name: &str,
        beat: &Beat,
        now: Instant,
        random: f64,
        events: &mut Vec<Event>,
    ) -> Result<(Arc<str>, Option<Instant>), TooMany> {
        let hold = now + self.hold;
        let known = self.speaks(name, beat.run, now)?;
        let name = known.peer.whose().name.clone();
        if let Some(lag) = known.said.beat(beat, now) {
            let name = name.clone();
            events.push(Event::Lag { name, lag });
        }
        known.says_all(beat.at, Stamp(beat.upto));
        if beat.stage == Stage::Leaving {
            known.peer.end(hold);
        } else if known.peer.is_at(beat.at, now, random) {
            let name = name.clone();
            events.push(Event::Gap { name });
        }
        known.report(events);
        Ok((name, known.peer.wants(now)))
    }

    /// An edge says that it is there.
    ///
    /// # Errors
    /// When it is new, and there are too many already.
    pub(super) fn edge(
        &mut self,
        name: &str,
        beat: &Beat,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Result<(), TooMany> {
        if !self.edges.contains_key(name) && self.edges.len() >= MAX_RUNS {
            return Err(TooMany);
        }
        let name: Arc<str> = name.into();
        let edge = self.edges.entry(name.clone()).or_insert_with(|| Edge {
            run: beat.run,
            heard: now,
            said: Said::default(),
            state: State::Gone,
        });
        (edge.run, edge.heard) = (beat.run, now);
        if let Some(lag) = edge.said.beat(beat, now) {
            let name = name.clone();
            events.push(Event::Lag { name, lag });
        }
        let state = match beat.stage {
            Stage::Leaving => State::Held,
            Stage::Joining | Stage::Joined => State::Heard,
        };
        edge.report(&name, state, events);
        Ok(())
    }

    /// Others hold runs that are not known here: they are asked for, as many as one may tell of.
    pub(super) fn learn(&mut self, from: &Arc<str>, holds: &[Hold], now: Instant) {
        let told = |known: &&Known| known.holders.first() == Some(from);
        let mut told = self.runs.values().filter(told).count();
        for hold in holds.iter().take(MAX_HOLDS) {
            let id: Id = (hold.member.as_str().into(), hold.run);
            if id == (self.me.name.clone(), self.me.run) {
                continue;
            }
            if let Some(known) = self.runs.get_mut(&id) {
                if !known.holders.contains(from) && known.holders.len() < MAX_HOLDERS {
                    known.holders.push(from.clone());
                }
            } else if self.runs.len() < MAX_HELD
                && told < MAX_HOLDS
                && self.runs_of(&id.0).count() < MAX_RUNS_EACH
            {
                told += 1;
                let until = now + hold.left.min(self.hold.max(self.keep));
                let mut peer = Peer::new(whose(&id), &self.registry, self.list_bytes, now);
                peer.is_held_by_others(until, now);
                let mut known = Known::new(peer);
                known.holders.push(from.clone());
                self.runs.insert(id, known);
            }
        }
    }

    /// What is to be asked now, and whom.
    pub(super) fn questions(
        &mut self,
        now: Instant,
        rng: &mut fastrand::Rng,
        events: &mut Vec<Event>,
    ) -> Vec<(Arc<str>, Arc<MemberRun>, Question)> {
        let mut questions = Vec::new();
        let current = &self.current;
        for known in self.runs.values_mut() {
            if known.peer.due().is_none_or(|due| now < due) {
                continue;
            }
            let Some(question) = known.peer.question(now, rng.u64(..), rng.f64()) else {
                continue;
            };
            let whose = known.peer.whose().clone();
            let whom = match known.peer.has_ended() {
                false => Some(whose.name.clone()),
                true => {
                    let there = |name: &&Arc<str>| current.contains_key(*name);
                    let holders: Vec<_> = known.holders.iter().filter(there).collect();
                    rng.choice(holders).cloned()
                }
            };
            let Some(whom) = whom else {
                known.peer.not_known(now, rng.f64());
                continue;
            };
            events.push(Event::Sync {
                name: whose.name.clone(),
                why: question.why,
            });
            questions.push((whom, whose, question));
        }
        questions
    }

    /// The run that waits for the answer to this question.
    pub(super) fn asked(&mut self, question: u64) -> Option<&mut Known> {
        let mut all = self.runs.values_mut();
        all.find(|known| known.peer.asked(question))
    }

    /// What is known of this run.
    pub(super) fn of(&self, name: &str, run: u64) -> Option<&Peer> {
        let known = self.runs.get(&(name.into(), run))?;
        Some(&known.peer)
    }

    /// Whether a member or edge of this name is followed.
    pub(super) fn follows(&self, name: &str) -> bool {
        self.current.contains_key(name) || self.edges.contains_key(name)
    }

    /// The name of the member that this run speaks for.
    pub(super) fn speaker(&self, name: &str, run: u64) -> Option<&Arc<str>> {
        let (name, current) = self.current.get_key_value(name)?;
        (*current == run).then_some(name)
    }

    /// What is known of the list of this run, for others.
    pub(super) fn held(&self, name: &str, run: u64) -> Option<Ready<'_>> {
        let (revision, replica) = self.of(name, run)?.stated()?;
        Some(Ready {
            run,
            revision,
            pack: Box::new(|| pack_stated(&replica.stated())),
        })
    }

    /// Runs that have something to apply.
    pub(super) fn with_work(&mut self) -> impl Iterator<Item = &mut Known> {
        self.runs.values_mut().filter(|it| it.peer.has_work())
    }

    /// When the next turn is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let of_peer = |known: &Known| {
            let silence = match known.peer.stays_until() {
                Some(until) => until,
                None => known.peer.heard() + SILENCE,
            };
            // Nobody can be asked before NATS is back.
            let question = known.peer.due().filter(|_| self.connected);
            question.map_or(silence, |due| due.min(silence))
        };
        self.runs.values().map(of_peer).min()
    }

    /// Whether there is something to apply.
    pub(super) fn has_work(&self) -> bool {
        self.runs.values().any(|known| known.peer.has_work())
    }

    /// The runs that are silent or have ended and still listed here; and those of the names that
    /// have just come, which may have ended without our knowing.
    pub(super) fn holds(&self, come: &[Arc<str>], now: Instant) -> Vec<Hold> {
        let hold = |known: &Known| {
            let whose = known.peer.whose();
            known.peer.at()?;
            let left = match known.peer.stays_until() {
                Some(until) => until.saturating_duration_since(now),
                None if come.contains(&whose.name) => self.hold,
                None => return None,
            };
            Some(Hold {
                member: whose.name.to_string(),
                run: whose.run,
                left,
            })
        };
        let has_come = |known: &&Known| come.contains(&known.peer.whose().name);
        let (first, rest): (Vec<_>, Vec<_>) = self.runs.values().partition(has_come);
        let holds = first.into_iter().chain(rest).filter_map(hold);
        holds.take(MAX_HOLDS).collect()
    }

    /// Whether all that is known to be there has been told.
    pub(super) fn are_level(&self) -> bool {
        let mut asked = self.runs.values();
        asked.all(|it| {
            let rests = it.peer.due().is_none() && !it.peer.has_work();
            it.peer.is_level() || it.peer.stays_until().is_some() && rests
        })
    }

    /// How many bytes of changes wait to be applied.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.runs.values().map(|it| it.peer.waiting_bytes()).sum()
    }

    /// How far all runs are heard whose servers are listed, and how far those that are silent.
    pub(super) fn upto(&self) -> Heard {
        let least = |runs: &mut dyn Iterator<Item = &Known>| {
            let upto = runs.map(Known::upto).min();
            upto.unwrap_or(Stamp(u64::MAX))
        };
        let silent = |known: &&Known| known.peer.stays_until().is_some();
        Heard {
            all: least(&mut self.runs.values()),
            silent: least(&mut self.runs.values().filter(silent)),
        }
    }

    /// The tags that others have.
    pub(super) fn tags(&self) -> impl Iterator<Item = u16> {
        let members = self.runs.values().map(|known| &known.said);
        let all = members.chain(self.edges.values().map(|edge| &edge.said));
        all.filter_map(|said| said.tag)
    }

    /// Whether a run is heard, and not replaced.
    pub(super) fn hears(&self, whose: &MemberRun) -> bool {
        let state = self.of(&whose.name, whose.run).map(Peer::state);
        matches!(state, Some(State::Heard | State::Syncing))
    }

    /// Whether those who are silent are kept for longer, since it is us who are cut off.
    pub(super) fn keeps(&self) -> bool {
        let mut all = self.runs.values();
        self.cut_off && all.any(|known| known.peer.state() == State::Kept)
    }

    /// All members and edges.
    pub(super) fn status(&self) -> Vec<MemberStatus> {
        let members = self.runs.values().map(Known::status);
        let edges = self.edges.iter().map(|(name, edge)| edge.status(name));
        members.chain(edges).collect()
    }
}

fn whose(id: &Id) -> Arc<MemberRun> {
    let (name, run) = id.clone();
    Arc::new(MemberRun { name, run })
}
