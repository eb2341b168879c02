use super::*;
use crate::{log::Words, messages::Scope, world::hooks::Gift};

fn egg() -> Gift {
    Gift {
        kind: "egg".into(),
        name: "An egg".into(),
        script: None,
    }
}

fn ann() -> ObjectId {
    id("@ann")
}

/// A meadow with Ann, where the hen wishes this when it is activated.
fn activated(script: Script) -> Play {
    let mut play = Play::scripted("hen", &Scripts::of(&[("test", script)]));
    play.enter("Ann");
    play.send("Ann", activate("hen"));
    play
}

/// That this wish is refused: nothing of the call is done, and the object sleeps.
fn is_refused(script: Script, why: &str) {
    let play = activated(script);
    assert_eq!(play.object("hen").failed.as_deref(), Some(why));
    let said = |it: &Happening| matches!(it, Happening::Said { .. });
    assert!(!play.told("Ann").iter().any(said), "{why}");
    assert!(play.inventory("Ann").is_empty());
}

macro_rules! on_activate {
    ($($wish:expr),* $(,)?) => {
        |call| match call.hook {
            Hook::Activate => done(vec![$($wish),*]),
            _ => Ok(None),
        }
    };
}

macro_rules! refused {
    ($wish:expr, $why:expr) => {
        is_refused(
            on_activate![Wish::Say("before".into()), Wish::Give(ann(), egg()), $wish],
            $why,
        );
    };
}

#[test]
fn a_script_speaks_and_rolls() {
    let play = activated(on_activate![Wish::Say("cluck".into()), Wish::Roll(6, 5)]);
    let said = Happening::Said {
        from: "Berta".into(),
        text: "cluck".into(),
    };
    let text = "Berta rolls 5 of 6.".to_owned();
    assert_eq!(play.told("Bob"), [said, Happening::Told { text }]);
}

#[test]
fn a_script_whispers_to_a_character_wherever_it_is() {
    let play = activated(on_activate![Wish::Whisper(name("Zoe"), "psst".into())]);
    let words = Words {
        scope: Scope::To(name("Zoe")),
        from: "Berta".into(),
        text: "psst".into(),
    };
    assert_eq!(play.last.unwrap().whispers, [(name("Zoe"), words)]);
}

#[test]
fn a_script_changes_its_object() {
    let mut play = activated(on_activate![
        Wish::Status("broods".into()),
        Wish::Kind("brood-hen".into()),
        Wish::Health(Some(4)),
        Wish::Body(Body::Fixed),
        Wish::Move(1.5, 0.0),
    ]);
    let hen = play.object("hen").clone();
    assert_eq!(
        (hen.status.as_str(), hen.kind.as_str()),
        ("broods", "brood-hen")
    );
    assert_eq!((hen.health, hen.body), (Some(4), Body::Fixed));
    play.rest();
    assert_eq!(play.object("hen").at, at(12.5, 11.0));
}

#[test]
fn a_script_never_walks_off_the_map() {
    let mut play = activated(on_activate![Wish::Move(0.0, 20.0)]);
    play.rest();
    assert_eq!(play.object("hen").at, at(11.0, 29.8));
    assert!(play.object("hen").failed.is_none());
}

#[test]
fn a_script_gives_items_that_there_were_not_before() {
    let mut play = activated(on_activate![
        Wish::Give(ann(), egg()),
        Wish::Give(ann(), egg())
    ]);
    play.send("Ann", activate("hen"));
    let ids: Vec<_> = play
        .inventory("Ann")
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    // The first one of the zone is the sword.
    let numbers = [2, 3, 4, 5].map(|it| format!("shared/meadow#{it}"));
    assert_eq!(ids, numbers);
    for _ in 0..20 {
        play.send("Ann", activate("hen"));
    }
    assert_eq!(play.inventory("Ann").len(), 32);
    let text = "You cannot carry more: An egg is not yours.".to_owned();
    assert!(play.told("Ann").contains(&Happening::Told { text }));
    assert!(
        play.object("hen").failed.is_none(),
        "it is not the script's fault"
    );
}

