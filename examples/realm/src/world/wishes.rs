//! Does what scripts wish: all that one call wishes, or nothing if something speaks against it.

use super::{
    World,
    bounds::{self, MAX_MEMORY, MAX_MEMORY_DEPTH, MAX_NAME, MAX_WAKE, MAX_WISHES, MIN_WAKE},
    hooks::{Answer, Gift, Wish},
    scripts::{Occasion, Whom},
};
use crate::{
    command::Happening,
    ids::ObjectId,
    log::Words,
    messages::Scope,
    object::{Item, Point},
};

impl World {
    /// Whether all that a script wishes can be done.
    pub(super) fn check(&self, whom: Whom<'_>, answer: &Answer) -> Result<(), String> {
        if answer.wishes.len() > MAX_WISHES {
            return Err(format!("more than {MAX_WISHES} wishes"));
        }
        let is_item = matches!(whom, Whom::Item(..));
        if let Some(memory) = &answer.memory {
            let bytes = serde_json::to_vec(memory).map_or(usize::MAX, |it| it.len());
            if is_item || bytes > MAX_MEMORY {
                return Err(format!(
                    "memory: {MAX_MEMORY} bytes at most, and none for items"
                ));
            }
            if memory.values().any(|it| 1 + depth(it) > MAX_MEMORY_DEPTH) {
                return Err(format!(
                    "memory: lists and maps nested {MAX_MEMORY_DEPTH} deep at most"
                ));
            }
        }
        answer.wishes.iter().try_for_each(|wish| {
            let checked = self.check_wish(whom, wish);
            checked.map_err(|why| format!("{}: {why}", word(wish)))
        })
    }

    fn check_wish(&self, whom: Whom<'_>, wish: &Wish) -> Result<(), String> {
        let is_item = matches!(whom, Whom::Item(..));
        let only_objects = || match is_item {
            true => Err("an item cannot do this".to_owned()),
            false => Ok(()),
        };
        match wish {
            Wish::Say(text) | Wish::Whisper(_, text) => bounds::words(text, bounds::MAX_SAID),
            Wish::Status(text) => {
                only_objects()?;
                bounds::short(text, bounds::MAX_STATUS)
            }
            Wish::Move(dx, dy) => {
                only_objects()?;
                bounds::walk(*dx, *dy).map(|_| ())
            }
            Wish::Roll(sides, result) => match (1..=*sides).contains(result) {
                true => Ok(()),
                false => Err(format!("no die of {sides} sides shows {result}")),
            },
            Wish::Give(_, gift) | Wish::Drop(gift) => {
                bounds::words(&gift.kind, MAX_NAME)?;
                bounds::words(&gift.name, MAX_NAME)
            }
            Wish::Warp(_, gate) => match self.map.leads_to(&gate.map) {
                true if gate.at.x.is_finite() && gate.at.y.is_finite() => Ok(()),
                true => Err("that is no place".to_owned()),
                false => Err(format!("there is no map {}", gate.map)),
            },
            Wish::Place(id, at) => {
                let is_me = matches!(whom, Whom::Object(me) if me == id);
                if !is_me && self.objects.get(id).is_some_and(|it| it.player.is_none()) {
                    return Err("neither a player nor the object itself".to_owned());
                }
                let is_inside = (0.0..=self.map.width).contains(&at.x)
                    && (0.0..=self.map.height).contains(&at.y);
                match is_inside {
                    true => Ok(()),
                    false => Err("that is not on the map".to_owned()),
                }
            }
            Wish::Kind(kind) => {
                only_objects()?;
                bounds::words(kind, MAX_NAME)
            }
            Wish::Health(Some(0)) => Err("health is 1 or more".to_owned()),
            Wish::WakeIn(_) | Wish::Health(_) | Wish::Body(_) => only_objects(),
            Wish::Damage(..) | Wish::Teach(..) | Wish::Vanish => Ok(()),
        }
    }

    /// Does what a script wishes.
    pub(super) fn grant(&mut self, whom: Whom<'_>, answer: Answer, occasion: &Occasion<'_>) {
        if let (Whom::Object(id), Some(memory)) = (whom, answer.memory)
            && let Some(object) = self.objects.get_mut(id)
        {
            object.memory = memory;
        }
        // Who has gone can be given nothing more, and what has vanished does nothing more.
        let ends = |it: &Wish| match it {
            Wish::Vanish => matches!(whom, Whom::Object(_)),
            other => matches!(other, Wish::Warp(..)),
        };
        let (last, first): (Vec<_>, Vec<_>) = answer.wishes.into_iter().partition(ends);
        let (vanish, warps): (Vec<_>, Vec<_>) =
            last.into_iter().partition(|it| *it == Wish::Vanish);
        for wish in first.into_iter().chain(warps).chain(vanish) {
            self.grant_wish(whom, wish, occasion);
        }
    }

