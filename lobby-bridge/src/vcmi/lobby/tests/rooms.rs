//! Tests of rooms: joining, leaving, starting, and what the registry sees of them.

use super::*;

#[test]
fn an_incomplete_room_is_hidden_and_full() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.says(host, "<NEW>castle");
    scene.says(guest, "<NEW>other<COUNT>2<LEAVE>other<JOIN>castle");
    let read = scene.reads(guest);
    assert!(read.contains(":>>SESSIONS:1:other:1:2:False"), "{read}");
    assert!(
        read.ends_with(":>>SESSIONS:0:>>ERROR:Room castle is full"),
        "{read}"
    );
    assert!(scene.listed.is_empty());
}

#[test]
fn only_one_of_two_clients_gets_the_last_seat() {
    let mut scene = Scene::new();
    let [host, first, second] = ["host", "first", "second"].map(|name| scene.user(5, name));
    scene.says(host, "<NEW>castle<COUNT>2");
    scene.says(first, "<JOIN>castle");
    scene.says(second, "<JOIN>castle");
    scene.told.clear();
    scene.says(first, "<PSWD>");
    scene.says(second, "<PSWD><MSG>not evaluated");
    assert!(
        scene
            .reads(first)
            .starts_with(":>>JOIN:castle:first:>>STATUS:2:")
    );
    let read = scene.reads(second);
    assert_eq!(
        read,
        ":>>SESSIONS:1:castle:2:2:False:>>ERROR:Room castle is full"
    );
}

#[test]
fn a_client_that_is_joining_a_destroyed_room_stays_in_the_lobby() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[]);
    scene.says(guest, "<JOIN>castle");
    scene.says(host, "<LEAVE>castle<NEW>castle<COUNT>2");
    scene.told.clear();
    // The new castle is a different room.
    scene.says(guest, "<READY>castle<KICK>host<MSG>here<PSWD>");
    let read = scene.reads(guest);
    assert_eq!(
        read,
        ":>>MSGCH:guest:global:here:>>ERROR:Room with name castle doesn't exist"
    );
    scene.says(guest, "<JOIN>castle<PSWD>");
    assert!(scene.reads(guest).starts_with(":>>JOIN:castle:guest"));
}

#[test]
fn a_client_that_is_joining_can_change_its_mind() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[]);
    scene.says(guest, "<JOIN>castle<HOSTMODE>1");
    assert_eq!(scene.reads(guest), ":>>ERROR:Insuficcient permissions");
    scene.says(guest, "<LEAVE>castle<PSWD>");
    assert_eq!(
        (scene.reads(guest), scene.reads(host)),
        (String::new(), String::new())
    );
    scene.says(guest, "<NEW>other<COUNT>2");
    assert!(scene.reads(guest).starts_with(":>>CREATED:other"));
}

#[test]
fn a_second_password_of_a_guest_changes_nothing() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    scene.says(guest, "<PSWD>again");
    assert_eq!(
        (scene.reads(guest), scene.reads(host)),
        (String::new(), String::new())
    );
    assert!(!scene.listed[&RoomId(0)].protected);
}

#[test]
fn kicking_the_last_unready_player_starts_the_game() {
    let mut scene = Scene::new();
    let [host, ready, late] = ["host", "ready", "late"].map(|name| scene.user(5, name));
    scene.castle(host, &[ready, late]);
    scene.says(host, "<READY>castle");
    scene.says(ready, "<READY>castle");
    scene.told.clear();
    scene.says(host, "<KICK>late");
    assert!(
        scene
            .reads(ready)
            .contains(":>>STATUS:2:host:True:ready:True:>>START:")
    );
    assert_eq!(scene.closed, HashSet::from([host, ready]));
    assert_eq!(
        scene.reads(late),
        ":>>KICK:castle:late:>>SESSIONS:0:>>USERS:1:late"
    );
}

#[test]
fn a_guest_that_vanishes_does_not_start_the_game() {
    let mut scene = Scene::new();
    let [host, ready, late] = ["host", "ready", "late"].map(|name| scene.user(5, name));
    scene.castle(host, &[ready, late]);
    scene.says(host, "<READY>castle");
    scene.says(ready, "<READY>castle");
    scene.told.clear();
    scene.happens(late, Event::Ended);
    let read = scene.reads(ready);
    assert!(read.starts_with(":>>KICK:castle:late:>>STATUS:2:host:True:ready:True:>>SESSIONS:"));
    assert!(scene.closed.is_empty());
}

