use std::net::SocketAddrV4;

use super::*;
use crate::aleph_one::event::{NativeGame, NoHub};

const HUB: u16 = 7;

fn at_hub() -> SocketAddrV4 {
    "192.0.2.9:4301".parse().unwrap()
}

impl Stage {
    fn found(&mut self, player: Player, found: Result<SocketAddrV4, NoHub>) {
        self.happens(player.who, Event::HubFound(HUB, found));
    }

    /// Returns the address of the game that the registry was last told of.
    fn listed(&self) -> Option<String> {
        let listed = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::List(_, game) => Some(Some(game.address.to_string())),
            Effect::Unlist(_) => Some(None),
            _ => None,
        });
        listed.flatten()
    }
}

#[test]
fn an_unreadable_game_is_refused_with_a_reason() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.forget();
    let game = |description: Bytes| {
        Packet::CreateGame(CreateGame {
            port: 4226,
            hub: 0,
            description,
        })
    };
    let mut trailing = description("Game").to_vec();
    trailing.push(0);
    for bad in [
        vec![0; 569],
        vec![b'x'; 600],
        trailing,
        vec![0; 9 * 1024 + 1],
    ] {
        stage.says(ann.who, game(bad.into()));
        assert!(
            stage
                .lines(ann.who)
                .pop()
                .unwrap()
                .contains("cannot be listed")
        );
    }
    assert_eq!((stage.told(bob.who), stage.listed()), (vec![], None));
    assert_eq!(stage.hall.standing(ann.who), Standing::Inside);
}

#[test]
fn a_host_connected_over_ipv6_is_told_why_no_one_can_join() {
    let mut stage = Stage::open();
    let login = stage.logs_in("guest", "Ann", None);
    let ann = stage.enters(0, "guest", login, "2001:db8::7");
    stage.forget();
    stage.hosts(ann, 4226, 0);
    assert!(stage.lines(ann.who)[0].contains("IPv6"));
    assert_eq!(stage.games(ann.who), []);
    // It works at a hub, and others can connect as before.
    stage.hosts(ann, 4226, HUB);
    stage.found(ann, Ok(at_hub()));
    assert_eq!(stage.games(ann.who).len(), 1);
    let bob = stage.guest("Bob");
    assert_eq!(stage.games(bob.who).len(), 1);
}

#[test]
fn the_time_left_stops_at_zero() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.hosts(ann, 4226, 0);
    stage.says(ann.who, Packet::StartGame(30 * 60));
    stage.forget();
    for (seconds, left) in [(10, 50), (60, 0), (3_600, 0)] {
        stage.waits(seconds);
        stage.hosts(ann, 4226, 0);
        assert_eq!(stage.games(ann.who).pop().unwrap().3, left);
    }
    stage.says(ann.who, Packet::ResetGame);
    assert_eq!(stage.games(ann.who).pop().unwrap().3, -1);
    for untimed in [0, -1, i32::MIN, 18_144_000] {
        stage.says(ann.who, Packet::StartGame(untimed));
        assert_eq!(stage.games(ann.who).pop().unwrap().3, -1, "{untimed}");
    }
}

#[test]
fn the_registry_is_regularly_told_how_long_timed_games_last() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.hosts(ann, 4226, 0);
    stage.hosts(bob, 4227, 0);
    assert_eq!(stage.hall.relist(stage.now), []);
    stage.says(ann.who, Packet::StartGame(30 * 60));
    stage.waits(10);
    let [Effect::List(_, game)] = &stage.hall.relist(stage.now)[..] else {
        panic!("one game is timed");
    };
    assert_eq!((game.seconds_left, game.started), (Some(50), true));
}

#[test]
fn a_game_can_be_started_only_if_there_is_one() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.says(ann.who, Packet::RemoveGame);
    stage.says(ann.who, Packet::ResetGame);
    assert_eq!(stage.hall.standing(ann.who), Standing::Inside);
    stage.says(ann.who, Packet::StartGame(1));
    assert_eq!(stage.denied(ann.who), Some(0));
}

