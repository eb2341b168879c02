//! Calls scripts.

use super::{
    World, bounds,
    hooks::{Call, Failure, Hook},
};
use crate::{
    ids::ObjectId,
    object::{Item, Millis, Object, Point},
};

/// So deep scripts call scripts by their wishes: further down, only what usually happens does.
const MAX_DEPTH: u32 = 4;

/// So many calls one command or one due script can bring about by wishes.
const MAX_NESTED: u32 = 64;

/// Within so many metres a script is told of players.
const NEAR: f64 = 10.0;

/// Of so many of them, the nearest.
const MAX_NEAR: usize = 16;

/// Why a script is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion<'a> {
    pub(super) hook: Hook,
    pub(super) other: Option<&'a Object>,
    pub(super) actor: Option<&'a Object>,
    pub(super) text: &'a str,
    pub(super) amount: i64,
    /// How many scripts have led to this by their wishes.
    pub(super) depth: u32,
}

/// Whose script is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whom<'a> {
    /// An object's.
    Object(&'a ObjectId),
    /// That of an item which a player carries.
    Item(&'a ObjectId, &'a Item),
}

impl<'a> Occasion<'a> {
    /// Somebody does something.
    pub(super) fn by(hook: Hook, who: Option<&'a Object>) -> Self {
        Self {
            hook,
            other: who,
            actor: who.filter(|it| it.player.is_some()),
            text: "",
            amount: 0,
            depth: 0,
        }
    }
}

/// When an object's script wants to be called.
pub(super) fn due(object: &Object) -> Option<Millis> {
    match object.failed {
        None => object.wake_at,
        Some(_) => None,
    }
}

impl World {
    /// Calls the scripts that are due.
    pub(super) fn call_due(&mut self) {
        let now = self.batch.now;
        let is_due = |it: &&Object| due(it).is_some_and(|at| at <= now);
        let ids: Vec<_> = self
            .objects
            .iter()
            .filter(is_due)
            .map(|it| it.id.clone())
            .collect();
        for id in ids {
            self.batch.nested = 0;
            self.ask(&id, &Occasion::by(Hook::Tick, None));
            // Unless it has failed, or has asked for another time.
            if self.objects.get(&id).is_some_and(|it| is_due(&it))
                && let Some(object) = self.objects.get_mut(&id)
            {
                object.wake_at = None;
            }
        }
    }

    /// An object that has failed begins anew, as its script may be another one now.
    pub(super) fn begin_anew(&mut self, id: &ObjectId) {
        let Some(object) = self.objects.get_mut(id) else {
            return;
        };
        object.failed = None;
        self.batch.nested = 0;
        self.ask(id, &Occasion::by(Hook::Create, None));
    }

    /// Calls the scripts of all objects because of a player.
    pub(super) fn ask_all(&mut self, hook: Hook, who: Option<&Object>, depth: u32) {
        self.ask_everything(&Occasion {
            depth,
            ..Occasion::by(hook, who)
        });
    }

    /// Calls the scripts of all objects.
    pub(super) fn ask_everything(&mut self, occasion: &Occasion<'_>) {
        self.ask_where(occasion, |_| true);
    }

    /// Calls the scripts of all objects near a player. Whether one has done all that is to be done.
    pub(super) fn ask_near(&mut self, id: &ObjectId, metres: f64, occasion: &Occasion<'_>) -> bool {
        let Some(at) = self.objects.get(id).map(|it| it.at) else {
            return false;
        };
        self.ask_where(occasion, |it| bounds::distance(it.at, at) <= metres)
    }

    fn ask_where(&mut self, occasion: &Occasion<'_>, holds: impl Fn(&Object) -> bool) -> bool {
        let asked = |it: &&Object| it.script.is_some() && it.failed.is_none() && holds(it);
        let asked: Vec<_> = self
            .objects
            .iter()
            .filter(asked)
            .map(|it| it.id.clone())
            .collect();
        let mut done = false;
        for id in asked {
            done |= self.ask(&id, occasion);
        }
        done
    }

    /// Calls the script of an object. Whether it has done all that is to be done.
    pub(super) fn ask(&mut self, id: &ObjectId, occasion: &Occasion<'_>) -> bool {
        self.ask_whom(Whom::Object(id), occasion)
    }

    /// Calls the script of an object or an item. Whether it has done all that is to be done.
    pub(super) fn ask_whom(&mut self, whom: Whom<'_>, occasion: &Occasion<'_>) -> bool {
        let stands_for_it;
        let me = match whom {
            Whom::Object(id) => match self.objects.get(id) {
                Some(object) if object.failed.is_none() => object,
                _ => return false,
            },
            Whom::Item(holder, item) => {
                let at = self.objects.get(holder).map(|it| it.at).unwrap_or_default();
                stands_for_it = standing_for(item, at);
                &stands_for_it
            }
        };
        let Some(script) = me.script.clone() else {
            return false;
        };
        if matches!(whom, Whom::Item(..)) && self.memory.failed.contains_key(&script) {
            return false;
        }
        if occasion.depth > 0 {
            if occasion.depth > MAX_DEPTH || self.batch.nested == MAX_NESTED {
                return false;
            }
            self.batch.nested += 1;
        }
        let distance = |it: &&Object| bounds::distance(it.at, me.at);
        let mut near: Vec<_> = self.objects.players().collect();
        near.retain(|it| distance(it) <= NEAR);
        near.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
        near.truncate(MAX_NEAR);
        let call = Call {
            hook: occasion.hook,
            me,
            other: occasion.other,
            actor: occasion.actor,
            near: &near,
            text: occasion.text,
            amount: occasion.amount,
            now: self.batch.now,
            seed: self.memory.seed(),
        };
        let answer = self.hooks.call(&script, &call);
        let answer = answer.and_then(|answer| {
            if let Some(answer) = &answer {
                let checked = self.check(whom, answer);
                checked.map_err(|why| Failure { line: None, why })?;
            }
            Ok(answer)
        });
        match answer {
            Ok(None) => false,
            Ok(Some(answer)) => {
                let done = answer.done;
                self.grant(whom, answer, occasion);
                done
            }
            Err(failure) => {
                self.put_to_sleep(whom, &failure);
                false
            }
        }
    }

    /// The script of this one has failed.
    fn put_to_sleep(&mut self, whom: Whom<'_>, failure: &Failure) {
        let (id, script) = match whom {
            Whom::Object(id) => (id, self.objects.get(id).and_then(|it| it.script.clone())),
            Whom::Item(_, item) => (&item.id, item.script.clone()),
        };
        let Some(script) = script else { return };
        let line = failure
            .line
            .map(|it| format!("line {it}: "))
            .unwrap_or_default();
        let why = format!("{line}{}", failure.why);
        tracing::warn!(
            zone = %self.zone,
            object = %id,
            "the script {script}.rhai failed and sleeps until it is edited or the zone starts again: {why}"
        );
        match whom {
            Whom::Object(id) => {
                if let Some(object) = self.objects.get_mut(id) {
                    object.failed = Some(why);
                }
            }
            Whom::Item(..) => {
                self.memory.failed.insert(script, why);
            }
        }
    }
}

/// An object that stands for an item which a player carries.
fn standing_for(item: &Item, at: Point) -> Object {
    let mut object = Object::new(item.id.clone(), &item.kind, &item.name, at, 0.0);
    object.script = item.script.clone();
    object.item = Some(item.clone());
    object
}
