use super::*;
use crate::world::bounds::distance;

/// 100 barrels where there is room for a tenth of them.
fn barrels() -> Map {
    let barrels = (0..100).map(|number| {
        let (x, y) = (f64::from(number % 10), f64::from(number / 10));
        let what = format!("barrel-{number}");
        thing(&what, 9.0 + x * 0.2, 9.0 + y * 0.2, 0.4, Body::Loose)
    });
    map_of(20.0, 20.0, barrels.collect())
}

#[test]
fn a_hundred_overlapping_barrels_end_apart_and_the_same_twice() {
    let settled = || {
        let mut play = Play::new(barrels());
        play.rest();
        play.stored.objects
    };
    let objects = settled();
    assert_eq!(objects.len(), 100);
    for (index, one) in objects.iter().enumerate() {
        assert!((0.4..=19.6).contains(&one.at.x) && (0.4..=19.6).contains(&one.at.y));
        for other in &objects[..index] {
            let apart = distance(one.at, other.at);
            assert!(apart > 0.795, "{} and {}: {apart}", one.id, other.id);
        }
    }
    assert_eq!(objects, settled());
}

#[test]
fn barrels_in_one_place_end_apart() {
    let barrels = (0..9).map(|it| thing(&format!("b{it}"), 5.0, 5.0, 0.4, Body::Loose));
    let mut play = Play::new(map_of(20.0, 20.0, barrels.collect()));
    play.rest();
    let objects = &play.stored.objects;
    for (index, one) in objects.iter().enumerate() {
        for other in &objects[..index] {
            assert!(distance(one.at, other.at) > 0.795);
        }
    }
}

#[test]
fn another_owner_goes_on_settling_in_the_same_way() {
    let mut one = Play::new(barrels());
    let mut other = Play::new(barrels());
    for _ in 0..200 {
        one.step(vec![]);
        other.world = other.again(Box::new(NoScripts));
        other.step(vec![]);
        assert_eq!(one.stored.objects, other.stored.objects);
    }
}

#[test]
fn what_lies_still_is_not_committed() {
    let mut play = Play::new(barrels());
    play.rest();
    assert!(play.step(vec![]).is_none());
    // Far away from the barrels.
    play.arrive(
        "Ann",
        Arrival {
            at: Some(at(2.0, 2.0)),
            ..arrival()
        },
    );
    play.send("Ann", walk(3.0, 0.0));
    let changed = &play.last.as_ref().unwrap().changed;
    assert_eq!(changed.len(), 1);
}

#[test]
fn barrels_stay_inside_a_map_that_is_too_small_for_them() {
    let barrels = (0..60).map(|it| thing(&format!("b{it}"), 2.0, 2.0, 0.5, Body::Loose));
    let mut play = Play::new(map_of(4.0, 4.0, barrels.collect()));
    play.rest();
    for object in &play.stored.objects {
        assert!((0.5..=3.5).contains(&object.at.x), "{object:?}");
        assert!((0.5..=3.5).contains(&object.at.y), "{object:?}");
    }
}

