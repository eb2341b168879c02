//! What players want to do. Everything is checked here, as every program can send everything.

use super::{
    World, bounds,
    hooks::Hook,
    scripts::{Occasion, Whom},
};
use crate::{
    command::{Action, Command, Happening},
    ids::ObjectId,
    object::{Item, Object, Point},
};

/// Within so many metres an object notices that somebody begins to walk.
const SEES: f64 = 5.0;

/// Within so many metres an object hears what somebody says.
const HEARS: f64 = 10.0;

/// Half the width of an item on the ground.
const ITEM_RADIUS: f64 = 0.2;

impl World {
    /// Does a command, unless it is a repetition, or of another session than the player's.
    pub(super) fn play(&mut self, command: Command) {
        let mut travellers = self.batch.travellers.iter_mut();
        if let Some(it) = travellers.find(|it| it.character.is(&command.character)) {
            it.then.push(command);
            return;
        }
        let id = ObjectId::player(&command.character);
        let action = match command.action {
            Action::Enter(arrival) => {
                return self.enter(command.character, command.session, arrival);
            }
            action => action,
        };
        let Some((_, player)) = self.objects.player(&id) else {
            return;
        };
        if player.session != command.session {
            return;
        }
        if action == Action::Leave {
            return self.leave_world(&id);
        }
        if command.seq <= player.seq {
            return;
        }
        let name = player.name.clone();
        if let Some(player) = self.objects.player_mut(&id) {
            player.seq = command.seq;
        }
        self.batch.done.insert(id.clone(), (name, command.seq));
        if let Err(why) = self.act(&id, action) {
            let seq = command.seq;
            self.tell(&id, Happening::Refused { seq, why });
        }
    }

    /// Does what a player wants, or says why not.
    fn act(&mut self, id: &ObjectId, action: Action) -> Result<(), String> {
        match action {
            // These have no number, and were done above.
            Action::Enter(_) | Action::Leave => Ok(()),
            Action::Move { dx, dy } => self.begin_walk(id, dx, dy),
            Action::Say { text } => self.speak(id, text),
            Action::Activate { id: on } => self.activate(id, &on),
            Action::Take { id: what } => self.take(id, &what),
            Action::Drop { id: item } => self.lay_down(id, &item),
            Action::Use { id: item, on } => self.use_item(id, &item, on.as_ref()),
            Action::Status { text } => {
                bounds::short(&text, bounds::MAX_STATUS)?;
                if let Some(object) = self.objects.get_mut(id) {
                    object.status = text;
                }
                Ok(())
            }
        }
    }

    fn begin_walk(&mut self, id: &ObjectId, dx: f64, dy: f64) -> Result<(), String> {
        let walk = bounds::rounded(bounds::walk(dx, dy)?);
        let who = self.objects.get(id).cloned();
        let occasion = Occasion::by(Hook::Move, who.as_ref());
        if self.ask_near(id, SEES, &occasion) {
            return Ok(());
        }
        let Some(object) = self.objects.get_mut(id) else {
            return Ok(());
        };
        object.walk = (walk != Point::default()).then_some(walk);
        if object.walk.is_none() {
            self.tell(id, Happening::Stopped { by: None });
        }
        Ok(())
    }

    fn speak(&mut self, id: &ObjectId, text: String) -> Result<(), String> {
        bounds::words(&text, bounds::MAX_SAID)?;
        let who = self.objects.get(id).cloned();
        let Some(from) = who.as_ref().map(|it| it.name.clone()) else {
            return Ok(());
        };
        let before = self.batch.events.len();
        let occasion = Occasion {
            text: &text,
            ..Occasion::by(Hook::Say, who.as_ref())
        };
        if !self.ask_near(id, HEARS, &occasion) {
            self.tell_all(Happening::Said { from, text });
            // The words come before what was answered.
            self.batch.events[before..].rotate_right(1);
        }
        Ok(())
    }