#[test]
fn a_hub_is_reserved_before_its_lookup_and_free_after_the_game() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.forget();
    stage.hosts(ann, 4226, HUB);
    assert_eq!(
        stage.games(bob.who),
        [],
        "nothing is shown before the hub is known"
    );
    stage.hosts(bob, 4226, HUB);
    assert!(stage.lines(bob.who)[0].contains("busy"));
    stage.found(ann, Ok(at_hub()));
    assert_eq!(stage.games(bob.who)[0].2, 4301);
    // A new description and the start of the game do not change the hub.
    stage.hosts(ann, 4226, HUB);
    stage.says(ann.who, Packet::StartGame(30));
    assert!(stage.games(bob.who).iter().all(|game| game.2 == 4301));
    assert_eq!(stage.listed().as_deref(), Some("192.0.2.9:4301"));
    // The game is hosted directly again.
    stage.hosts(ann, 4226, 0);
    assert_eq!(stage.listed().as_deref(), Some("192.0.2.7:4226"));
    stage.forget();
    stage.hosts(bob, 4226, HUB);
    assert_eq!(stage.lines(bob.who), [""; 0], "it is free");
    stage.found(bob, Ok(at_hub()));
    stage.hosts(bob, 4226, HUB);
    stage.hosts(ann, 4226, HUB);
    assert!(stage.lines(ann.who)[0].contains("busy"));
    stage.happens(bob.who, Event::Ended);
    stage.hosts(ann, 4226, HUB);
    stage.found(ann, Ok(at_hub()));
    assert_eq!(stage.listed().as_deref(), Some("192.0.2.9:4301"));
}

#[test]
fn a_hub_whose_lookup_fails_is_free_again() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.hosts(ann, 4226, HUB);
    stage.found(ann, Err(NoHub::Unknown));
    assert!(stage.lines(ann.who).pop().unwrap().contains("no such hub"));
    stage.hosts(bob, 4226, HUB);
    // The player leaves while the hub is looked up.
    stage.happens(bob.who, Event::Ended);
    stage.found(bob, Ok(at_hub()));
    stage.forget();
    stage.hosts(ann, 4226, HUB);
    assert_eq!(
        stage.effects,
        [Effect::Errand(Errand::FindHub(ann.who, HUB))]
    );
}

#[test]
fn hubs_in_use_are_not_offered() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.hosts(ann, 4226, HUB);
    let bob = stage.logs_in("guest", "Bob", None);
    let version = b"Aleph One WonderNAT V2".to_vec();
    stage.says(bob, Packet::RemoteHubRequest(version));
    assert!(
        matches!(&stage.effects.last(), Some(Effect::Errand(Errand::FindHubs(who, _))) if *who == bob)
    );
    let other = (8, "192.0.2.9:4302".parse().unwrap());
    stage.happens(bob, Event::HubsFound(vec![(HUB, at_hub()), other]));
    let (number, body) = stage.told(bob).pop().unwrap();
    assert_eq!((number, body.len(), body[1]), (18, 8, 8));
}

#[test]
fn the_result_of_a_test_is_sent_unless_the_game_starts_or_ends() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.chats(ann, ".test");
    assert!(stage.lines(ann.who).pop().unwrap().contains("Gather"));
    stage.hosts(ann, 4226, 0);
    stage.chats(ann, ".test");
    let here = "192.0.2.7:4226".parse().unwrap();
    assert!(
        stage
            .effects
            .contains(&Effect::Errand(Errand::Test(ann.who, here)))
    );
    let begun = stage.lines(ann.who).pop().unwrap();
    assert!(begun.contains("takes a few seconds"), "{begun}");
    stage.chats(ann, ".test");
    assert!(stage.lines(ann.who).pop().unwrap().contains("patient"));
    stage.happens(ann.who, Event::Tested(vec!["It passed.".to_owned()]));
    assert_eq!(stage.lines(ann.who).pop().unwrap(), "It passed.");
    stage.chats(ann, ".test");
    stage.forget();
    stage.says(ann.who, Packet::StartGame(30));
    stage.happens(ann.who, Event::Tested(vec!["too late".to_owned()]));
    assert!(
        stage
            .effects
            .contains(&Effect::Errand(Errand::EndTest(ann.who)))
    );
    assert!(stage.lines(ann.who).is_empty());
}