#[test]
fn a_script_lays_an_item_beside_its_object() {
    let play = activated(on_activate![Wish::Drop(egg())]);
    let egg = play.object("shared/meadow#2");
    assert_eq!((egg.at, egg.name.as_str()), (at(11.0, 11.0), "An egg"));
}

#[test]
fn a_script_sends_a_player_to_another_zone_or_another_place() {
    let play = activated(on_activate![Wish::Warp(ann(), gate("cellar", true))]);
    let travellers = &play.last.as_ref().unwrap().travellers;
    assert_eq!(travellers[0].to.to_string(), "solo/cellar/ann");
    let play = activated(on_activate![
        Wish::Place(ann(), at(30.0, 20.0)),
        Wish::Place(id("hen"), at(31.0, 20.0)),
    ]);
    assert_eq!(play.object("@ann").at, at(30.0, 20.0));
    assert_eq!(play.object("hen").at, at(31.0, 20.0));
}

#[test]
fn a_script_vanishes_after_all_that_it_wishes() {
    let play = activated(on_activate![Wish::Vanish, Wish::Give(ann(), egg())]);
    assert!(play.find("hen").is_none());
    assert_eq!(play.inventory("Ann").len(), 1);
}

/// A scroll is used up, and what else it brings comes along.
#[test]
fn a_player_goes_after_all_that_a_script_wishes() {
    let scripts = Scripts::of(&[("scroll", |_| {
        done(vec![
            Wish::Warp(ann(), gate("cellar", false)),
            Wish::Vanish,
            Wish::Give(ann(), egg()),
        ])
    })]);
    let mut map = meadow();
    map.objects[2].item.as_mut().unwrap().script = Some("scroll".parse().unwrap());
    let mut play = Play::with(map, Box::new(scripts));
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let scroll = play.inventory("Ann")[0].id.clone();
    play.send("Ann", use_on(&scroll, None));
    let traveller = &play.last.as_ref().unwrap().travellers[0];
    let carried = &traveller.arrival.sheet.inventory;
    let carried: Vec<_> = carried.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(carried, ["egg"]);

    // So it is if the object vanishes.
    let play = activated(on_activate![
        Wish::Vanish,
        Wish::Warp(ann(), gate("cellar", false)),
        Wish::Give(ann(), egg()),
    ]);
    assert!(play.find("hen").is_none());
    let traveller = &play.last.as_ref().unwrap().travellers[0];
    assert_eq!(traveller.arrival.sheet.inventory.len(), 1);
}

#[test]
fn wishes_for_who_is_not_there_are_none() {
    let play = activated(on_activate![
        Wish::Give(id("@bob"), egg()),
        Wish::Damage(id("@bob"), 3),
        Wish::Warp(id("@bob"), gate("cellar", false)),
        Wish::Place(id("@bob"), at(1.0, 1.0)),
        Wish::Give(id("dummy"), egg()),
        Wish::Warp(id("dummy"), gate("cellar", false)),
        Wish::Say("still here".into()),
    ]);
    assert!(play.object("hen").failed.is_none());
    assert_eq!(play.told("Ann").len(), 2);
    assert_eq!(play.last.as_ref().unwrap().travellers, []);
}

