//! Which thing a player means. Pure.

use crate::{
    client::State,
    object::{Item, Seen},
    world::{MAX_WALK, REACH},
};

/// How many names are suggested.
const SUGGESTED: usize = 5;

/// The metres between the character and something.
pub(super) fn distance(me: Option<&Seen>, it: &Seen) -> f64 {
    me.map_or(0.0, |me| (it.x - me.x).hypot(it.y - me.y))
}

/// How far to walk, east and south, to stand beside something that is out of reach. `None` if it is
/// in reach. A far way takes several walks.
pub(super) fn walk_to(me: &Seen, it: &Seen) -> Option<(f64, f64)> {
    let far = distance(Some(me), it);
    let reach = it.radius + REACH;
    // Clearly within reach, and not against what it is.
    let length = (far - reach + REACH / 2.0).min(MAX_WALK - 0.01);
    let part = length / far;
    (far > reach).then_some(((it.x - me.x) * part, (it.y - me.y) * part))
}

/// All that is around the character but itself, the nearest first.
pub(super) fn around(state: &State) -> Vec<&Seen> {
    let me = state.me();
    let mine = me.map(|it| &it.id);
    let mut all: Vec<_> = state
        .objects
        .values()
        .filter(|it| Some(&it.id) != mine)
        .collect();
    all.sort_by(|a, b| distance(me, a).total_cmp(&distance(me, b)));
    all
}

/// What is called so: by id, name or kind, or by how the name begins; of several, the nearest.
pub(super) fn find<'a>(state: &'a State, word: &str) -> Result<&'a Seen, String> {
    let around = around(state);
    let me = state.me().filter(|_| word.eq_ignore_ascii_case("me"));
    let is = |text: &str| text.eq_ignore_ascii_case(word);
    let found = me
        .or_else(|| around.iter().copied().find(|it| it.id.as_str() == word))
        .or_else(|| around.iter().copied().find(|it| is(&it.name)))
        .or_else(|| around.iter().copied().find(|it| is(&it.kind)))
        .or_else(|| around.iter().copied().find(|it| begins(&it.name, word)));
    found.ok_or_else(|| {
        let names = around.iter().map(|it| it.name.as_str());
        unknown("nothing here is called", word, names)
    })
}

/// What the character carries and is called so.
pub(super) fn carried<'a>(state: &'a State, word: &str) -> Result<&'a Item, String> {
    let all = &state.sheet.inventory;
    let is = |text: &str| text.eq_ignore_ascii_case(word);
    let found = all
        .iter()
        .find(|it| it.id.as_str() == word)
        .or_else(|| all.iter().find(|it| is(&it.name)))
        .or_else(|| all.iter().find(|it| is(&it.kind)))
        .or_else(|| all.iter().find(|it| begins(&it.name, word)));
    found.ok_or_else(|| {
        let names = all.iter().map(|it| it.name.as_str());
        unknown("you carry nothing that is called", word, names)
    })
}

fn begins(name: &str, word: &str) -> bool {
    let start = name.get(..word.len());
    start.is_some_and(|it| it.eq_ignore_ascii_case(word))
}

fn unknown<'a>(what: &str, word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut suggested: Vec<&str> = Vec::new();
    for name in names {
        if !suggested.contains(&name) && suggested.len() < SUGGESTED {
            suggested.push(name);
        }
    }
    match suggested.is_empty() {
        true => format!("{what} {word}"),
        false => format!("{what} {word}: there is {}", suggested.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{seen, state};

    #[test]
    fn the_nearest_thing_of_that_name_is_meant() {
        let state = state(
            [
                seen("@ann", "player", "Ann", 10.0, 10.0),
                seen("hen-1", "hen", "Berta", 20.0, 10.0),
                seen("hen-2", "hen", "Tilda", 12.0, 10.0),
                seen("egg", "item", "brown egg", 11.0, 10.0),
            ],
            60.0,
            40.0,
        );
        for (word, id) in [
            ("hen", "hen-2"),
            ("berta", "hen-1"),
            ("hen-1", "hen-1"),
            ("BROWN", "egg"),
            ("me", "@ann"),
        ] {
            assert_eq!(find(&state, word).unwrap().id.as_str(), id, "{word}");
        }
        let error = find(&state, "cow").unwrap_err();
        let expected = "nothing here is called cow: there is brown egg, Tilda, Berta";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_walk_to_a_thing_ends_beside_it() {
        let me = seen("@ann", "player", "Ann", 10.0, 10.0);
        let walk = |x, y| walk_to(&me, &seen("hen", "hen", "Berta", x, y));
        assert_eq!(walk(12.2, 10.0), None, "less than 2 m from its edge");
        let (dx, dy) = walk(10.0, 15.3).unwrap();
        assert!(dx.abs() < 1e-9 && (dy - 4.0).abs() < 1e-9, "{dx} {dy}");
        let (dx, dy) = walk(50.0, 40.0).unwrap();
        assert!(dx.hypot(dy) < MAX_WALK && dx.hypot(dy) > 19.0, "{dx} {dy}");
    }

    #[test]
    fn what_is_carried_is_found_in_the_inventory_only() {
        let mut state = state([seen("egg", "item", "brown egg", 1.0, 1.0)], 60.0, 40.0);
        assert!(carried(&state, "egg").is_err());
        state.sheet.inventory.push(Item {
            id: "shared/meadow#7".parse().unwrap(),
            kind: "egg".to_owned(),
            name: "white egg".to_owned(),
            script: None,
        });
        assert_eq!(carried(&state, "egg").unwrap().name, "white egg");
    }
}