#[test]
fn tests_of_one_player_are_rate_limited() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.hosts(ann, 4226, 0);
    let tests = |stage: &mut Stage| {
        stage.forget();
        stage.chats(ann, ".test");
        let tested = stage
            .effects
            .iter()
            .any(|it| matches!(it, Effect::Errand(Errand::Test(..))));
        stage.happens(ann.who, Event::Tested(Vec::new()));
        tested
    };
    let tested: Vec<_> = (0..7).map(|_| tests(&mut stage)).collect();
    assert_eq!(tested, [true, true, true, true, true, false, false]);
    stage.waits(9);
    assert!(!tests(&mut stage));
    stage.waits(1);
    assert!(tests(&mut stage));
    assert!(!tests(&mut stage));
}

#[test]
fn the_number_of_simultaneous_tests_is_limited() {
    let mut stage = Stage::new(|rules| rules.limits.tests_at_once = 2);
    let players: Vec<_> = ["Ann", "Bob", "Carol"]
        .map(|name| {
            let player = stage.guest(name);
            stage.hosts(player, 4226, 0);
            player
        })
        .into();
    let tests = |stage: &mut Stage, player: Player| {
        stage.forget();
        stage.chats(player, ".test");
        let begun =
            |it: &Effect| matches!(it, Effect::Errand(Errand::Test(who, _)) if *who == player.who);
        stage.effects.iter().any(begun)
    };
    let begun: Vec<_> = players.iter().map(|it| tests(&mut stage, *it)).collect();
    assert_eq!(begun, [true, true, false]);
    stage.happens(players[0].who, Event::Tested(Vec::new()));
    assert!(tests(&mut stage, players[2]));
    assert!(!tests(&mut stage, players[0]));
}

#[test]
fn a_removed_game_leaves_the_list() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.hosts(ann, 4226, 0);
    assert!(stage.listed().is_some());
    stage.forget();
    stage.says(ann.who, Packet::RemoveGame);
    assert_eq!(stage.listed(), None);
    let seen: Vec<_> = stage.games(bob.who).iter().map(|it| it.0).collect();
    assert_eq!(seen, [DELETE as u8]);
    let logged = stage
        .effects
        .iter()
        .any(|it| matches!(it, Effect::Errand(Errand::Log(LogRow::Event(row))) if row.event_type == "remove game"));
    assert!(logged);
}

#[test]
fn servers_of_the_registry_are_shown_as_games_and_not_published_again() {
    let mut stage = Stage::new(|rules| rules.limits.native_games = 1);
    let ann = stage.guest("Ann");
    stage.forget();
    let mut native = NativeGame {
        address: "192.0.2.8:7777".parse().unwrap(),
        description: description("Native"),
        seconds_left: Some(60),
    };
    let show = |stage: &mut Stage, known, native: &NativeGame| {
        let (id, effects) = stage.hall.show(known, native.clone(), stage.now);
        stage.effects.extend(effects);
        id
    };
    let id = show(&mut stage, None, &native);
    assert_eq!(show(&mut stage, None, &native), None, "one too many");
    native.address.set_port(7778);
    show(&mut stage, id, &native);
    stage.waits(10);
    let bob = stage.guest("Bob");
    assert_eq!(stage.games(bob.who)[0].3, 50);
    let effects = stage.hall.withdraw(id.unwrap(), stage.now);
    stage.effects.extend(effects);
    let seen: Vec<_> = stage.games(ann.who).iter().map(|it| (it.0, it.2)).collect();
    assert_eq!(seen, [(0, 7777), (2, 7778), (1, 7778)]);
    assert_eq!(stage.listed(), None);
}
