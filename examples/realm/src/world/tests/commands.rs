use super::*;

#[test]
fn a_player_walks_at_three_metres_a_second_and_is_told_when_it_has_arrived() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.rest();
    let from = play.object("@ann").at;
    assert_eq!(
        play.send("Ann", walk(3.0, 0.0)),
        [Happening::Done { seq: 1 }]
    );
    for _ in 0..9 {
        play.step(vec![]);
    }
    assert_eq!(play.object("@ann").at, at(from.x + 1.5, from.y));
    play.rest();
    assert_eq!(play.object("@ann").at, at(from.x + 3.0, from.y));
    assert_eq!(play.told("Ann"), [Happening::Stopped { by: None }]);
    assert!(play.step(vec![]).is_none(), "nothing more has changed");
}

#[test]
fn a_new_walk_takes_the_place_of_the_present_one_and_none_ends_it() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let from = play.object("@ann").at;
    play.send("Ann", walk(10.0, 0.0));
    play.send("Ann", walk(0.0, 1.5));
    play.rest();
    assert_eq!(play.object("@ann").at, at(from.x + 0.15, from.y + 1.5));
    play.send("Ann", walk(10.0, 0.0));
    let told = play.send("Ann", walk(0.0, 0.0));
    assert_eq!(told[0], Happening::Stopped { by: None });
    assert!(play.world.is_still());
}

#[test]
fn a_player_stops_at_the_edge_of_the_map() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", walk(-20.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at.x, 0.3);
    let by = Some("the edge of the map".to_owned());
    assert_eq!(play.told("Ann"), [Happening::Stopped { by }]);
}

#[test]
fn walks_that_are_none_are_refused() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let from = play.object("@ann").at;
    for (dx, dy) in [
        (f64::NAN, 0.0),
        (0.0, f64::INFINITY),
        (f64::NEG_INFINITY, f64::NAN),
    ] {
        let why = play.refused("Ann", walk(dx, dy));
        assert_eq!(why, "That is no direction.");
    }
    for (dx, dy) in [(20.001, 0.0), (15.0, -15.0), (1e308, 1e308)] {
        let why = play.refused("Ann", walk(dx, dy));
        assert_eq!(why, "That is too far: 20 m at most.");
    }
    play.rest();
    assert_eq!(play.object("@ann").at, from);
}

#[test]
fn what_is_said_is_heard_by_everybody_in_the_zone() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.enter("Bob");
    play.send("Ann", say("Hello, who is there?"));
    let said = Happening::Said {
        from: "Ann".into(),
        text: "Hello, who is there?".into(),
    };
    assert_eq!(play.told("Bob"), [said]);
}

#[test]
fn words_are_neither_none_nor_too_many_nor_control_characters() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    for (text, why) in [
        (String::new(), "These are no words."),
        ("  ".into(), "These are no words."),
        ("a\nb".into(), "These words have control characters."),
        ("\u{1b}[2J".into(), "These words have control characters."),
        (
            "x".repeat(501),
            "These are too many words: 500 bytes at most.",
        ),
        (
            "\u{e9}".repeat(251),
            "These are too many words: 500 bytes at most.",
        ),
    ] {
        assert_eq!(play.refused("Ann", say(&text)), why);
    }
    assert_eq!(play.send("Ann", say(&"x".repeat(500))).len(), 2);
}

#[test]
fn a_status_is_shown_below_the_name() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let status = |text: &str| Action::Status { text: text.into() };
    play.send("Ann", status("back soon"));
    let seen = &play.last.as_ref().unwrap().output.changed;
    assert_eq!(seen[0].status, "back soon");
    play.send("Ann", status(""));
    assert_eq!(play.object("@ann").status, "");
    let why = play.refused("Ann", status(&"x".repeat(61)));
    assert_eq!(why, "These are too many words: 60 bytes at most.");
    let why = play.refused("Ann", status("\u{7}"));
    assert_eq!(why, "These words have control characters.");
}

#[test]
fn whatever_has_no_script_says_what_it_is() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let told = |play: &mut Play, what| match &play.send("Ann", activate(what))[0] {
        Happening::Told { text } => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&mut play, "hen"), "Berta (hen).");
    assert_eq!(told(&mut play, "sword"), "Old sword: you can take it.");
    assert_eq!(told(&mut play, "@ann"), "Ann (player).");
    play.send(
        "Ann",
        Action::Status {
            text: "tired".into(),
        },
    );
    assert_eq!(told(&mut play, "@ann"), "Ann (player): tired.");
}

