//! SCRIPTS.md says what the code does.

use super::*;
use crate::scripts::helpers::Helpers;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../SCRIPTS.md");

/// The cells of the table below this heading.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE
        .split("\n## ")
        .find(|it| it.starts_with(heading))
        .unwrap();
    let lines = section.lines().filter(|it| it.starts_with("| ")).skip(2);
    lines
        .map(|it| it.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn helpers() -> Vec<Vec<&'static str>> {
    [
        table("What a script can do"),
        table("What a script can ask"),
    ]
    .concat()
}

#[test]
fn the_page_lists_all_hooks_with_their_parameters() {
    let listed: Vec<_> = table("Hooks")
        .iter()
        .map(|it| code(it[0]).to_owned())
        .collect();
    let called: Vec<_> = functions::FUNCTIONS
        .map(|(_, name, parameters)| {
            format!("{name}({})", [&["me"], parameters].concat().join(", "))
        })
        .into();
    assert_eq!(listed, called);
}

#[test]
fn the_page_lists_all_helpers() {
    let listed: BTreeSet<_> = helpers()
        .iter()
        .map(|it| code(it[0]).split('(').next().unwrap())
        .collect();
    let registered = Helpers::new(&Arc::default(), &Arc::default()).names;
    assert_eq!(listed, registered);
}

#[test]
fn each_example_of_the_page_works() {
    for row in helpers() {
        let (signature, example) = (code(row[0]), code(row[2]));
        let helper = signature.split('(').next().unwrap();
        assert!(example.contains(&format!("{helper}(")), "{example}");
        let parameters = |call: &str| call.split(helper).nth(1).unwrap().matches(", ").count();
        assert!(parameters(example) >= parameters(signature), "{example}");
        let answer = run(&format!("let it = {example}; it == () || it")).unwrap();
        assert!(answer.done, "{example} is not true");
        let is_question = table("What a script can ask").contains(&row);
        assert_eq!(answer.wishes.len(), usize::from(!is_question), "{example}");
    }
}

#[test]
fn the_script_at_the_top_of_the_page_works() {
    let script = PAGE
        .split("```")
        .nth(1)
        .unwrap()
        .strip_prefix("rhai")
        .unwrap();
    let folder = Folder::with(&[("it", script)]);
    let mut hooks = folder.content().hooks().unwrap();
    let mut me = hen();
    for rung in 1..=10 {
        let answer = call(&mut *hooks, Hook::Activate, &me).unwrap().unwrap();
        assert_eq!(says(&answer), [format!("Ding! That was number {rung}.")]);
        assert!(answer.done);
        assert!(answer.wishes.contains(&Wish::WakeIn(2000)));
        let gives = answer.wishes.iter().any(|it| matches!(it, Wish::Give(..)));
        assert_eq!(gives, rung == 10);
        me.memory = answer.memory.unwrap();
    }
    let answer = call(&mut *hooks, Hook::Tick, &me).unwrap().unwrap();
    assert_eq!(says(&answer), ["The bell is silent again."]);
}

#[test]
fn the_page_says_the_limits() {
    for limit in [
        "100,000, and half a second",
        "16 deep",
        "2,048 bytes",
        "128 elements",
        &format!("nested up to {} deep", crate::world::MAX_MEMORY_DEPTH),
        &format!("| {} |", crate::world::MAX_WISHES),
        "256 KiB",
        &format!("up to {} KiB as JSON", crate::world::MAX_MEMORY / 1024),
    ] {
        assert!(PAGE.contains(limit), "{limit}");
    }
}