#[test]
fn wishes_beyond_the_limits_are_refused_with_all_of_their_call() {
    refused!(Wish::Say(String::new()), "say: These are no words.");
    refused!(
        Wish::Whisper(name("Ann"), "x".repeat(501)),
        "whisper: These are too many words: 500 bytes at most."
    );
    refused!(
        Wish::Status("x".repeat(61)),
        "status: These are too many words: 60 bytes at most."
    );
    refused!(Wish::Move(f64::NAN, 0.0), "move: That is no direction.");
    refused!(
        Wish::Move(0.0, 21.0),
        "move: That is too far: 20 m at most."
    );
    refused!(Wish::Roll(6, 7), "roll: no die of 6 sides shows 7");
    refused!(Wish::Roll(0, 0), "roll: no die of 0 sides shows 0");
    refused!(
        Wish::Drop(Gift {
            name: String::new(),
            ..egg()
        }),
        "drop: These are no words."
    );
    refused!(
        Wish::Give(
            ann(),
            Gift {
                kind: "x".repeat(41),
                ..egg()
            }
        ),
        "give: These are too many words: 40 bytes at most."
    );
    refused!(
        Wish::Warp(ann(), gate("attic", false)),
        "warp: there is no map attic"
    );
    refused!(
        Wish::Warp(
            ann(),
            Gate {
                at: at(f64::NAN, 0.0),
                ..gate("cellar", false)
            }
        ),
        "warp: that is no place"
    );
    refused!(
        Wish::Place(id("hen"), at(40.5, 3.0)),
        "place: that is not on the map"
    );
    refused!(
        Wish::Place(id("dummy"), at(1.0, 1.0)),
        "place: neither a player nor the object itself"
    );
    refused!(Wish::Health(Some(0)), "health: health is 1 or more");
    refused!(Wish::Kind("\n".into()), "kind: These are no words.");
}

#[test]
fn a_call_wishes_no_more_than_thirty_two_times() {
    let play = activated(|call| match call.hook {
        Hook::Activate => wishes(vec![Wish::Say("x".into()); 33]),
        _ => Ok(None),
    });
    assert_eq!(
        play.object("hen").failed.as_deref(),
        Some("more than 32 wishes")
    );
}

/// What a script remembers is read again by the next owner, whatever it is.
#[test]
fn a_memory_is_not_nested_deeper_than_can_be_read() {
    let scripts = Scripts::of(&[("russian-doll", |call| {
        let inner = call.me.memory.get("a").cloned().unwrap_or_default();
        let memory = serde_json::Map::from_iter([("a".to_owned(), vec![inner].into())]);
        Ok(Some(Answer {
            memory: Some(memory),
            ..Answer::default()
        }))
    })]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    // Once when it was made, and once when she came.
    for _ in 2..15 {
        play.send("Ann", activate("hen"));
    }
    let hen = play.object("hen");
    assert_eq!((hen.failed.as_deref(), hen.memory.len()), (None, 1));
    play.send("Ann", activate("hen"));
    let hen = play.object("hen");
    let why = "memory: lists and maps nested 16 deep at most";
    assert_eq!((hen.failed.as_deref(), hen.memory.len()), (Some(why), 1));
}

#[test]
fn an_object_does_not_remember_everything() {
    let play = activated(|call| {
        let memory = serde_json::Map::from_iter([("a".to_owned(), "x".repeat(9_000).into())]);
        Ok((call.hook == Hook::Activate).then(|| Answer {
            memory: Some(memory),
            ..Answer::default()
        }))
    });
    assert!(play.object("hen").failed.is_some());
    assert!(play.object("hen").memory.is_empty());
}

#[test]
fn what_a_script_says_is_not_heard_by_scripts() {
    let scripts = Scripts::of(&[("echo", |call| match call.hook {
        Hook::Say => wishes(vec![Wish::Say(call.text.to_owned())]),
        _ => Ok(None),
    })]);
    let mut map = meadow();
    map.objects[0].script = Some("echo".parse().unwrap());
    map.objects[1].script = Some("echo".parse().unwrap());
    let mut play = Play::with(map, Box::new(scripts));
    play.enter("Ann");
    play.send("Ann", say("hey"));
    let said = |it: &&Happening| matches!(it, Happening::Said { .. });
    assert_eq!(play.told("Ann").iter().filter(said).count(), 3);
}
