use super::*;

#[test]
fn a_new_character_begins_where_the_map_says_and_others_beside_it() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    assert_eq!(play.object("@ann").at, at(10.0, 10.0));
    play.enter("Bob");
    let bob = play.object("@bob").at;
    let apart = super::super::bounds::distance(bob, at(10.0, 10.0));
    assert!((0.6..2.0).contains(&apart), "{bob:?}");
    assert_eq!(play.world.players().count(), 2);
}

#[test]
fn nobody_comes_in_within_something_or_outside_the_map() {
    let mut play = Play::new(meadow());
    for (who, x, y) in [
        ("Ann", 9.0, 9.0),
        ("Bob", -50.0, 1e9),
        ("Cid", f64::NAN, 3.0),
        ("Dot", f64::INFINITY, f64::NEG_INFINITY),
    ] {
        let there = Some(at(x, y));
        play.arrive(
            who,
            Arrival {
                at: there,
                ..arrival()
            },
        );
    }
    let ann = play.object("@ann").at;
    assert!(
        super::super::bounds::distance(ann, at(9.0, 9.0)) >= 0.8,
        "{ann:?}"
    );
    for who in ["@bob", "@cid", "@dot"] {
        let there = play.object(who).at;
        assert!((0.3..=39.7).contains(&there.x), "{there:?}");
        assert!((0.3..=29.7).contains(&there.y), "{there:?}");
    }
}

#[test]
fn who_leaves_is_handed_over_with_everything() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let sheet = play.player("Ann").sheet.clone();
    play.step(vec![command("Ann", 0, Action::Leave)]);
    assert!(play.find("@ann").is_none());
    assert_eq!(play.told("Ann"), [Happening::Left]);
    let [leaver] = play.last.as_ref().unwrap().leavers.as_slice() else {
        panic!("one leaves");
    };
    assert_eq!(leaver.character, name("Ann"));
    assert_eq!(leaver.arrival.at, Some(at(10.0, 10.0)));
    assert_eq!(leaver.arrival.sheet.inventory, sheet.inventory);
    assert!(leaver.arrival.sheet.rev > sheet.rev);

    play.arrive("Ann", leaver.arrival.clone());
    assert_eq!(play.inventory("Ann").len(), 1);
}

#[test]
fn a_player_whose_session_ended_elsewhere_leaves_in_the_next_step() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.world.leave(&name("ANN"));
    play.world.leave(&name("Nobody"));
    assert!(!play.world.is_still());
    let commit = play.step(vec![]).unwrap();
    assert_eq!(commit.leavers.len(), 1);
    assert_eq!(play.world.players().count(), 0);
}

/// Its commands were acknowledged: they are done before.
#[test]
fn who_is_put_out_has_done_all_commands_of_that_batch() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.world.leave(&name("Ann"));
    let commit = play.step(vec![command("Ann", 1, take("sword"))]).unwrap();
    let [leaver] = commit.leavers.as_slice() else {
        panic!("one leaves");
    };
    assert_eq!(leaver.arrival.sheet.inventory.len(), 1);
}

#[test]
fn who_comes_in_again_is_not_put_out() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.world.leave(&name("Ann"));
    play.enter("Ann");
    play.step(vec![]);
    assert!(play.find("@ann").is_some());
}

#[test]
fn who_leaves_and_comes_back_in_one_batch_is_as_before() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", take("sword"));
    play.send("Ann", walk(2.0, 0.0));
    play.rest();
    // Whoever sends it back cannot know what it has become.
    let commit = play.step(vec![
        command("Ann", 0, Action::Leave),
        command("Ann", 0, Action::Enter(arrival())),
    ]);
    assert_eq!(commit.unwrap().leavers, []);
    assert_eq!(play.inventory("Ann").len(), 1);
    assert_eq!(play.object("@ann").at, at(12.0, 10.0));
}

#[test]
fn a_second_enter_of_the_same_session_changes_nothing() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let before = play.object("@ann").clone();
    play.enter("Ann");
    assert_eq!(play.object("@ann"), &before);
}

#[test]
fn commands_of_another_session_are_not_done() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", say("one"));
    let another = |seq, action| Command {
        session: "another-session-of-ann".parse().unwrap(),
        ..command("Ann", seq, action)
    };
    play.step(vec![another(7, say("two")), another(0, Action::Leave)]);
    assert_eq!(play.told("Ann"), []);
    assert_eq!(play.player("Ann").seq, 1);

    // It comes in, and begins to count anew: the first one is out.
    play.step(vec![another(0, Action::Enter(arrival()))]);
    assert_eq!(play.player("Ann").seq, 0);
    play.step(vec![
        another(1, say("three")),
        command("Ann", 9, say("four")),
    ]);
    let said = Happening::Said {
        from: "Ann".into(),
        text: "three".into(),
    };
    assert_eq!(play.told("Ann"), [said, Happening::Done { seq: 1 }]);
}

#[test]
fn commands_of_who_is_not_here_are_not_done() {
    let mut play = Play::new(meadow());
    let commit = play.step(vec![command("Ann", 1, say("boo"))]).unwrap();
    assert_eq!(commit.output, crate::command::Output::default());
    assert_eq!(commit.changed, []);
}

