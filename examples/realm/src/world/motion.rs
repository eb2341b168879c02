//! Walks, and what settles.

use super::{
    World, bounds,
    physics::{self, Physics, Solid, Stop},
};
use crate::{
    command::Happening,
    object::{Body, Millis, Point},
};

/// After so many steps, 20 s, things stay where they are even if they still overlap.
const MAX_SETTLING: u32 = 400;

impl World {
    /// Something has changed that stands in the way.
    pub(super) fn unsettle(&mut self) {
        self.restless = true;
        self.settling = 0;
    }

    /// Has everything walk and settle for so many milliseconds.
    pub(super) fn move_on(&mut self, elapsed: Millis) {
        let has_physics = self.physics == Physics::On;
        self.restless &= has_physics;
        let walks = self.objects.iter().any(|it| it.walk.is_some());
        if elapsed == 0 || !(walks || self.restless) {
            return;
        }
        let solids = self.objects.iter().filter_map(|it| {
            let body = if has_physics { it.body } else { Body::None };
            let solid = Solid {
                at: it.at,
                radius: it.radius,
                body,
                walk: it.walk,
            };
            (body != Body::None || it.walk.is_some()).then_some((it.id.clone(), solid))
        });
        let (ids, solids): (Vec<_>, Vec<_>) = solids.unzip();
        let size = (self.map.width, self.map.height);
        let moved = physics::advance(&solids, size, elapsed, self.restless);
        let mut is_moved = false;
        for ((id, solid), moved) in ids.iter().zip(&solids).zip(&moved) {
            is_moved |= solid.walk.is_none() && moved.at != solid.at;
            if moved.at != solid.at
                && let Some(object) = self.objects.get_mut(id)
            {
                object.at = moved.at;
            }
            let Some(walk) = solid.walk else { continue };
            let left = bounds::rounded(Point {
                x: solid.at.x + walk.x - moved.at.x,
                y: solid.at.y + walk.y - moved.at.y,
            });
            let goes_on = left != Point::default() && moved.stopped.is_none();
            if let Some(object) = self.objects.get_mut(id) {
                object.walk = goes_on.then_some(left);
            }
            if goes_on {
                continue;
            }
            let by = match moved.stopped {
                Some(Stop::Edge) => Some("the edge of the map".to_owned()),
                Some(Stop::Solid(by)) => self.objects.get(&ids[by]).map(|it| it.name.clone()),
                None => None,
            };
            self.tell(id, Happening::Stopped { by });
        }
        self.settling += 1;
        self.restless = is_moved && self.settling < MAX_SETTLING;
    }
}
