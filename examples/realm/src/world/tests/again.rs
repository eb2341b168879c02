use super::*;

/// Rolls, walks and wakes as its seed says.
fn hen(call: &Call<'_>) -> Result<Option<Answer>, Failure> {
    let mut rng = fastrand::Rng::with_seed(call.seed);
    let roll = rng.u32(1..=6);
    wishes(vec![
        Wish::Roll(6, roll),
        Wish::Move(rng.f64() - 0.5, rng.f64() - 0.5),
        Wish::WakeIn(rng.u64(100..2_000)),
    ])
}

fn busy() -> Vec<Command> {
    vec![
        command("Ann", 0, Action::Enter(arrival())),
        command("Bob", 0, Action::Enter(arrival())),
        command("Ann", 1, take("sword")),
        command("Bob", 1, walk(5.0, 1.0)),
        command("Ann", 2, activate("hen")),
        command("Ann", 3, walk(-3.0, -1.0)),
        command("Bob", 2, activate("gate")),
        command("Bob", 3, say("elsewhere")),
        command("Ann", 4, say("hello")),
    ]
}

/// An owner that is killed between a step and its commit has done nothing: the next one does the
/// same.
#[test]
fn a_batch_whose_owner_is_killed_is_done_again_in_the_same_way() {
    let scripts = Scripts::of(&[("hen", hen)]);
    let mut play = Play::scripted("hen", &scripts);
    let mut commands = busy().into_iter();
    for _ in 0..100 {
        let batch: Vec<_> = commands.by_ref().take(2).collect();
        let mut killed = play.again(Box::new(scripts.clone()));
        let first = play.cursor + 1;
        let inputs = batch.clone().into_iter().zip(first..);
        let inputs = inputs.map(|(it, at)| (Cursor(at, 0), it)).collect();
        let not_made = killed.step(inputs, play.now + 50);
        let made = play.step(batch);
        let rev = play.stored.rev;
        let not_made = not_made.map(|it| Commit {
            epoch: 1,
            rev,
            ..it
        });
        assert_eq!(not_made, made);
    }
    assert_eq!(play.player("Ann").seq, 4);
}

#[test]
fn a_zone_that_was_stored_is_not_made_anew() {
    let mut play = Play::new(meadow());
    play.enter("Ann");
    play.send("Ann", take("sword"));
    play.rest();
    play.world = play.again(Box::new(NoScripts));
    assert!(play.step(vec![]).is_none());
    assert!(play.find("sword").is_none());
    assert_eq!(play.inventory("Ann").len(), 1);
}

#[test]
fn the_first_commit_has_all_objects_and_the_place() {
    let play = Play::new(meadow());
    let commit = play.last.as_ref().unwrap();
    assert_eq!((commit.rev, commit.epoch), (1, 1));
    assert_eq!(commit.changed.len(), 4);
    assert_eq!(commit.output.changed.len(), 4);
    let place = play.stored.place().unwrap();
    assert_eq!((place.title.as_str(), place.width), ("The meadow", 40.0));

    // Also that of an empty map.
    let play = Play::new(map_of(5.0, 5.0, vec![]));
    assert_eq!(play.stored.rev, 1);
}

#[test]
fn a_zone_that_was_taken_but_never_committed_is_made_from_the_map() {
    let play = Play::new(meadow());
    let taken = Some(Stored {
        epoch: 7,
        ..Stored::default()
    });
    let hooks = Box::new(NoScripts);
    let mut world = World::new(play.zone, &play.map, taken, 8, hooks, Physics::On, START).unwrap();
    assert_eq!(world.step(vec![], START).unwrap().changed.len(), 4);
}

/// After a loss of the log: what the database has may be some seconds old.
#[test]
fn a_zone_from_the_database_leaves_out_what_may_have_been_given() {
    let scripts = Scripts::of(&[("giver", |call| match (call.hook, call.other) {
        (Hook::Activate, Some(player)) => done(vec![Wish::Give(
            player.id.clone(),
            super::super::hooks::Gift {
                kind: "egg".into(),
                name: "Egg".into(),
                script: None,
            },
        )]),
        _ => Ok(None),
    })]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    let saved = play.stored.clone();
    play.send("Ann", activate("hen"));
    assert_eq!(play.inventory("Ann")[0].id, id("shared/meadow#2"));

    play.stored = saved.clone();
    play.world = play.again(Box::new(scripts)).restored();
    play.stored.objects.clear();
    play.cursor = 0;
    let commit = play.step(vec![]).unwrap();
    assert_eq!(commit.rev, saved.rev + 1_048_577);
    assert_eq!(commit.cursor, Cursor::default());
    assert_eq!(commit.changed.len(), 4, "everything but Ann");
    assert_eq!(commit.gone, []);
    assert_eq!(play.world.players().count(), 0);
    play.enter("Ann");
    play.send("Ann", activate("hen"));
    assert_eq!(play.inventory("Ann")[0].id, id("shared/meadow#1048578"));
}

#[test]
fn what_another_version_has_stored_is_refused_in_words() {
    let play = Play::new(meadow());
    let read = |world: serde_json::Value| {
        let stored = Some(Stored {
            world,
            ..play.stored.clone()
        });
        let hooks = Box::new(NoScripts);
        World::new(
            play.zone.clone(),
            &play.map,
            stored,
            2,
            hooks,
            Physics::On,
            START,
        )
    };
    let why = read(serde_json::json!({"format": 2})).unwrap_err();
    let said = "shared/meadow was stored in format 2, and this version reads format 1: update";
    assert_eq!(why.to_string(), said);
    for other in [serde_json::json!(null), serde_json::json!({"format": "x"})] {
        let why = read(other).unwrap_err();
        let said = "what is stored of shared/meadow is not the memory of a world";
        assert_eq!(why.to_string(), said);
    }
    // What is missing has its default, and what is new is not looked at.
    assert!(read(serde_json::json!({"format": 1, "later": true})).is_ok());
}