#[test]
fn a_gate_leads_to_another_zone_and_later_commands_follow() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.step(vec![
        command("Ann", 1, take("sword")),
        command("Ann", 2, activate("gate")),
        command("Ann", 3, say("where am I?")),
        command("ann", 4, walk(1.0, 0.0)),
    ]);
    assert!(play.find("@ann").is_none());
    let [traveller] = play.last.as_ref().unwrap().travellers.as_slice() else {
        panic!("one travels");
    };
    assert_eq!(traveller.to.to_string(), "shared/cellar");
    assert_eq!(traveller.arrival.at, Some(at(3.0, 4.0)));
    assert_eq!(traveller.arrival.seq, 2);
    assert_eq!(traveller.arrival.sheet.inventory.len(), 1);
    let then: Vec<_> = traveller.then.iter().map(|it| it.seq).collect();
    assert_eq!(then, [3, 4]);
    let moved = Happening::Moved {
        zone: traveller.to.clone(),
    };
    assert_eq!(play.told("Ann"), [Happening::Done { seq: 2 }, moved]);
}

#[test]
fn a_solo_gate_leads_each_to_a_zone_of_their_own() {
    let mut map = meadow();
    map.objects[1].gate = Some(gate("garden", true));
    let mut play = Play::new(map);
    play.enter("Ann");
    play.send("Ann", activate("gate"));
    let to = play.last.as_ref().unwrap().travellers[0].to.to_string();
    assert_eq!(to, "solo/garden/ann");
}

#[test]
fn a_gate_to_this_very_zone_is_a_way_across_it() {
    let mut map = meadow();
    map.objects[1].gate = Some(gate("meadow", false));
    let mut play = Play::new(map);
    play.enter("Ann");
    play.send("Ann", activate("gate"));
    assert_eq!(play.object("@ann").at, at(3.0, 4.0));
}

#[test]
fn a_gate_to_no_map_stays_shut() {
    let mut map = meadow();
    map.objects[1].gate = Some(gate("attic", false));
    let mut play = Play::new(map);
    play.enter("Ann");
    assert_eq!(play.refused("Ann", activate("gate")), "That leads nowhere.");
    assert!(play.find("@ann").is_some());
}

#[test]
fn a_solo_zone_admits_its_owner_only() {
    let mut play = Play::in_zone("solo/garden/ann", meadow(), Box::new(NoScripts));
    play.enter("ANN");
    play.enter("Bob");
    assert!(play.find("@ann").is_some());
    assert!(play.find("@bob").is_none());
    let traveller = &play.last.as_ref().unwrap().travellers[0];
    assert_eq!(traveller.to.to_string(), "shared/garden");
    let why = "The meadow belongs to another player.".to_owned();
    assert_eq!(play.told("Bob")[0], Happening::Refused { seq: 0, why });
}

#[test]
fn two_zones_of_one_map_differ() {
    let mut one = Play::in_zone("solo/garden/ann", meadow(), Box::new(NoScripts));
    let other = Play::in_zone("solo/garden/bob", meadow(), Box::new(NoScripts));
    one.enter("Ann");
    one.send("Ann", take("sword"));
    assert!(one.find("sword").is_none());
    let sword = other.object("sword").item.as_ref().unwrap();
    assert_ne!(sword.id, one.inventory("Ann")[0].id);
    assert_ne!(one.stored.world["seed"], other.stored.world["seed"]);
}

#[test]
fn the_revision_of_a_sheet_grows_with_each_change() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    let first = play.player("Ann").sheet.rev;
    assert!(first > 0);
    play.send("Ann", walk(0.5, 0.0));
    assert_eq!(play.player("Ann").sheet.rev, first);
    play.send("Ann", take("sword"));
    assert_eq!(play.player("Ann").sheet.rev, first + 1);
    play.send("Ann", activate("gate"));
    let traveller = &play.last.as_ref().unwrap().travellers[0];
    assert_eq!(traveller.arrival.sheet.rev, first + 2);
}

/// Its owner may die, and the sessions of those who are there end before another one comes.
#[test]
fn a_zone_wants_to_be_started_again_while_somebody_is_there() {
    let mut play = Play::new(meadow());
    assert_eq!(play.last.as_ref().unwrap().wake, None);
    play.enter("Ann");
    assert_eq!(play.last.as_ref().unwrap().wake, Some(play.now + 60_000));
    // However long nothing happens.
    let mut asked = play.now + 60_000;
    let mut commits = 0;
    for _ in 0..3_600 {
        if let Some(commit) = play.step(vec![]) {
            (asked, commits) = (commit.wake.unwrap(), commits + 1);
        }
        assert!(asked >= play.now + 30_000);
    }
    assert!(commits <= 10, "{commits} in three minutes");
    play.step(vec![command("Ann", 0, Action::Leave)]);
    assert_eq!(play.last.as_ref().unwrap().wake, None);
}

#[test]
fn no_session_is_shown_in_logs() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    for action in [walk(1.0, 0.0), activate("gate")] {
        play.send("Ann", action);
        let shown = format!("{:?} {:?}", play.last, play.stored);
        assert!(shown.contains("Ann") && !shown.contains("the-first-session"));
    }
}