#[test]
fn a_player_stops_at_what_is_fixed() {
    let pillar = thing("pillar", 14.0, 10.0, 1.0, Body::Fixed);
    let mut play = Play::new(map_of(30.0, 30.0, vec![pillar]));
    play.enter("Ann");
    play.send("Ann", walk(10.0, 0.0));
    play.rest();
    let reached = play.object("@ann").at;
    assert!((12.69..=12.7).contains(&reached.x), "{reached:?}");
    let by = Some("pillar".to_owned());
    assert_eq!(play.told("Ann"), [Happening::Stopped { by }]);
    // It can go away again.
    play.send("Ann", walk(-2.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at.x, bounds_rounded(reached.x - 2.0));
}

fn bounds_rounded(x: f64) -> f64 {
    crate::world::bounds::rounded(at(x, 0.0)).x
}

#[test]
fn a_player_passes_beside_what_is_fixed() {
    let pillar = thing("pillar", 14.0, 11.31, 1.0, Body::Fixed);
    let mut play = Play::new(map_of(30.0, 30.0, vec![pillar]));
    play.enter("Ann");
    play.send("Ann", walk(10.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at, at(20.0, 10.0));
}

#[test]
fn players_do_not_stand_in_each_others_way() {
    let mut play = Play::new(map_of(30.0, 30.0, vec![]));
    play.enter("Ann");
    play.arrive(
        "Bob",
        Arrival {
            at: Some(at(12.0, 10.0)),
            ..arrival()
        },
    );
    play.send("Ann", walk(4.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at, at(14.0, 10.0));
    assert_eq!(play.object("@bob").at, at(12.0, 10.0));
}

#[test]
fn a_player_pushes_a_barrel_ahead_until_a_wall() {
    let barrel = thing("barrel", 12.0, 10.0, 0.4, Body::Loose);
    let wall = thing("wall", 18.0, 10.0, 2.0, Body::Fixed);
    let mut play = Play::new(map_of(30.0, 30.0, vec![barrel, wall]));
    play.enter("Ann");
    play.send("Ann", walk(3.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at, at(13.0, 10.0), "it arrives");
    let barrel = play.object("barrel").at;
    assert!(barrel.x > 13.69, "{barrel:?}");
    assert!((barrel.y - 10.0).abs() < 0.01, "{barrel:?}");

    play.send("Ann", walk(10.0, 0.0));
    play.rest();
    let (ann, barrel) = (play.object("@ann").at, play.object("barrel").at);
    assert!((15.55..=15.61).contains(&barrel.x), "{barrel:?}");
    assert!(distance(ann, barrel) > 0.695, "{ann:?} {barrel:?}");
    let by = Some("barrel".to_owned());
    assert_eq!(play.told("Ann"), [Happening::Stopped { by }]);
}

#[test]
fn an_open_door_lets_through_and_a_closed_one_does_not() {
    let scripts = Scripts::of(&[("door", |call| match call.hook {
        Hook::Activate if call.me.body == Body::Fixed => done(vec![Wish::Body(Body::None)]),
        Hook::Activate => done(vec![Wish::Body(Body::Fixed)]),
        _ => Ok(None),
    })]);
    let mut door = thing("door", 12.0, 10.0, 1.0, Body::Fixed);
    door.script = Some("door".parse().unwrap());
    let mut play = Play::with(map_of(30.0, 30.0, vec![door]), Box::new(scripts));
    play.enter("Ann");
    play.send("Ann", walk(4.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x < 11.0);
    play.send("Ann", activate("door"));
    play.send("Ann", walk(4.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x > 14.0);

    // Shut on somebody, it lets them out.
    play.send("Ann", walk(-2.5, 0.0));
    play.rest();
    play.send("Ann", activate("door"));
    play.send("Ann", walk(3.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x > 14.0);
    play.send("Ann", walk(-4.0, 0.0));
    play.rest();
    assert!(play.object("@ann").at.x > 13.0);
}

#[test]
fn without_physics_only_the_map_ends() {
    let mut objects = barrels().objects;
    objects.push(thing("pillar", 5.0, 10.0, 1.0, Body::Fixed));
    let map = map_of(20.0, 20.0, objects);
    let mut play = Play::new(map.clone());
    let hooks = Box::new(NoScripts);
    let zone = play.zone.clone();
    play.world = World::new(zone, &map, None, 1, hooks, Physics::Off, START).unwrap();
    play.stored = Stored::default();
    play.cursor = 0;
    play.step(vec![]);
    play.enter("Ann");
    assert!(play.world.is_still());
    let from = play.object("@ann").at;
    play.send("Ann", walk(-20.0, 0.0));
    play.rest();
    assert_eq!(play.object("@ann").at, at(0.3, from.y));
    assert_eq!(play.object("barrel-0").at, at(9.0, 9.0));
}

#[test]
fn nobody_jumps_after_a_pause() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.now += 3_600_000;
    play.send("Ann", walk(10.0, 0.0));
    assert_eq!(play.object("@ann").at.x, 10.15);
    play.now += 3_600_000;
    play.step(vec![]);
    assert_eq!(play.object("@ann").at.x, 10.9);
    // Nor if the clock goes back.
    play.now -= 86_400_000;
    play.step(vec![]);
    assert_eq!(play.object("@ann").at.x, 10.9);
    play.step(vec![]);
    assert_eq!(play.object("@ann").at.x, 11.05);
}
