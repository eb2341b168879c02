use super::*;

#[test]
fn no_two_players_have_the_same_name() {
    let mut stage = Stage::open();
    let witness = stage.guest("Witness");
    stage.moderator("mod", "Mod");
    stage.player("bob", "|iMod ");
    stage.player("cat", "Guest Witness");
    stage.guest(&"long".repeat(50));
    let names: Vec<_> = stage
        .players(witness.who)
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(
        names[..4],
        ["|iGuest|p Witness", "Mod", "|iMod |p (bob)", "cat"]
    );
    assert_eq!(names[4].len(), "|iGuest|p ".len() + 63);
}

#[test]
fn a_player_who_returns_from_a_game_is_sent_what_they_missed() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.hosts(bob, 4226, 0);
    let gone = stage.games(bob.who)[0].1;
    stage.plays(ann, true);
    stage.forget();
    stage.happens(bob.who, Event::Ended);
    let cat = stage.guest("Cat");
    stage.hosts(cat, 4227, 0);
    // Players who come and go in the meantime are never mentioned.
    let dan = stage.guest("Dan");
    stage.happens(dan.who, Event::Ended);
    assert_eq!(stage.told(ann.who), [], "deaf players are sent nothing");
    stage.plays(ann, false);
    let players: Vec<_> = stage
        .players(ann.who)
        .into_iter()
        .map(|it| (it.verb, it.id, it.away))
        .collect();
    let (ann_id, bob_id, cat_id) = (ann.id.0, bob.id.0, cat.id.0);
    assert_eq!(players[0], (CHANGE, ann_id, false));
    let resynchronised = [
        (DELETE, bob_id, false),
        (CHANGE, ann_id, false),
        (CHANGE, cat_id, false),
    ];
    assert_eq!(players[1..], resynchronised);
    let games: Vec<_> = stage.games(ann.who).iter().map(|it| (it.0, it.1)).collect();
    let new = stage.games(cat.who)[0].1;
    assert_eq!(games, [(DELETE as u8, gone), (CHANGE as u8, new)]);
}

#[test]
fn rooms_do_not_see_each_other() {
    let mut stage = Stage::new(|rules| rules.rooms.push(RoomRules::new("Shoal")));
    let ann = stage.guest("Ann");
    let login = stage.logs_in("guest", "Bob", None);
    let bob = stage.enters(1, "guest", login, "192.0.2.7");
    assert_eq!(stage.players(bob.who).len(), 1);
    stage.forget();
    stage.chats(ann, "anybody?");
    stage.hosts(ann, 4226, 0);
    assert_eq!(stage.told(bob.who), []);
    stage.whispers(bob, ann.id, "psst");
    let frames: Vec<_> = stage
        .told(bob.who)
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(frames, [3, 10]);
    assert!(!stage.effects.contains(&Effect::Close(bob.who)));
    // A hub is shared by all rooms.
    stage.hosts(ann, 4226, 7);
    stage.happens(
        ann.who,
        Event::HubFound(7, Ok("192.0.2.9:4301".parse().unwrap())),
    );
    stage.forget();
    stage.hosts(bob, 4226, 7);
    assert!(stage.lines(bob.who)[0].contains("busy"));
}

#[test]
fn hidden_players_are_never_mentioned() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.forget();
    let hidden = Account {
        hidden: true,
        ..account("bot")
    };
    let login = stage.logs_in("bot", "Bot", Some(hidden));
    let bot = stage.enters(0, "bot", login, "192.0.2.7");
    stage.chats(bot, ".afk");
    stage.plays(bot, true);
    stage.plays(bot, false);
    stage.happens(bot.who, Event::Ended);
    assert_eq!(stage.told(ann.who), []);
}