#[test]
fn the_players_of_a_started_room_leave_the_lobby_and_return_as_pipes() {
    let mut scene = Scene::new();
    let [host, guest, other] = ["host", "guest", "other"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    scene.says(host, "<FORCESTART>castle<MSG>too late");
    let read = scene.reads(host);
    let server: Uuid = read[8..44].parse().unwrap();
    let (_, start) = read
        .split_once(":1:>>START:")
        .expect("HOST for one other player, then START");
    assert!(start.parse::<Uuid>().is_ok(), "{read}");
    assert_eq!(scene.reads(other), ":>>SESSIONS:0:>>USERS:1:other");
    scene.says(guest, "<MSG>too late as well");
    assert_eq!(scene.reads(other), "");

    let client: Uuid = scene.reads(guest)[9..45].parse().unwrap();
    let [p, s] = [100, 101].map(ConnectionId);
    for (who, role, uuid) in [(p, Role::Client, client), (s, Role::Server, server)] {
        scene.happens(who, Event::Pipe);
        let arrival = scene.lobby.arrive(who, role, uuid, scene.now);
        assert_eq!(
            arrival,
            if who == p {
                Arrival::Waits
            } else {
                Arrival::Pairs(p)
            }
        );
    }
    scene.says(
        other,
        "<ROOT>clients<ROOT>sessions<ROOT>connections<ROOT>rooms",
    );
    let read = scene.reads(other);
    assert_eq!(
        read,
        ":>>MSG:System:2:>>MSG:System:1:>>MSG:System:1:>>MSG:System:1"
    );
    scene.now += Duration::from_secs(3_600);
    scene.lobby.expire(scene.now);
    assert_eq!(
        scene
            .lobby
            .arrive(ConnectionId(102), Role::Client, client, scene.now),
        Arrival::Waits
    );
}

#[test]
fn the_registry_sees_a_room_appear_change_and_disappear() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(4, name));
    scene.says(host, "<NEW>castle<PSWD>secret<MODS>wog&1");
    assert!(scene.listed.is_empty(), "not listed before it is open");
    scene.says(host, "<COUNT>3");
    let id = RoomId(0);
    let open = scene.listed[&id].clone();
    let expected = OpenRoom {
        name: "castle".to_owned(),
        players: 1,
        max_players: 3,
        protected: true,
        mods: vec![Mod {
            name: "wog".to_owned(),
            version: "1".to_owned(),
        }],
        version: "VCMI 1.4.0".to_owned(),
        mode: HostMode::NewGame,
        local: "192.0.2.9:5002".parse().unwrap(),
    };
    assert_eq!(open, expected);

    scene.says(guest, "<JOIN>castle<PSWD>secret");
    scene.says(host, "<HOSTMODE>1<PSWD><MODS><VER>VCMI 1.4.5");
    let open = scene.listed[&id].clone();
    assert_eq!(
        (open.players, open.protected, open.mode),
        (2, false, HostMode::LoadGame)
    );
    assert_eq!((open.mods.len(), open.version.as_str()), (0, "VCMI 1.4.5"));

    scene.happens(guest, Event::Ended);
    assert_eq!(scene.listed[&id].players, 1);
    scene.says(host, "<FORCESTART>castle");
    assert!(scene.listed.is_empty(), "removed when it starts");
}

#[test]
fn a_room_is_unlisted_when_its_host_leaves() {
    let mut scene = Scene::new();
    for (name, end) in [("leaver", "<LEAVE>castle"), ("vanisher", "")] {
        let host = scene.user(5, name);
        scene.castle(host, &[]);
        assert_eq!(scene.listed.len(), 1);
        if end.is_empty() {
            scene.happens(host, Event::Ended);
        } else {
            scene.says(host, end);
        }
        assert!(scene.listed.is_empty(), "{name}");
    }
}

#[test]
fn a_client_can_have_only_one_room() {
    let mut scene = Scene::new();
    let who = scene.user(5, "eve");
    for number in 0..10_000 {
        scene.says(who, &format!("<NEW>room{number}<COUNT>2"));
    }
    scene.reads(who);
    assert_eq!((scene.lobby.rooms.len(), scene.listed.len()), (1, 1));
}

#[test]
fn the_number_of_sessions_is_bounded() {
    let mut scene = Scene::new();
    for _ in 0..5_000 {
        let who = scene.user(5, "eve");
        scene.says(who, "<NEW>room<COUNT>2<FORCESTART>room");
    }
    assert_eq!(scene.lobby.sessions.len(), 4_096);
}

#[test]
fn a_game_starts_when_two_or_more_players_are_all_ready() {
    let started = |version, guests: usize, ready: usize| {
        let mut scene = Scene::new();
        let host = scene.user(version, "host");
        let names = ["first", "second"].map(|name| scene.user(5, name));
        scene.castle(host, &names[..guests]);
        scene.says(host, "<READY>castle");
        for guest in &names[..ready] {
            scene.says(*guest, "<READY>castle");
        }
        scene.closed.contains(&host)
    };
    assert!(!started(5, 0, 0), "alone");
    assert!(!started(5, 1, 0));
    assert!(started(5, 1, 1));
    assert!(!started(5, 2, 1));
    assert!(started(5, 2, 2));
    // Old launchers have no other way to start.
    assert!(started(2, 2, 0));
    assert!(!started(3, 2, 0));
}

#[test]
fn a_guest_of_an_old_launcher_does_not_start_the_game() {
    let mut scene = Scene::new();
    let (host, guest) = (scene.user(5, "host"), scene.user(2, "guest"));
    scene.castle(host, &[guest]);
    scene.says(guest, "<READY>castle");
    assert!(scene.closed.is_empty());
}

#[test]
fn an_unused_session_is_forgotten() {
    let mut scene = Scene::new();
    let [host, guest] = ["host", "guest"].map(|name| scene.user(5, name));
    scene.castle(host, &[guest]);
    scene.says(host, "<FORCESTART>castle");
    scene.lobby.expire(scene.now + Duration::from_secs(1_799));
    assert_eq!(scene.lobby.sessions.len(), 1);
    scene.lobby.expire(scene.now + Duration::from_secs(1_800));
    assert!(scene.lobby.sessions.is_empty());
}

#[test]
fn a_guest_is_sent_what_its_launcher_understands() {
    let joins = |version| {
        let mut scene = Scene::new();
        let (host, guest) = (scene.user(5, "host"), scene.user(version, "guest"));
        scene.castle(host, &[]);
        scene.says(host, "<HOSTMODE>1");
        scene.told.clear();
        scene.says(guest, "<JOIN>castle<PSWD>");
        let read = scene.reads(guest);
        (
            read.contains(":>>GAMEMODE:1"),
            read.contains("You are in the room chat."),
        )
    };
    assert_eq!(joins(3), (false, true));
    assert_eq!(joins(4), (true, true));
    assert_eq!(joins(5), (true, false));
}