    fn grant_wish(&mut self, whom: Whom<'_>, wish: Wish, occasion: &Occasion<'_>) {
        let (me, from) = match whom {
            Whom::Object(id) => match self.objects.get(id) {
                Some(object) => (id, object.name.clone()),
                None => return, // It has vanished.
            },
            Whom::Item(_, item) => (&item.id, item.name.clone()),
        };
        let depth = occasion.depth + 1;
        match wish {
            Wish::Say(text) => self.tell_all(Happening::Said { from, text }),
            Wish::Whisper(to, text) => {
                let scope = Scope::To(to.clone());
                self.batch.whispers.push((to, Words { scope, from, text }));
            }
            Wish::Roll(sides, result) => {
                let text = format!("{from} rolls {result} of {sides}.");
                self.tell_all(Happening::Told { text });
            }
            Wish::Give(to, gift) => self.give(&to, gift),
            Wish::Drop(gift) => {
                let beside = match whom {
                    Whom::Object(id) => id,
                    Whom::Item(holder, _) => holder,
                };
                self.drop_gift(beside, gift);
            }
            // The maps were checked.
            Wish::Warp(id, gate) => drop(self.travel(&id, &gate, depth)),
            Wish::Place(id, at) => self.place(&id, at),
            Wish::Damage(id, damage) => {
                let by = occasion.actor.map(|it| it.id.clone());
                self.hit(&id, damage, by.as_ref(), depth);
            }
            Wish::Teach(id, experience) => self.learn(&id, experience, depth),
            Wish::Vanish => match whom {
                Whom::Object(id) => {
                    self.objects.remove(id);
                    self.unsettle();
                }
                Whom::Item(holder, item) => {
                    if self.carried(holder, &item.id).is_some()
                        && let Some(player) = self.objects.player_mut(holder)
                    {
                        player.sheet.inventory.retain(|it| it.id != item.id);
                    }
                }
            },
            Wish::Move(..)
            | Wish::Status(_)
            | Wish::WakeIn(_)
            | Wish::Health(_)
            | Wish::Body(_)
            | Wish::Kind(_) => self.alter(me, wish),
        }
    }

    /// Changes the object whose script it is.
    fn alter(&mut self, me: &ObjectId, wish: Wish) {
        let now = self.batch.now;
        let Some(object) = self.objects.get_mut(me) else {
            return;
        };
        match wish {
            Wish::Move(dx, dy) => {
                let walk = bounds::rounded(Point { x: dx, y: dy });
                object.walk = (walk != Point::default()).then_some(walk);
            }
            Wish::Status(text) => object.status = text,
            Wish::WakeIn(milliseconds) => {
                object.wake_at = Some(now.saturating_add(milliseconds.clamp(MIN_WAKE, MAX_WAKE)));
            }
            Wish::Health(health) => object.health = health,
            Wish::Kind(kind) => object.kind = kind,
            Wish::Body(body) => {
                object.body = body;
                self.unsettle();
            }
            _ => {}
        }
    }

    /// Gives a player a new item, if it can carry it.
    fn give(&mut self, to: &ObjectId, gift: Gift) {
        let Some((_, player)) = self.objects.player(to) else {
            return;
        };
        if player.sheet.inventory.len() >= bounds::MAX_INVENTORY {
            let text = format!("You cannot carry more: {} is not yours.", gift.name);
            return self.tell(to, Happening::Told { text });
        }
        let Some(item) = self.made(gift) else { return };
        if let Some(player) = self.objects.player_mut(to) {
            player.sheet.inventory.push(item);
        }
    }

    /// Lays a new item beside an object, if there is room for more in the zone.
    fn drop_gift(&mut self, beside: &ObjectId, gift: Gift) {
        let Some(at) = self.objects.get(beside).map(|it| it.at) else {
            return;
        };
        if self.objects.len() < bounds::MAX_OBJECTS
            && let Some(item) = self.made(gift)
        {
            self.lay(item, at);
        }
    }

    fn made(&mut self, gift: Gift) -> Option<Item> {
        Some(Item {
            id: self.new_item_id()?,
            kind: gift.kind,
            name: gift.name,
            script: gift.script,
        })
    }
}

/// How deep lists and maps are nested in a value.
fn depth(value: &serde_json::Value) -> usize {
    let inside = match value {
        serde_json::Value::Array(list) => list.iter().map(depth).max(),
        serde_json::Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    1 + inside.unwrap_or(0)
}

/// What a wish is called.
fn word(wish: &Wish) -> &'static str {
    match wish {
        Wish::Say(_) => "say",
        Wish::Whisper(..) => "whisper",
        Wish::Status(_) => "status",
        Wish::Move(..) => "move",
        Wish::Roll(..) => "roll",
        Wish::Give(..) => "give",
        Wish::Drop(_) => "drop",
        Wish::Warp(..) => "warp",
        Wish::Place(..) => "place",
        Wish::WakeIn(_) => "wake_in",
        Wish::Damage(..) => "damage",
        Wish::Teach(..) => "teach",
        Wish::Health(_) => "health",
        Wish::Body(_) => "body",
        Wish::Kind(_) => "kind",
        Wish::Vanish => "vanish",
    }
}
