//! Rainbow colours for all visible players (`docs/specifications/myth-metaserver.md`, section 18),
//! while a moderator is in the room.

use std::cmp::Reverse;

use super::{Member, Room, Turn, UserId};
use crate::aleph_one::{
    Rgb,
    sent::{List, Verb},
};

/// With fewer players than this, colours are as far apart as with this many.
const FEWEST: usize = 6;

impl Room {
    pub(super) fn toggle_rainbow(&mut self, turn: &mut Turn<'_>) {
        self.rainbow = !self.rainbow;
        self.paint(turn);
    }

    /// Updates everybody's colours after a change that affects them.
    pub(super) fn repaint(&mut self, turn: &mut Turn<'_>) {
        if self.rainbow {
            self.paint(turn);
        }
    }

    fn paint(&mut self, turn: &mut Turn<'_>) {
        let moderated = self.visible().any(Member::is_moderator);
        self.rainbow &= moderated;
        let mut order: Vec<_> = self.visible().map(Self::rank).collect();
        order.sort_unstable();
        let all = order.len().max(FEWEST);
        let mut changed = false;
        for (at, (.., user)) in order.into_iter().enumerate() {
            let colours = self.rainbow.then(|| (hue(at, all), hue(at + 1, all)));
            if let Some(member) = self.members.get_mut(&user) {
                let before = member.colours();
                member.painted = colours;
                changed |= before != member.colours();
            }
        }
        if changed {
            let mut list = List::players();
            for member in self.visible() {
                list.entry(&member.entry(|entry| entry.encode(Verb::Change)));
            }
            for frame in list.frames() {
                self.broadcast(&frame, turn);
            }
        }
    }

    /// The order of colours: flags descending, state descending, id ascending.
    fn rank(member: &Member) -> (Reverse<u16>, Reverse<bool>, UserId) {
        let id = member.profile.id;
        (Reverse(member.flags()), Reverse(member.is_away()), id)
    }
}

/// Returns the colour with hue `(at mod all)/all`, lightness 0.5 and saturation 1, truncated.
fn hue(at: usize, all: usize) -> Rgb {
    let hue = (at % all) as f64 / all as f64;
    let channel = |shift: f64| {
        let hue = (hue + shift).rem_euclid(1.0);
        let value = if hue < 1.0 / 6.0 {
            hue * 6.0
        } else if hue < 0.5 {
            1.0
        } else if hue < 2.0 / 3.0 {
            (2.0 / 3.0 - hue) * 6.0
        } else {
            0.0
        };
        (value * 65_535.0) as u16
    };
    Rgb([channel(1.0 / 3.0), channel(0.0), channel(-1.0 / 3.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python's `colorsys` gives these colours, truncated.
    #[test]
    fn rainbow_colours_are_exact() {
        let six = [
            [65_535, 0, 0],
            [65_534, 65_535, 0],
            [0, 65_535, 0],
            [0, 65_534, 65_535],
            [0, 0, 65_535],
            [65_535, 0, 65_534],
            [65_535, 0, 0],
        ];
        let seven = [
            [65_535, 0, 0],
            [65_535, 56_172, 0],
            [18_724, 65_535, 0],
            [0, 65_535, 37_448],
            [0, 37_448, 65_535],
            [18_724, 0, 65_535],
            [65_535, 0, 56_172],
        ];
        for (all, colours) in [(6, six), (7, seven)] {
            for (at, colour) in colours.into_iter().enumerate() {
                assert_eq!(hue(at, all), Rgb(colour), "{at} of {all}");
            }
        }
    }
}
