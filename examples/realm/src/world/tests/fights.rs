use super::*;

/// Ann with the sword.
fn armed(map: Map, scripts: Scripts) -> (Play, ObjectId) {
    let mut play = Play::with(map, Box::new(scripts));
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let sword = play.inventory("Ann")[0].id.clone();
    (play, sword)
}

fn with_script(object: &str, script: &str) -> Map {
    let mut map = meadow();
    let object = map.objects.iter_mut().find(|it| it.id.as_str() == object);
    object.unwrap().script = Some(script.parse().unwrap());
    map
}

#[test]
fn a_sword_hits_by_its_bearers_strength() {
    let (mut play, sword) = armed(meadow(), Scripts::default());
    play.send("Ann", use_on(&sword, Some("dummy")));
    assert_eq!(play.object("dummy").health, Some(1));
    let seen = &play.last.as_ref().unwrap().output.changed;
    assert!(
        seen.iter().any(|it| it.health == Some(1)),
        "everybody sees it"
    );
    play.send("Ann", use_on(&sword, None));
    assert!(play.find("dummy").is_none());
    assert_eq!(play.player("Ann").sheet.experience, 5);
}

#[test]
fn only_what_has_health_is_hit_and_no_player() {
    let (mut play, sword) = armed(meadow(), Scripts::default());
    play.enter("Bob");
    let nothing = "There is nothing that you can hit.";
    assert_eq!(play.refused("Ann", use_on(&sword, Some("hen"))), nothing);
    assert_eq!(play.refused("Ann", use_on(&sword, Some("@bob"))), nothing);
    play.send("Ann", walk(0.0, 10.0));
    play.rest();
    assert_eq!(play.refused("Ann", use_on(&sword, None)), nothing);
}

#[test]
fn an_item_of_another_kind_does_nothing_by_itself() {
    let mut map = meadow();
    map.objects[2].item.as_mut().unwrap().kind = "egg".into();
    let (mut play, egg) = armed(map, Scripts::default());
    let told = play.send("Ann", use_on(&egg, None));
    let text = "Old sword: nothing happens.".to_owned();
    assert_eq!(told[0], Happening::Told { text });
}

#[test]
fn whoever_overcomes_enough_reaches_a_level() {
    let scripts = Scripts::of(&[("crier", |_| Ok(None))]);
    let mut map = with_script("hen", "crier");
    let mut other = map.objects[3].clone();
    other.id = id("dummy-2");
    map.objects.push(other);
    let (mut play, sword) = armed(map, scripts.clone());
    for _ in 0..4 {
        play.send("Ann", use_on(&sword, None));
    }
    let sheet = &play.player("Ann").sheet;
    assert_eq!((sheet.level, sheet.experience), (2, 0));
    assert_eq!((sheet.strength, sheet.health), (2, 12));
    let text = "Ann has reached level 2.".to_owned();
    assert!(play.told("Bob").contains(&Happening::Told { text }));
    assert_eq!(scripts.count("hen", Hook::Level), 1);
}

#[test]
fn what_carries_something_drops_it() {
    let mut map = meadow();
    map.objects[3].item = map.objects[2].item.clone();
    let (mut play, sword) = armed(map, Scripts::default());
    assert_eq!(play.refused("Ann", take("dummy")), "That cannot be taken.");
    play.send("Ann", use_on(&sword, None));
    play.send("Ann", use_on(&sword, None));
    let dropped = play.object("shared/meadow#2");
    assert_eq!(dropped.kind, "item");
    assert_eq!(dropped.at, at(9.0, 9.0));
}

#[test]
fn a_hit_that_its_script_deals_with_takes_no_health() {
    let scripts = Scripts::of(&[("ghost", |call| match call.hook {
        Hook::Hit => done(vec![Wish::Status(format!("laughs at {}", call.amount))]),
        _ => Ok(None),
    })]);
    let (mut play, sword) = armed(with_script("dummy", "ghost"), scripts);
    play.send("Ann", use_on(&sword, Some("dummy")));
    assert_eq!(play.object("dummy").health, Some(3));
    assert_eq!(play.object("dummy").status, "laughs at 2");
}

#[test]
fn a_death_that_its_script_deals_with_is_none() {
    let scripts = Scripts::of(&[("cat", |call| match call.hook {
        Hook::Death => done(vec![Wish::Health(Some(9))]),
        _ => Ok(None),
    })]);
    let (mut play, sword) = armed(with_script("dummy", "cat"), scripts);
    play.send("Ann", use_on(&sword, None));
    play.send("Ann", use_on(&sword, None));
    assert_eq!(play.object("dummy").health, Some(9));
    assert_eq!(play.player("Ann").sheet.experience, 0);
}

#[test]
fn what_stays_without_health_is_not_hit_again() {
    let scripts = Scripts::of(&[("corpse", |call| match call.hook {
        Hook::Death => done(vec![]),
        _ => Ok(None),
    })]);
    let (mut play, sword) = armed(with_script("dummy", "corpse"), scripts);
    play.send("Ann", use_on(&sword, None));
    play.send("Ann", use_on(&sword, None));
    assert_eq!(play.object("dummy").health, Some(0));
    for on in [None, Some("dummy")] {
        let why = play.refused("Ann", use_on(&sword, on));
        assert_eq!(why, "There is nothing that you can hit.");
    }
}

#[test]
fn a_player_without_health_wakes_up_at_the_start_and_loses_nothing() {
    let scripts = Scripts::of(&[("slime", |call| match (call.hook, call.other) {
        (Hook::Activate, Some(player)) => done(vec![Wish::Damage(player.id.clone(), 9)]),
        _ => Ok(None),
    })]);
    let (mut play, _) = armed(with_script("hen", "slime"), scripts);
    play.send("Ann", walk(1.0, 0.0));
    play.rest();
    play.send("Ann", activate("hen"));
    assert_eq!(play.player("Ann").sheet.health, 1);
    let told = play.send("Ann", activate("hen"));
    assert!(matches!(&told[0], Happening::Told { text } if text.starts_with("You faint")));
    assert_eq!(play.player("Ann").sheet.health, 10);
    assert_eq!(play.object("@ann").at, at(10.0, 10.0));
    assert_eq!(play.inventory("Ann").len(), 1);
}

#[test]
fn a_character_that_comes_without_health_has_slept() {
    let mut play = Play::new(meadow());
    let mut tired = arrival();
    tired.sheet.health = 0;
    tired.at = Some(at(30.0, 20.0));
    play.arrive("Ann", tired);
    assert_eq!(play.player("Ann").sheet.health, 10);
    assert_eq!(play.object("@ann").at, at(10.0, 10.0));
}

#[test]
fn things_that_hit_each_other_come_to_an_end() {
    // Each hit of one makes it hit the other.
    let scripts = Scripts::of(&[("twin", |call| {
        let other = if call.me.id.as_str() == "dummy" {
            "twin"
        } else {
            "dummy"
        };
        match call.hook {
            Hook::Hit | Hook::Activate => wishes(vec![Wish::Damage(id(other), 1); 32]),
            _ => Ok(None),
        }
    })]);
    let mut map = with_script("dummy", "twin");
    map.objects[3].health = Some(1_000_000);
    let mut twin = map.objects[3].clone();
    twin.id = id("twin");
    map.objects.push(twin);
    let (mut play, _) = armed(map, scripts.clone());
    scripts.calls();
    play.send("Ann", activate("dummy"));
    assert_eq!(scripts.calls().len(), 65);
    assert!(play.object("twin").failed.is_none());
}
