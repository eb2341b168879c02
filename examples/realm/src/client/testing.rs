//! What a player sees, made up for tests.

use super::State;
use crate::object::{Place, Seen};

/// Something to be seen.
pub(crate) fn seen(id: &str, kind: &str, name: &str, x: f64, y: f64) -> Seen {
    Seen {
        id: id.parse().unwrap(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        x,
        y,
        radius: 0.3,
        status: String::new(),
        health: None,
        level: None,
    }
}

/// What Ann sees in a zone of this size.
pub(crate) fn state(objects: impl IntoIterator<Item = Seen>, width: f64, height: f64) -> State {
    let mut state = State::new("Ann".parse().unwrap());
    state.zone = Some("shared/meadow".parse().unwrap());
    let objects = objects.into_iter().map(|it| (it.id.clone(), it));
    state.objects = objects.collect();
    state.place = Some(Place {
        title: "A Meadow".to_owned(),
        ground: "grass".to_owned(),
        width,
        height,
    });
    state
}
