//! Coming, going, and where there is room.

use super::{World, bounds, hooks::Hook};
use crate::{
    command::{Arrival, Event, Happening},
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{Leaver, Traveller},
    object::{Body, Gate, Object, Player, Point},
};

/// Half the width of a player.
const PLAYER_RADIUS: f64 = 0.3;

/// How far apart the places are where room is looked for, in metres.
const SEARCH_STEP: f64 = 0.7;

/// How many of them in each direction.
const SEARCH_STEPS: i32 = 12;

impl World {
    /// Puts an object of the map into the new zone.
    pub(super) fn furnish(&mut self, mut object: Object) {
        if let Some(item) = &mut object.item {
            let Some(id) = self.new_item_id() else { return };
            item.id = id;
        }
        object.at = self.inside(object.at, object.radius);
        self.objects.insert(object);
    }

    /// The id of a new item: this zone, `#` and a number.
    pub(super) fn new_item_id(&mut self) -> Option<ObjectId> {
        format!("{}#{}", self.zone, self.memory.item()).parse().ok()
    }

    /// A character comes, or a new session plays one that is here.
    pub(super) fn enter(&mut self, character: Name, session: SessionId, arrival: Arrival) {
        let id = ObjectId::player(&character);
        self.ended.remove(&id);
        if let Some((_, player)) = self.objects.player(&id) {
            if player.session != session
                && let Some(player) = self.objects.player_mut(&id)
            {
                player.session = session;
                player.seq = 0;
            }
            return;
        }
        let mut arrival = arrival;
        let leavers = &mut self.batch.leavers;
        if let Some(left) = leavers.iter().position(|it| it.character.is(&character)) {
            // It has left in this batch, so that whoever sent it here did not know how.
            let seq = arrival.seq;
            arrival = leavers.remove(left).arrival;
            arrival.seq = seq;
        }
        if !self.zone.admits(&character) {
            let what = Happening::Refused {
                seq: 0,
                why: format!("{} belongs to another player.", self.map.title),
            };
            let to = Some(character.clone());
            self.batch.events.push(Event { to, what });
            arrival.at = None;
            arrival.sheet.rev += 1;
            self.batch.travellers.push(Traveller {
                to: ZoneId::Shared(self.zone.map().clone()),
                character,
                session,
                arrival,
                then: Vec::new(),
            });
            return;
        }
        if arrival.sheet.health == 0 {
            arrival.sheet.health = arrival.sheet.full_health();
            arrival.at = None;
        }
        let at = arrival.at.unwrap_or(self.map.start);
        let at = self.free_place(at, PLAYER_RADIUS);
        let mut object = Object::new(id, "player", character.as_str(), at, PLAYER_RADIUS);
        object.body = Body::Walker;
        object.player = Some(Box::new(Player {
            name: character,
            account: arrival.account,
            session,
            seq: arrival.seq,
            sheet: arrival.sheet,
        }));
        self.objects.insert(object.clone());
        self.unsettle();
        self.ask_all(Hook::Enter, Some(&object), 0);
    }

    /// A player leaves the world.
    pub(super) fn leave_world(&mut self, id: &ObjectId) {
        let Some((object, player)) = self.remove_player(id) else {
            return;
        };
        self.batch.leavers.push(Leaver {
            character: player.name.clone(),
            arrival: Arrival {
                account: player.account.clone(),
                at: Some(object.at),
                sheet: player.sheet.clone(),
                seq: 0,
            },
        });
        self.ask_all(Hook::Leave, Some(&object), 0);
    }

    /// A player goes through a gate.
    pub(super) fn travel(&mut self, id: &ObjectId, gate: &Gate, depth: u32) -> Result<(), String> {
        let Some((_, player)) = self.objects.player(id) else {
            return Ok(());
        };
        let to = if gate.solo {
            ZoneId::Solo(gate.map.clone(), player.name.folded())
        } else {
            ZoneId::Shared(gate.map.clone())
        };
        if to == self.zone {
            self.place(id, gate.at);
            return Ok(());
        }
        if !self.map.leads_to(&gate.map) {
            return Err("That leads nowhere.".to_owned());
        }
        let Some((object, player)) = self.remove_player(id) else {
            return Ok(());
        };
        self.batch.travellers.push(Traveller {
            character: player.name.clone(),
            session: player.session.clone(),
            to,
            arrival: Arrival {
                account: player.account.clone(),
                at: Some(gate.at),
                sheet: player.sheet.clone(),
                seq: player.seq,
            },
            then: Vec::new(),
        });
        self.ask_all(Hook::Leave, Some(&object), depth);
        Ok(())
    }

    /// Takes a player's object away, with the revision of its sheet raised.
    fn remove_player(&mut self, id: &ObjectId) -> Option<(Object, Player)> {
        self.objects.player(id)?;
        let object = self.objects.remove(id)?;
        let mut player = object.player.as_deref()?.clone();
        player.sheet.rev += 1;
        Some((object, player))
    }

    /// Puts an object elsewhere in the zone, where there is room. It does not walk on.
    pub(super) fn place(&mut self, id: &ObjectId, at: Point) {
        let Some(object) = self.objects.get(id) else {
            return;
        };
        let at = match object.body {
            Body::None => self.inside(at, object.radius),
            _ => self.free_place(at, object.radius),
        };
        let mut has_walked = false;
        if let Some(object) = self.objects.get_mut(id) {
            object.at = at;
            has_walked = object.walk.take().is_some();
        }
        self.unsettle();
        if has_walked {
            self.tell(id, Happening::Stopped { by: None });
        }
    }

    /// The nearest place inside the map, in whole millimetres.
    pub(super) fn inside(&self, at: Point, radius: f64) -> Point {
        bounds::inside(at, radius, (self.map.width, self.map.height))
    }

    /// The nearest place where something of this size touches nothing; failing that, where nothing
    /// fixed is; failing that, there.
    fn free_place(&self, at: Point, radius: f64) -> Point {
        let at = self.inside(at, radius);
        let farthest = SEARCH_STEP * f64::from(SEARCH_STEPS + 1) * std::f64::consts::SQRT_2;
        let others: Vec<_> = self
            .objects
            .iter()
            .filter(|it| it.body != Body::None)
            .filter(|it| bounds::distance(it.at, at) < farthest + it.radius + radius)
            .collect();
        let is_free = |at: Point, counts: &dyn Fn(&Object) -> bool| {
            let touches = |it: &&Object| bounds::distance(it.at, at) < it.radius + radius;
            !others.iter().any(|it| counts(it) && touches(it))
        };
        let mut second = None;
        for ring in 0..=SEARCH_STEPS {
            for (x, y) in square(ring) {
                let there = Point {
                    x: at.x + f64::from(x) * SEARCH_STEP,
                    y: at.y + f64::from(y) * SEARCH_STEP,
                };
                let there = self.inside(there, radius);
                if is_free(there, &|_| true) {
                    return there;
                }
                if second.is_none() && is_free(there, &|it| it.body == Body::Fixed) {
                    second = Some(there);
                }
            }
        }
        second.unwrap_or(at)
    }
}

/// The outline of a square around the middle.
fn square(ring: i32) -> impl Iterator<Item = (i32, i32)> {
    (-ring..=ring)
        .flat_map(move |x| (-ring..=ring).map(move |y| (x, y)))
        .filter(move |(x, y)| x.abs().max(y.abs()) == ring)
}
