use super::*;

/// A script that says the name of each of its hooks.
fn talker(call: &Call<'_>) -> Result<Option<Answer>, Failure> {
    wishes(vec![Wish::Say(format!("{:?}", call.hook))])
}

fn said(play: &Play) -> Vec<String> {
    let told = play.told("Ann");
    let said = told.into_iter().filter_map(|it| match it {
        Happening::Said { from, text } => Some(format!("{from}: {text}")),
        _ => None,
    });
    said.collect()
}

#[test]
fn each_hook_is_called_when_its_time_has_come() {
    let scripts = Scripts::of(&[("talker", talker)]);
    let mut play = Play::scripted("hen", &scripts);
    assert_eq!(said(&play), ["Berta: Create"]);
    play.enter("Ann");
    assert_eq!(said(&play), ["Berta: Enter"]);
    play.send("Ann", walk(0.1, 0.0));
    assert_eq!(said(&play), ["Berta: Move"]);
    play.send("Ann", say("hello"));
    assert_eq!(said(&play), ["Ann: hello", "Berta: Say"]);
    play.send("Ann", activate("hen"));
    assert_eq!(said(&play), ["Berta: Activate"]);
    play.step(vec![command("Ann", 0, Action::Leave)]);
    assert_eq!(said(&play), ["Berta: Leave"]);
}

