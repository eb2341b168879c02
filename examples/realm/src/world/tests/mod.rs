//! A zone and what comes out of it, played without a log.

mod again;
mod commands;
mod entering;
mod fights;
mod motion;
mod random;
mod scripts;
mod shipped;
mod wishes;

use super::{
    World,
    hooks::{Answer, Call, Failure, Hook, Hooks, NoScripts, Wish},
    physics::Physics,
};
use crate::{
    command::{Action, Arrival, Command, Happening},
    content::Map,
    ids::{MapName, Name, ObjectId, ZoneId},
    log::{Commit, Cursor, Stored},
    object::{Body, Gate, Item, Millis, Object, Player, Point, Sheet},
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// When the tests begin.
const START: Millis = 1_700_000_000_000;

/// A meadow of 40 by 30 metres, with a hen, a gate, a sword and a dummy to hit.
fn meadow() -> Map {
    let text = r#"
        title = "The meadow"
        width = 40
        height = 30
        start = { x = 10, y = 10 }
        [[object]]
        id = "hen"
        kind = "hen"
        name = "Berta"
        x = 11
        y = 11
        radius = 0.2
        [[object]]
        id = "gate"
        kind = "gate"
        name = "Gate"
        x = 10
        y = 8
        gate = { map = "cellar", x = 3, y = 4 }
        [[object]]
        id = "sword"
        kind = "item"
        name = "Old sword"
        x = 9
        y = 10
        radius = 0.2
        item = { kind = "sword" }
        [[object]]
        id = "dummy"
        kind = "dummy"
        name = "Straw man"
        x = 9
        y = 9
        health = 3
        body = "fixed"
    "#;
    let mut map = Map::read("meadow".parse().unwrap(), text).unwrap();
    for name in ["meadow", "cellar", "garden"] {
        map.others.insert(name.parse().unwrap());
    }
    map
}

/// A map of that size with nothing in it but these.
fn map_of(width: f64, height: f64, objects: Vec<Object>) -> Map {
    Map {
        width,
        height,
        objects,
        ..meadow()
    }
}

fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

fn id(text: &str) -> ObjectId {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn thing(what: &str, x: f64, y: f64, radius: f64, body: Body) -> Object {
    let mut object = Object::new(id(what), "thing", what, at(x, y), radius);
    object.body = body;
    object
}

fn walk(dx: f64, dy: f64) -> Action {
    Action::Move { dx, dy }
}

fn say(text: &str) -> Action {
    Action::Say { text: text.into() }
}

fn activate(what: &str) -> Action {
    Action::Activate { id: id(what) }
}

fn take(what: &str) -> Action {
    Action::Take { id: id(what) }
}

fn lay_down(item: &ObjectId) -> Action {
    Action::Drop { id: item.clone() }
}

fn use_on(item: &ObjectId, on: Option<&str>) -> Action {
    Action::Use {
        id: item.clone(),
        on: on.map(id),
    }
}

fn arrival() -> Arrival {
    Arrival {
        account: name("acc"),
        at: None,
        sheet: Sheet::default(),
        seq: 0,
    }
}

/// A command of the first session of a character.
fn command(who: &str, seq: u64, action: Action) -> Command {
    Command {
        character: name(who),
        session: format!("{who}-the-first-session").parse().unwrap(),
        seq,
        action,
    }
}

/// What a script of a test answers.
type Script = fn(&Call<'_>) -> Result<Option<Answer>, Failure>;

/// Scripts that are functions, and which of them were called.
#[derive(Clone, Default)]
struct Scripts {
    scripts: BTreeMap<&'static str, Script>,
    calls: Arc<Mutex<Vec<(String, Hook, String)>>>,
    edited: Arc<Mutex<Vec<MapName>>>,
}

impl Scripts {
    fn of(scripts: &[(&'static str, Script)]) -> Self {
        Self {
            scripts: scripts.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// What was called since the last call of this: object, hook, and what it was about.
    fn calls(&self) -> Vec<(String, Hook, String)> {
        std::mem::take(&mut self.calls.lock())
    }

    /// How often a hook of an object was called since.
    fn count(&self, me: &str, hook: Hook) -> usize {
        let calls = self.calls();
        calls.iter().filter(|it| it.0 == me && it.1 == hook).count()
    }
}

impl Hooks for Scripts {
    fn call(&mut self, script: &MapName, call: &Call<'_>) -> Result<Option<Answer>, Failure> {
        let other = call.other.map(|it| it.id.to_string()).unwrap_or_default();
        self.calls
            .lock()
            .push((call.me.id.to_string(), call.hook, other));
        match self.scripts.get(script.as_str()) {
            Some(script) => script(call),
            None => Ok(None),
        }
    }

    fn edited(&mut self) -> Vec<MapName> {
        std::mem::take(&mut self.edited.lock())
    }
}

/// An answer that leaves the default to happen.
fn wishes(wishes: Vec<Wish>) -> Result<Option<Answer>, Failure> {
    Ok(Some(Answer {
        wishes,
        ..Answer::default()
    }))
}

/// An answer after which nothing else is to be done.
fn done(wishes: Vec<Wish>) -> Result<Option<Answer>, Failure> {
    Ok(Some(Answer {
        done: true,
        wishes,
        memory: None,
    }))
}

/// A zone that is played, and what a log would store of it.
struct Play {
    map: Map,
    zone: ZoneId,
    world: World,
    stored: Stored,
    now: Millis,
    cursor: u64,
    seq: u64,
    /// Of the last step that changed something.
    last: Option<Commit>,
}

impl Play {
    fn new(map: Map) -> Self {
        Self::with(map, Box::new(NoScripts))
    }

    fn with(map: Map, hooks: Box<dyn Hooks>) -> Self {
        Self::in_zone("shared/meadow", map, hooks)
    }

    fn in_zone(zone: &str, map: Map, hooks: Box<dyn Hooks>) -> Self {
        let zone: ZoneId = zone.parse().unwrap();
        let world = World::new(zone.clone(), &map, None, 1, hooks, Physics::On, START).unwrap();
        let mut play = Self {
            map,
            zone,
            world,
            stored: Stored::default(),
            now: START,
            cursor: 0,
            seq: 0,
            last: None,
        };
        play.step(vec![]);
        play
    }

    /// With a script for an object of the meadow.
    fn scripted(object: &str, scripts: &Scripts) -> Self {
        let mut map = meadow();
        let script = scripts.scripts.keys().next().unwrap();
        let found = map.objects.iter_mut().find(|it| it.id.as_str() == object);
        found.unwrap().script = Some(script.parse().unwrap());
        Self::with(map, Box::new(scripts.clone()))
    }

    /// The world as another owner makes it from what is stored.
    fn again(&self, hooks: Box<dyn Hooks>) -> World {
        let stored = Some(self.stored.clone());
        World::new(
            self.zone.clone(),
            &self.map,
            stored,
            2,
            hooks,
            Physics::On,
            self.now,
        )
        .unwrap()
    }

    /// One tick with these commands. What comes out of it is stored, and is all that has changed.
    fn step(&mut self, commands: Vec<Command>) -> Option<Commit> {
        let inputs = commands.into_iter().map(|it| {
            self.cursor += 1;
            (Cursor(self.cursor, 0), it)
        });
        let inputs = inputs.collect();
        self.now += super::TICK;
        let commit = self.world.step(inputs, self.now);
        if let Some(commit) = &commit {
            store(&mut self.stored, commit);
            self.last = Some(commit.clone());
        }
        assert_eq!(self.stored.rev, self.world.rev());
        assert_eq!(self.stored.cursor, self.world.cursor());
        assert!(self.world.objects().eq(&self.stored.objects));
        commit
    }

    fn enter(&mut self, who: &str) {
        self.arrive(who, arrival());
    }

    fn arrive(&mut self, who: &str, arrival: Arrival) {
        self.step(vec![command(who, 0, Action::Enter(arrival))]);
    }

    /// A player sends its next command; what it is told of it.
    fn send(&mut self, who: &str, action: Action) -> Vec<Happening> {
        self.seq += 1;
        self.step(vec![command(who, self.seq, action)]);
        self.told(who)
    }

    /// Why the player's command is refused.
    fn refused(&mut self, who: &str, action: Action) -> String {
        match self.send(who, action).as_slice() {
            [Happening::Refused { why, .. }, Happening::Done { .. }] => why.clone(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What a player was told by the last commit.
    fn told(&self, who: &str) -> Vec<Happening> {
        let events = &self.last.as_ref().unwrap().output.events;
        let to = |it: &Option<Name>| it.as_ref().is_none_or(|it| it.as_str() == who);
        let events = events.iter().filter(|it| to(&it.to));
        events.map(|it| it.what.clone()).collect()
    }

    /// Lets ticks go by until nothing moves.
    fn rest(&mut self) {
        for _ in 0..1_000 {
            if self.world.is_still() {
                return;
            }
            self.step(vec![]);
        }
        panic!("it does not come to rest");
    }

    fn object(&self, what: &str) -> &Object {
        self.find(what).unwrap_or_else(|| panic!("no {what}"))
    }

    fn find(&self, what: &str) -> Option<&Object> {
        self.stored.objects.iter().find(|it| it.id.as_str() == what)
    }

    fn player(&self, who: &str) -> &Player {
        self.object(&format!("@{}", who.to_lowercase()))
            .player
            .as_ref()
            .unwrap()
    }

    fn inventory(&self, who: &str) -> &[Item] {
        &self.player(who).sheet.inventory
    }
}

/// What a log does with a commit.
fn store(stored: &mut Stored, commit: &Commit) {
    assert!(commit.rev > stored.rev);
    let mut objects: BTreeMap<_, _> = std::mem::take(&mut stored.objects)
        .into_iter()
        .map(|it| (it.id.clone(), it))
        .collect();
    for id in &commit.gone {
        assert!(objects.remove(id).is_some(), "{id} was not there");
    }
    for object in &commit.changed {
        let before = objects.insert(object.id.clone(), object.clone());
        assert_ne!(before.as_ref(), Some(object), "it has not changed");
    }
    stored.epoch = commit.epoch;
    stored.rev = commit.rev;
    stored.cursor = commit.cursor;
    stored.world = commit.world.clone();
    stored.objects = objects.into_values().collect();
    // Through the bytes, as a log does.
    let bytes = serde_json::to_vec(stored).unwrap();
    *stored = serde_json::from_slice(&bytes).unwrap();
}

/// A gate to a map.
fn gate(map: &str, solo: bool) -> Gate {
    Gate {
        map: map.parse().unwrap(),
        solo,
        at: at(3.0, 4.0),
    }
}