#[test]
fn only_what_is_within_reach_can_be_touched() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let sword = play.inventory("Ann")[0].id.clone();
    play.send("Ann", walk(8.0, 0.0));
    play.rest();
    for action in [activate("hen"), take("hen"), use_on(&sword, Some("hen"))] {
        assert_eq!(play.refused("Ann", action), "Berta is too far away.");
    }
    assert_eq!(
        play.refused("Ann", activate("gate")),
        "Gate is too far away."
    );
    for action in [activate("elf"), take("elf"), use_on(&sword, Some("elf"))] {
        assert_eq!(play.refused("Ann", action), "There is no such thing here.");
    }
}

#[test]
fn an_item_is_taken_and_laid_down() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let told = play.send("Ann", take("sword"));
    assert!(play.find("sword").is_none());
    let sword = play.inventory("Ann")[0].clone();
    assert_eq!(sword.id, id("shared/meadow#1"));
    assert_eq!(told[0], Happening::Sheet(play.player("Ann").sheet.clone()));

    play.send("Ann", walk(3.0, 3.0));
    play.rest();
    play.send("Ann", lay_down(&sword.id));
    assert!(play.inventory("Ann").is_empty());
    let object = play.object("shared/meadow#1");
    assert_eq!(object.item, Some(sword));
    assert_eq!(object.at, play.object("@ann").at);

    play.enter("Bob");
    let why = play.refused("Bob", take("shared/meadow#1"));
    assert_eq!(why, "Old sword is too far away.");
    play.send("Ann", take("shared/meadow#1"));
    assert_eq!(play.inventory("Ann").len(), 1);
}

#[test]
fn nobody_takes_what_cannot_be_taken_or_uses_what_is_not_theirs() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.enter("Bob");
    for what in ["hen", "gate", "dummy", "@bob", "@ann"] {
        assert_eq!(play.refused("Ann", take(what)), "That cannot be taken.");
    }
    play.send("Ann", take("sword"));
    assert_eq!(
        play.refused("Bob", take("sword")),
        "There is no such thing here."
    );
    let sword = play.inventory("Ann")[0].id.clone();
    for action in [lay_down(&sword), use_on(&sword, None)] {
        assert_eq!(play.refused("Bob", action), "You do not carry that.");
    }
}

#[test]
fn nobody_carries_more_than_thirty_two_things() {
    let mut eggs = Vec::new();
    for number in 0..33 {
        let mut egg = thing(&format!("egg-{number}"), 10.0, 10.0, 0.1, Body::None);
        egg.item = Some(Item {
            id: egg.id.clone(),
            kind: "egg".into(),
            name: "Egg".into(),
            script: None,
        });
        eggs.push(egg);
    }
    let mut play = Play::new(map_of(20.0, 20.0, eggs));
    play.enter("Ann");
    for number in 0..32 {
        play.send("Ann", take(&format!("egg-{number}")));
    }
    assert_eq!(play.inventory("Ann").len(), 32);
    let why = play.refused("Ann", take("egg-32"));
    assert_eq!(why, "You cannot carry more: drop something.");
    assert!(play.find("egg-32").is_some());
}

#[test]
fn a_command_that_is_repeated_is_done_once() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let hello = command("Ann", 5, say("once"));
    play.step(vec![hello.clone(), hello.clone()]);
    let said = |play: &Play| {
        let told = play.told("Ann");
        told.iter()
            .filter(|it| matches!(it, Happening::Said { .. }))
            .count()
    };
    assert_eq!(said(&play), 1);
    play.step(vec![hello, command("Ann", 4, say("late"))]);
    assert_eq!(said(&play), 0);
    assert_eq!(play.player("Ann").seq, 5);
    // The input was read all the same.
    assert_eq!(play.stored.cursor, Cursor(5, 0));
}

#[test]
fn the_last_command_that_was_done_is_told() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.step(vec![
        command("Ann", 1, say("one")),
        command("Ann", 2, walk(f64::NAN, 0.0)),
    ]);
    let told = play.told("Ann");
    assert_eq!(told.last(), Some(&Happening::Done { seq: 2 }));
    assert_eq!(told.len(), 3);
}

#[test]
fn input_that_was_read_before_is_not_read_again() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let inputs = vec![(Cursor(1, 0), command("Ann", 1, say("again")))];
    assert_eq!(play.world.step(inputs, play.now), None);
}