#[test]
fn who_goes_through_a_gate_has_left() {
    let scripts = Scripts::of(&[("talker", talker)]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    play.send("Ann", activate("gate"));
    assert_eq!(said(&play), ["Berta: Leave"]);
}

#[test]
fn walks_are_noticed_within_five_metres_and_words_within_ten() {
    let scripts = Scripts::of(&[("talker", talker)]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    play.send("Ann", walk(8.0, 0.0));
    play.rest();
    play.send("Ann", walk(0.1, 0.0));
    assert_eq!(said(&play), [""; 0]);
    play.send("Ann", say("a"));
    assert_eq!(said(&play).len(), 2);
    play.send("Ann", walk(4.0, 0.0));
    play.rest();
    play.send("Ann", say("b"));
    assert_eq!(said(&play), ["Ann: b"]);
}

#[test]
fn what_usually_happens_does_not_after_a_hook_that_has_done_all() {
    let scripts = Scripts::of(&[("guard", |call| match call.hook {
        Hook::Create => Ok(None),
        _ => done(vec![]),
    })]);
    let mut play = Play::scripted("gate", &scripts);
    play.enter("Ann");
    for action in [walk(1.0, 0.0), say("hm"), activate("gate")] {
        let told = play.send("Ann", action);
        assert_eq!(told, [Happening::Done { seq: play.seq }]);
    }
    assert!(play.object("@ann").walk.is_none());
}

#[test]
fn the_script_of_an_item_is_called_when_it_is_used() {
    let scripts = Scripts::of(&[("potion", |call| {
        assert_eq!((call.hook, call.me.kind.as_str()), (Hook::Use, "sword"));
        let on = call.other.map_or("nothing", |it| &it.name);
        done(vec![Wish::Say(format!("drops fall on {on}")), Wish::Vanish])
    })]);
    let mut map = meadow();
    map.objects[2].item.as_mut().unwrap().script = Some("potion".parse().unwrap());
    let mut play = Play::with(map, Box::new(scripts));
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let item = play.inventory("Ann")[0].id.clone();
    play.send("Ann", use_on(&item, Some("dummy")));
    assert_eq!(said(&play), ["Old sword: drops fall on Straw man"]);
    assert!(play.inventory("Ann").is_empty(), "it is used up");
    assert_eq!(play.object("dummy").health, Some(3), "it did not hit");
    let why = play.refused("Ann", use_on(&item, None));
    assert_eq!(why, "You do not carry that.");
}

#[test]
fn a_script_is_woken_at_its_time_and_once() {
    let scripts = Scripts::of(&[("clock", |call| match call.hook {
        Hook::Create => wishes(vec![Wish::WakeIn(1_000)]),
        Hook::Tick => wishes(vec![Wish::Say("ding".into())]),
        _ => Ok(None),
    })]);
    let mut play = Play::scripted("hen", &scripts);
    let due = play.now + 1_000;
    assert_eq!(play.world.next_due(), Some(due));
    assert_eq!(play.last.as_ref().unwrap().wake, Some(due));
    play.rest();
    while play.now < due - 50 {
        assert!(play.step(vec![]).is_none());
    }
    assert_eq!(play.step(vec![]).unwrap().wake, None);
    assert_eq!(said(&play), ["Berta: ding"]);
    assert_eq!(play.world.next_due(), None);
    assert!(play.step(vec![]).is_none());
}

#[test]
fn a_script_is_woken_after_a_pause_by_another_owner() {
    let scripts = Scripts::of(&[("clock", |call| match call.hook {
        Hook::Create => wishes(vec![Wish::WakeIn(1_000)]),
        Hook::Tick => wishes(vec![Wish::Status("rung".into())]),
        _ => Ok(None),
    })]);
    let mut play = Play::scripted("hen", &scripts);
    play.now += 3_600_000;
    play.world = play.again(Box::new(scripts));
    play.step(vec![]);
    assert_eq!(play.object("hen").status, "rung");
}

#[test]
fn no_script_is_woken_all_the_time() {
    let scripts = Scripts::of(&[("clock", |_| wishes(vec![Wish::WakeIn(0)]))]);
    let mut play = Play::scripted("hen", &scripts);
    scripts.calls();
    for _ in 0..20 {
        play.step(vec![]);
    }
    assert!((9..=10).contains(&scripts.count("hen", Hook::Tick)));
}

#[test]
fn what_a_script_remembers_is_kept() {
    let scripts = Scripts::of(&[("counter", |call| {
        let count = call.me.memory.get("count").and_then(|it| it.as_u64());
        let count = count.unwrap_or_default() + 1;
        let memory = serde_json::Map::from_iter([("count".to_owned(), count.into())]);
        Ok(Some(Answer {
            memory: Some(memory),
            ..Answer::default()
        }))
    })]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    play.world = play.again(Box::new(scripts));
    play.send("Ann", activate("hen"));
    assert_eq!(play.object("hen").memory["count"], 3);
}

/// Fails when it is activated, after it has wished for something.
fn broken(call: &Call<'_>) -> Result<Option<Answer>, Failure> {
    match call.hook {
        Hook::Activate => Err(Failure {
            line: Some(7),
            why: "no such thing".into(),
        }),
        _ => wishes(vec![Wish::Say("here".into())]),
    }
}

#[test]
fn a_script_that_fails_is_undone_and_sleeps_until_it_is_edited() {
    let scripts = Scripts::of(&[("broken", broken)]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    let told = play.send("Ann", activate("hen"));
    let text = "Berta (hen).".to_owned();
    assert_eq!(
        told[0],
        Happening::Told { text },
        "what usually happens does"
    );
    let failed = Some("line 7: no such thing".to_owned());
    assert_eq!(play.object("hen").failed, failed);
    scripts.calls();
    play.send("Ann", say("hello?"));
    assert_eq!(scripts.calls(), []);

    play.world.scripts_edited();
    play.step(vec![]);
    assert_eq!(
        play.object("hen").failed,
        failed,
        "another script was edited"
    );
    scripts.edited.lock().push("broken".parse().unwrap());
    play.world.scripts_edited();
    assert!(!play.world.is_still());
    play.step(vec![]);
    assert_eq!(play.object("hen").failed, None);
    assert_eq!(said(&play), ["Berta: here"]);
    assert_eq!(scripts.count("hen", Hook::Create), 1);
}

/// Its file was mended while nobody had the zone: the new owner's scripts have never been others.
#[test]
fn a_script_that_has_failed_is_tried_again_by_another_owner() {
    let scripts = Scripts::of(&[("broken", broken)]);
    let mut play = Play::scripted("hen", &scripts);
    play.enter("Ann");
    play.send("Ann", activate("hen"));
    assert!(play.object("hen").failed.is_some());
    scripts.calls();
    play.world = play.again(Box::new(scripts.clone()));
    assert!(!play.world.is_still());
    play.step(vec![]);
    assert_eq!(play.object("hen").failed, None);
    assert_eq!(scripts.count("hen", Hook::Create), 1);
}

#[test]
fn a_script_that_fails_at_its_time_is_called_again_once_it_is_edited() {
    let scripts = Scripts::of(&[("clock", |call| match call.hook {
        Hook::Create if call.me.memory.is_empty() => Ok(Some(Answer {
            wishes: vec![Wish::WakeIn(100)],
            memory: Some(serde_json::Map::from_iter([("a".to_owned(), 1.into())])),
            ..Answer::default()
        })),
        Hook::Tick => wishes(vec![Wish::Say(String::new())]),
        _ => Ok(None),
    })]);
    let mut play = Play::scripted("hen", &scripts);
    for _ in 0..3 {
        play.step(vec![]);
    }
    assert!(play.object("hen").failed.is_some());
    assert_eq!(play.world.next_due(), None, "it wakes nobody");
    scripts.calls();
    scripts.edited.lock().push("clock".parse().unwrap());
    play.world.scripts_edited();
    play.step(vec![]);
    assert_eq!(scripts.count("hen", Hook::Tick), 1);
}

#[test]
fn the_failed_script_of_an_item_sleeps_everywhere() {
    let scripts = Scripts::of(&[("broken", |_| {
        wishes(vec![Wish::Say("x".into()), Wish::Status("y".into())])
    })]);
    let mut map = meadow();
    let item = map.objects[2].item.as_mut().unwrap();
    item.kind = "bell".into();
    item.script = Some("broken".parse().unwrap());
    let mut play = Play::with(map, Box::new(scripts.clone()));
    play.enter("Ann");
    play.send("Ann", take("sword"));
    let bell = play.inventory("Ann")[0].id.clone();
    for _ in 0..2 {
        play.send("Ann", use_on(&bell, None));
        assert_eq!(said(&play), [""; 0]);
    }
    play.world = play.again(Box::new(scripts.clone()));
    assert_eq!(scripts.count(bell.as_str(), Hook::Use), 1);
    // With another owner its script may be another one.
    for _ in 0..2 {
        play.send("Ann", use_on(&bell, None));
    }
    assert_eq!(scripts.count(bell.as_str(), Hook::Use), 1);
    scripts.edited.lock().push("broken".parse().unwrap());
    play.world.scripts_edited();
    play.send("Ann", use_on(&bell, None));
    assert_eq!(scripts.count(bell.as_str(), Hook::Use), 1);
}

#[test]
fn a_script_is_shown_the_nearest_players() {
    let scripts = Scripts::of(&[("eye", |call| {
        let near: Vec<_> = call.near.iter().map(|it| it.name.as_str()).collect();
        done(vec![Wish::Status(near.join(" "))])
    })]);
    let mut play = Play::scripted("hen", &scripts);
    for (who, x) in [("Cid", 14.0), ("Ann", 12.0), ("Bob", 30.0)] {
        let at = Some(at(x, 11.0));
        play.arrive(who, Arrival { at, ..arrival() });
    }
    play.send("Ann", activate("hen"));
    assert_eq!(play.object("hen").status, "Ann Cid");
    for number in 0..20 {
        play.enter(&format!("Bot{number}"));
    }
    play.send("Ann", activate("hen"));
    assert!(
        play.object("hen").failed.is_some(),
        "too many names for a status"
    );
}

#[test]
fn chance_differs_from_call_to_call() {
    let scripts = Scripts::of(&[("dice", |call| {
        wishes(vec![Wish::Status(call.seed.to_string())])
    })]);
    let mut play = Play::scripted("hen", &scripts);
    let mut seeds = std::collections::BTreeSet::new();
    play.enter("Ann");
    for _ in 0..20 {
        play.send("Ann", activate("hen"));
        seeds.insert(play.object("hen").status.clone());
    }
    assert_eq!(seeds.len(), 20);
}
