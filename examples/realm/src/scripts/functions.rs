//! The functions of a script that are called: one for each hook.

use super::thing::Thing;
use crate::{
    object::Object,
    world::hooks::{Call, Hook},
};
use rhai::Dynamic;

/// A hook, its function, and what that is given after `me`.
pub(super) const FUNCTIONS: [(Hook, &str, &[&str]); 11] = [
    (Hook::Create, "on_create", &[]),
    (Hook::Tick, "on_tick", &[]),
    (Hook::Activate, "on_activate", &["player"]),
    (Hook::Enter, "on_enter", &["player"]),
    (Hook::Leave, "on_leave", &["player"]),
    (Hook::Move, "on_move", &["player"]),
    (Hook::Say, "on_say", &["player", "text"]),
    (Hook::Use, "on_use", &["player", "target"]),
    (Hook::Hit, "on_hit", &["attacker", "damage"]),
    (Hook::Death, "on_death", &["killer"]),
    (Hook::Level, "on_level", &["player", "level"]),
];

/// The function of this hook.
fn function(hook: Hook) -> (&'static str, &'static [&'static str]) {
    let found = FUNCTIONS.iter().find(|it| it.0 == hook);
    let &(_, name, parameters) = found.unwrap_or(&FUNCTIONS[0]);
    (name, parameters)
}

/// The function that a call is for, and what it is given.
pub(super) fn arguments(call: &Call<'_>) -> (&'static str, Vec<Dynamic>) {
    let (name, parameters) = function(call.hook);
    let thing =
        |object: Option<&Object>| object.map_or(Dynamic::UNIT, |it| Dynamic::from(Thing::of(it)));
    let mut arguments = vec![Dynamic::from(Thing::of(call.me))];
    arguments.extend(parameters.iter().map(|&parameter| match parameter {
        "text" => call.text.into(),
        "damage" | "level" => call.amount.into(),
        "target" => thing(call.other),
        _ => thing(call.actor.or(call.other)),
    }));
    (name, arguments)
}