#[test]
fn logins_games_and_chat_are_logged() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.player("ann", "Ann"), stage.guest("Bob"));
    let logins = stage.effects.iter().filter_map(|effect| match effect {
        Effect::Errand(Errand::Log(LogRow::LoginDetail(row))) => Some(row.user_id),
        Effect::Errand(Errand::Log(LogRow::Event(row))) => {
            let said = String::from_utf8(row.extradata.clone().unwrap()).unwrap();
            assert!(said.contains("\"peer\":\"192.0.2.7\""), "{said}");
            None
        }
        _ => None,
    });
    assert!(logins.eq([ann.id.0, bob.id.0]));
    stage.forget();
    stage.hosts(bob, 4226, 0);
    let dumped = stage.effects.iter().find_map(|effect| match effect {
        Effect::Errand(Errand::Log(LogRow::Event(row))) => row.extradata.clone(),
        _ => None,
    });
    let hexadecimal: String = description("Game")
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    assert_eq!(dumped, Some(hexadecimal.into_bytes()));
    stage.says(bob.who, Packet::RemoveGame);
    stage.forget();
    stage.chats(ann, ".help");
    stage.chats(ann, "hello");
    stage.whispers(ann, bob.id, "psst");
    stage.plays(bob, true);
    stage.whispers(ann, bob.id, "not heard");
    stage.happens(bob.who, Event::Ended);
    let rows: Vec<_> = stage
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Errand(Errand::Log(LogRow::Chat(row))) => Some(row),
            _ => None,
        })
        .collect();
    assert_eq!(rows[0].target, None);
    let target = rows[1].target.as_ref().unwrap();
    assert_eq!((target.user_id, &target.username), (bob.id.0, &None));
    assert!(rows.iter().all(|row| row.color == Some([1, 2, 3])));
    let logged: Vec<_> = stage
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Errand(Errand::Log(LogRow::Chat(row))) => {
                Some(String::from_utf8_lossy(&row.message).into())
            }
            Effect::Errand(Errand::Log(LogRow::Event(row))) => Some(row.event_type.to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(logged, ["hello", "psst", "enter game", "logout"]);
}

#[test]
fn ignored_packets_change_nothing() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    let login = stage.at_login();
    stage.forget();
    for packet in [Packet::KeepAlive, Packet::Ignored] {
        stage.says(ann.who, packet);
    }
    stage.says(login, Packet::KeepAlive);
    assert_eq!(stage.effects, []);
}

#[test]
fn players_and_games_are_counted() {
    let mut stage = Stage::new(|rules| rules.rooms.push(RoomRules::new("Shoal")));
    assert_eq!(stage.hall.counts(), (0, 0));
    let ann = stage.guest("Ann");
    stage.guest("Bob");
    let login = stage.logs_in("guest", "Carol", None);
    let carol = stage.enters(1, "guest", login, "192.0.2.7");
    for player in [ann, carol] {
        stage.hosts(player, 4226, 0);
    }
    assert_eq!(stage.hall.counts(), (3, 2));
    stage.says(ann.who, Packet::RemoveGame);
    stage.happens(carol.who, Event::Ended);
    assert_eq!(stage.hall.counts(), (2, 0));
}

#[test]
fn changed_counts_are_announced_if_the_operator_wants_that() {
    for wanted in [false, true] {
        let mut stage = Stage::new(|rules| rules.announce_counts = wanted);
        let ann = stage.guest("Ann");
        let announced = |stage: &mut Stage| {
            stage.forget();
            let effects = stage.hall.announce_counts();
            stage.effects.extend(effects);
            let frames = stage.told(ann.who).into_iter();
            frames
                .map(|(number, body)| (number, body[3], body[11]))
                .collect::<Vec<_>>()
        };
        let expected = |players, games| match wanted {
            true => vec![(0, players, games)],
            false => vec![],
        };
        assert_eq!(announced(&mut stage), expected(1, 0));
        assert_eq!(announced(&mut stage), []);
        stage.hosts(ann, 4226, 0);
        assert_eq!(announced(&mut stage), expected(1, 1));
    }
}

#[test]
fn a_player_who_enters_is_told_to_untick_dedicated_servers_if_there_is_no_hub() {
    let hinted = |stage: &mut Stage, name: &str| {
        let player = stage.guest(name);
        let hint = |line: &String| line.contains("Use Dedicated Server");
        stage.lines(player.who).iter().any(hint)
    };
    let mut stage = Stage::open();
    assert!(!hinted(&mut stage, "Early"), "nothing is known yet");
    assert!(stage.hall.has_hub(false), "this is news");
    assert!(!stage.hall.has_hub(false));
    assert!(hinted(&mut stage, "Ann"));
    assert!(stage.hall.has_hub(true));
    assert!(!hinted(&mut stage, "Bob"));

    let mut quiet = Stage::new(|rules| rules.hub_hint = false);
    quiet.hall.has_hub(false);
    assert!(!hinted(&mut quiet, "Carol"));
}