    fn activate(&mut self, id: &ObjectId, on: &ObjectId) -> Result<(), String> {
        self.reach(id, on)?;
        let who = self.objects.get(id).cloned();
        if self.ask(on, &Occasion::by(Hook::Activate, who.as_ref())) {
            return Ok(());
        }
        let Some(object) = self.objects.get(on) else {
            return Ok(());
        };
        if let Some(gate) = object.gate.clone() {
            return self.travel(id, &gate, 0);
        }
        let Object {
            name, kind, status, ..
        } = object;
        let text = match object {
            it if it.item.is_some() && it.health.is_none() => format!("{name}: you can take it."),
            _ if status.is_empty() => format!("{name} ({kind})."),
            _ => format!("{name} ({kind}): {status}."),
        };
        self.tell(id, Happening::Told { text });
        Ok(())
    }

    fn take(&mut self, id: &ObjectId, what: &ObjectId) -> Result<(), String> {
        self.reach(id, what)?;
        let object = self.objects.get(what).filter(|it| it.health.is_none());
        let Some(item) = object.and_then(|it| it.item.clone()) else {
            return Err("That cannot be taken.".to_owned());
        };
        let Some((_, player)) = self.objects.player(id) else {
            return Ok(());
        };
        if player.sheet.inventory.len() >= bounds::MAX_INVENTORY {
            return Err("You cannot carry more: drop something.".to_owned());
        }
        if self.objects.remove(what).is_some()
            && let Some(player) = self.objects.player_mut(id)
        {
            player.sheet.inventory.push(item);
        }
        Ok(())
    }

    fn lay_down(&mut self, id: &ObjectId, item: &ObjectId) -> Result<(), String> {
        let (object, player) = self.objects.player(id).ok_or("You are not here.")?;
        let at = object.at;
        let carried = player.sheet.inventory.iter().position(|it| it.id == *item);
        let carried = carried.ok_or("You do not carry that.")?;
        if self.objects.len() >= bounds::MAX_OBJECTS || self.objects.get(item).is_some() {
            return Err("There is no room to drop it.".to_owned());
        }
        if let Some(player) = self.objects.player_mut(id) {
            let item = player.sheet.inventory.remove(carried);
            self.lay(item, at);
        }
        Ok(())
    }

    /// Has an item lie on the ground.
    pub(super) fn lay(&mut self, item: Item, at: Point) {
        let at = self.inside(at, ITEM_RADIUS);
        let mut object = Object::new(item.id.clone(), "item", &item.name, at, ITEM_RADIUS);
        object.item = Some(item);
        self.objects.insert(object);
    }

    /// Whether a player can touch an object.
    pub(super) fn reach(&self, id: &ObjectId, on: &ObjectId) -> Result<(), String> {
        let me = self.objects.get(id).ok_or("You are not here.")?;
        let object = self.objects.get(on).ok_or("There is no such thing here.")?;
        if !bounds::reaches(me.at, object) {
            return Err(format!("{} is too far away.", object.name));
        }
        Ok(())
    }

    fn use_item(
        &mut self,
        id: &ObjectId,
        item: &ObjectId,
        on: Option<&ObjectId>,
    ) -> Result<(), String> {
        let not_carried = "You do not carry that.";
        let item = self.carried(id, item).cloned().ok_or(not_carried)?;
        if let Some(on) = on {
            self.reach(id, on)?;
        }
        let whom = Whom::Item(id, &item);
        let who = self.objects.get(id).cloned();
        let other = on.and_then(|it| self.objects.get(it)).cloned();
        let occasion = Occasion {
            other: other.as_ref(),
            ..Occasion::by(Hook::Use, who.as_ref())
        };
        if self.ask_whom(whom, &occasion) || self.carried(id, &item.id).is_none() {
            return Ok(());
        }
        if item.kind == "sword" {
            return self.swing(id, on);
        }
        let text = format!("{}: nothing happens.", item.name);
        self.tell(id, Happening::Told { text });
        Ok(())
    }

    /// An item that a player carries.
    pub(super) fn carried(&self, id: &ObjectId, item: &ObjectId) -> Option<&Item> {
        let (_, player) = self.objects.player(id)?;
        player.sheet.inventory.iter().find(|it| it.id == *item)
    }
}
