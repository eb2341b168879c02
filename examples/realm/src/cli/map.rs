//! The map that the prompt draws. Pure.

use crate::{
    client::State,
    object::{Place, Seen},
};
use std::collections::BTreeMap;

/// The widest map, in letters and in metres: what fits on a terminal of 80 columns.
const WIDE: f64 = 72.0;

/// The highest map, in metres: two for each line.
const HIGH: f64 = 44.0;

/// The mark of the own character.
const ME: char = '@';

/// What is around the character, with a legend.
pub(super) fn draw(state: &State) -> String {
    let Some(me) = state.me() else {
        return "you are nowhere".to_owned();
    };
    let all = Place {
        title: String::new(),
        ground: String::new(),
        width: WIDE,
        height: HIGH,
    };
    let place = state.place.as_ref().unwrap_or(&all);
    let (left, width) = window(me.x, place.width, WIDE);
    let (top, height) = window(me.y, place.height, HIGH);
    let (columns, lines) = (cell(width.ceil()), cell((height / 2.0).ceil()));
    let mut rows = vec![vec!['.'; columns]; lines];
    let mut marks: BTreeMap<char, Vec<&str>> = BTreeMap::new();
    // The own character last, so that nothing hides it.
    let others = state.objects.values().filter(|it| it.id != me.id);
    for seen in others.chain([me]) {
        let (column, line) = (seen.x - left, (seen.y - top) / 2.0);
        if column < 0.0 || line < 0.0 {
            continue;
        }
        let spot = rows
            .get_mut(cell(line))
            .and_then(|it| it.get_mut(cell(column)));
        if let Some(spot) = spot {
            let mark = if seen.id == me.id { ME } else { mark(seen) };
            *spot = mark;
            let names = marks.entry(mark).or_default();
            let name = if mark == ME {
                "you"
            } else {
                seen.name.as_str()
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        text.extend(row);
        text.push('\n');
    }
    let legend = marks
        .iter()
        .map(|(mark, names)| format!("{mark} {}", some(names)));
    text + legend.collect::<Vec<_>>().join("   ").as_str()
}

/// The mark of something: the first letter of its kind, a capital letter for players.
fn mark(seen: &Seen) -> char {
    let first = |text: &str| text.chars().next().filter(char::is_ascii_alphanumeric);
    match seen.kind.as_str() {
        "player" => first(&seen.name).unwrap_or('P').to_ascii_uppercase(),
        "gate" => '>',
        "item" => '*',
        kind => first(kind).unwrap_or('?').to_ascii_lowercase(),
    }
}

fn some(names: &[&str]) -> String {
    let (shown, rest) = names.split_at(names.len().min(4));
    match rest.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Where the map begins, and how far it reaches: all of the zone if it fits.
fn window(at: f64, size: f64, most: f64) -> (f64, f64) {
    match size <= most {
        true => (0.0, size.max(1.0)),
        false => ((at - most / 2.0).clamp(0.0, size - most), most),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of a letter or a line is small, and not negative"
)]
fn cell(at: f64) -> usize {
    at.clamp(0.0, 1e6) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{seen, state};

    #[test]
    fn a_small_zone_is_drawn_as_a_whole_with_a_legend() {
        let mut state = state(
            [
                seen("@ann", "player", "Ann", 1.5, 0.5),
                seen("@bob", "player", "Bob", 3.5, 2.5),
                seen("hen-1", "hen", "Berta", 0.5, 4.5),
                seen("hen-2", "hen", "Tilda", 4.5, 4.5),
                seen("gate", "gate", "a gate", 4.5, 0.5),
            ],
            6.0,
            6.0,
        );
        assert_eq!(
            draw(&state),
            ".@..>.\n\
             ...B..\n\
             h...h.\n\
             > a gate   @ you   B Bob   h Berta, Tilda"
        );
        state.objects.clear();
        assert_eq!(draw(&state), "you are nowhere");
    }

    #[test]
    fn a_large_zone_is_drawn_around_the_character() {
        let state = state(
            [
                seen("@ann", "player", "Ann", 500.5, 500.5),
                seen("hen-1", "hen", "Berta", 502.5, 500.5),
                seen("far", "hen", "Tilda", 700.0, 500.0),
            ],
            1_000.0,
            1_000.0,
        );
        let drawn = draw(&state);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines.len(), 23);
        assert!(lines[..22].iter().all(|it| it.len() == 72), "{drawn}");
        assert!(lines[11][36..].starts_with("@.h"), "{drawn}");
        assert_eq!(lines[22], "@ you   h Berta");
    }
}
