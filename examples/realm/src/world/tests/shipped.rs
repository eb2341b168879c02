//! The maps and scripts that come with the program.

use super::*;
use crate::content::Content;

/// A zone of one of the maps.
fn zone_of(map: &str) -> Play {
    let content = Content::embedded().unwrap();
    let zone = format!("shared/{map}");
    let map = content.map(&map.parse().unwrap()).unwrap();
    Play::in_zone(&zone, map, content.hooks().unwrap())
}

/// Ann at this place, with a sword.
fn armed_in(play: &mut Play, x: f64, y: f64) -> ObjectId {
    let mut it = arrival();
    it.at = Some(at(x, y));
    let sword = Item {
        id: id("shared/forge#1"),
        kind: "sword".into(),
        name: "Sword".into(),
        script: None,
    };
    it.sheet.strength = 9;
    it.sheet.inventory.push(sword);
    play.arrive("Ann", it);
    id("shared/forge#1")
}

fn wait(play: &mut Play, milliseconds: u64) {
    for _ in 0..milliseconds / 50 {
        play.step(vec![]);
    }
}

#[test]
fn the_door_of_the_cellar_opens_and_closes() {
    let mut play = zone_of("cellar");
    armed_in(&mut play, 13.0, 10.0);
    play.send("Ann", walk(5.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x < 14.0, "it is shut");
    play.send("Ann", activate("door"));
    assert_eq!(play.object("door").status, "open");
    play.send("Ann", walk(5.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x > 17.0);
    wait(&mut play, 20_000);
    assert_eq!(play.object("door").body, Body::Fixed);
}

#[test]
fn a_slime_hunts_is_overcome_and_rises_again() {
    let mut play = zone_of("cellar");
    let sword = armed_in(&mut play, 8.0, 12.0);
    for _ in 0..60 {
        if play.player("Ann").sheet.health == 10 {
            wait(&mut play, 1_000);
        }
    }
    assert!(
        play.player("Ann").sheet.health < 10,
        "it has come, and hits"
    );
    play.send("Ann", use_on(&sword, Some("slime-1")));
    assert_eq!(play.object("slime-1").kind, "puddle");
    let ball = |it: &&Object| it.item.as_ref().is_some_and(|it| it.kind == "slime-ball");
    assert_eq!(play.stored.objects.iter().filter(ball).count(), 1);
    wait(&mut play, 61_000);
    assert_eq!(play.object("slime-1").kind, "slime");
}

#[test]
fn a_hen_lays_an_egg_that_can_be_eaten() {
    let mut play = zone_of("meadow");
    play.arrive(
        "Ann",
        Arrival {
            at: Some(at(21.0, 24.0)),
            ..arrival()
        },
    );
    play.send("Ann", activate("hen-1"));
    let egg = play.inventory("Ann")[0].clone();
    assert_eq!(egg.kind, "egg");
    play.send("Ann", activate("hen-1"));
    assert_eq!(play.inventory("Ann").len(), 1, "not that soon");
    play.send("Ann", use_on(&egg.id, None));
    assert!(play.inventory("Ann").is_empty());
}

#[test]
fn the_guide_welcomes_and_answers() {
    let mut play = zone_of("meadow");
    play.enter("Ann");
    let (to, words) = &play.last.as_ref().unwrap().whispers[0];
    assert_eq!(to, &name("Ann"));
    assert!(words.text.starts_with("Welcome"), "{words:?}");
    play.send("Ann", say("Where is the garden?"));
    let said = |it: &&Happening| matches!(it, Happening::Said { .. });
    assert_eq!(play.told("Ann").iter().filter(said).count(), 2);
}

#[test]
fn nothing_fails_or_gets_lost_in_ten_minutes() {
    for map in ["meadow", "cellar", "garden"] {
        let mut play = zone_of(map);
        armed_in(&mut play, 12.0, 9.0);
        for step in 0..12_000_u32 {
            if step % 40 == 0 {
                let (x, y) = (f64::from(step % 7) - 3.0, f64::from(step % 5) - 2.0);
                play.send("Ann", walk(x * 2.0, y * 2.0));
            } else {
                play.step(vec![]);
            }
        }
        for object in &play.stored.objects {
            assert_eq!(object.failed, None, "{}", object.id);
            assert!((0.0..=play.map.width).contains(&object.at.x), "{object:?}");
            assert!((0.0..=play.map.height).contains(&object.at.y), "{object:?}");
        }
    }
}
