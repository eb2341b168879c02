//! Hits, and what comes of them.

use super::{World, bounds, hooks::Hook, scripts::Occasion};
use crate::{
    command::Happening,
    ids::ObjectId,
    object::{Object, Sheet},
};

/// The experience of having overcome something.
const EXPERIENCE: u32 = 5;

/// Nobody gets further.
const MAX_LEVEL: u32 = 100;

impl Sheet {
    /// The health that a character of this level wakes up with.
    #[must_use]
    pub fn full_health(&self) -> u32 {
        self.level.saturating_mul(2).saturating_add(8)
    }

    /// The experience that the next level needs.
    #[must_use]
    pub fn needed(&self) -> u32 {
        self.level.saturating_mul(10)
    }
}

impl World {
    /// A player swings a sword at something, or at what is nearest.
    pub(super) fn swing(&mut self, id: &ObjectId, on: Option<&ObjectId>) -> Result<(), String> {
        let (me, player) = self.objects.player(id).ok_or("You are not here.")?;
        let damage = player.sheet.strength.saturating_add(1);
        let target = match on {
            Some(on) => self.objects.get(on).filter(|it| can_be_hit(it)),
            None => {
                let within = |it: &&Object| can_be_hit(it) && bounds::reaches(me.at, it);
                let far = |it: &&Object| bounds::distance(me.at, it.at);
                let hit = self.objects.iter().filter(within);
                hit.min_by(|one, other| far(one).total_cmp(&far(other)))
            }
        };
        let Some(target) = target else {
            return Err("There is nothing that you can hit.".to_owned());
        };
        let (target, text) = (target.id.clone(), format!("You hit {}.", target.name));
        self.tell(id, Happening::Told { text });
        self.hit(&target, damage, Some(id), 0);
        Ok(())
    }

    /// Something is hit, or a player.
    pub(super) fn hit(&mut self, id: &ObjectId, damage: u32, by: Option<&ObjectId>, depth: u32) {
        if self.objects.player(id).is_some() {
            return self.hurt(id, damage);
        }
        let who = by.and_then(|it| self.objects.get(it)).cloned();
        let occasion = |hook| Occasion {
            amount: i64::from(damage),
            depth,
            ..Occasion::by(hook, who.as_ref())
        };
        if !self.objects.get(id).is_some_and(can_be_hit) || self.ask(id, &occasion(Hook::Hit)) {
            return;
        }
        let object = self.objects.get_mut(id).filter(|it| can_be_hit(it));
        let Some(health) = object.and_then(|it| it.health.as_mut()) else {
            return;
        };
        *health = health.saturating_sub(damage);
        if *health > 0 || self.ask(id, &occasion(Hook::Death)) {
            return;
        }
        if let Some(object) = self.objects.remove(id) {
            self.unsettle();
            if let Some(item) = object.item {
                self.lay(item, object.at);
            }
        }
        if let Some(by) = by {
            self.learn(by, EXPERIENCE, depth);
        }
    }

    /// A player is hit. Without health it wakes up at the map's start, and loses nothing.
    fn hurt(&mut self, id: &ObjectId, damage: u32) {
        let Some(player) = self.objects.player_mut(id) else {
            return;
        };
        player.sheet.health = player.sheet.health.saturating_sub(damage);
        if player.sheet.health > 0 {
            return;
        }
        player.sheet.health = player.sheet.full_health();
        let text = "You faint, and wake up where everybody comes in.".to_owned();
        self.tell(id, Happening::Told { text });
        self.place(id, self.map.start);
    }

    /// A player gets experience, and with it levels.
    pub(super) fn learn(&mut self, id: &ObjectId, experience: u32, depth: u32) {
        let Some(player) = self.objects.player_mut(id) else {
            return;
        };
        let sheet = &mut player.sheet;
        let before = sheet.level;
        sheet.experience = sheet.experience.saturating_add(experience);
        while sheet.experience >= sheet.needed() && sheet.level < MAX_LEVEL {
            sheet.experience -= sheet.needed();
            sheet.level += 1;
            sheet.strength = sheet.strength.saturating_add(1);
            sheet.health = sheet.full_health();
        }
        let level = sheet.level;
        if level == before {
            return;
        }
        let Some(who) = self.objects.get(id).cloned() else {
            return;
        };
        let text = format!("{} has reached level {level}.", who.name);
        self.tell_all(Happening::Told { text });
        let occasion = Occasion {
            amount: i64::from(level),
            depth,
            ..Occasion::by(Hook::Level, Some(&who))
        };
        self.ask_everything(&occasion);
    }
}

/// Whether it has health left. Players are not hit by players.
fn can_be_hit(object: &Object) -> bool {
    object.health.is_some_and(|it| it > 0)
}
