use super::*;

#[test]
fn a_forged_sender_is_denied() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.forget();
    let forged = Player {
        who: bob.who,
        id: ann.id,
    };
    stage.chats(forged, "I am Ann");
    assert_eq!(stage.denied(bob.who), Some(0));
    assert!(stage.told(ann.who).iter().all(|(number, _)| *number != 200));
}

#[test]
fn texts_are_cut_and_empty_ones_are_dropped() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.forget();
    stage.chats(ann, " \t ");
    assert_eq!(stage.told(ann.who), []);
    stage.chats(ann, &"x".repeat(5_000));
    let (_, body) = stage.told(ann.who).pop().unwrap();
    assert_eq!(body.len(), 24 + "|iGuest|p Ann\0".len() + 1_001);
    stage.chats(ann, &format!(".afk {}", "z".repeat(200)));
    let name = &stage.players(ann.who)[0].name;
    assert_eq!(name.matches('z').count(), 31, "{name}");
}

#[test]
fn nobody_is_called_like_somebody_else() {
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
fn who_comes_back_from_a_game_is_told_what_he_has_missed() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.hosts(bob, 4226, 0);
    let gone = stage.games(bob.who)[0].1;
    stage.plays(ann, true);
    stage.forget();
    stage.happens(bob.who, Event::Ended);
    let cat = stage.guest("Cat");
    stage.hosts(cat, 4227, 0);
    // Who comes and goes meanwhile is nobody he has ever heard of.
    let dan = stage.guest("Dan");
    stage.happens(dan.who, Event::Ended);
    assert_eq!(stage.told(ann.who), [], "he does not listen");
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
fn rooms_know_nothing_of_each_other() {
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
    // A hub is one hub in all of them.
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
fn hidden_players_are_never_told_of() {
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
fn the_rainbow_lasts_as_long_as_a_moderator_is_there() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    let moderator = stage.moderator("mod", "Mod");
    stage.chats(ann, ".rainbow");
    assert!(stage.lines(ann.who)[0].contains(".rainbow"), "not for her");
    stage.forget();
    stage.chats(moderator, ".rainbow");
    let colours = |stage: &Stage| {
        let players = stage.players(ann.who).into_iter();
        players.map(|it| (it.id, it.primary)).collect::<Vec<_>>()
    };
    let (red, yellow) = (Rgb([65_535, 0, 0]), Rgb([65_534, 65_535, 0]));
    assert_eq!(colours(&stage), [(ann.id.0, yellow), (moderator.id.0, red)]);
    let green = Rgb([0, 65_535, 0]);
    let teams = stage.players(ann.who).into_iter().map(|it| it.secondary);
    assert!(teams.eq([green, yellow]));
    stage.forget();
    stage.happens(moderator.who, Event::Ended);
    let own = Rgb([1, 2, 3]);
    assert_eq!(colours(&stage)[1..], [(ann.id.0, own)]);
}

#[test]
fn actions_are_few_and_everybody_reads_them() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.forget();
    stage.chats(ann, ".me waves   slowly");
    stage.chats(ann, ".action waves again");
    stage.waits(15);
    stage.chats(ann, ".me sits down");
    let lines = stage.lines(bob.who);
    assert_eq!(
        lines,
        ["|iGuest|p Ann waves slowly", "|iGuest|p Ann sits down"]
    );
    stage.forget();
    stage.chats(ann, ".me");
    assert!(stage.lines(ann.who)[0].contains("message is required"));
    assert_eq!(stage.lines(bob.who), [""; 0]);
}

#[test]
fn lists_are_answered_by_the_server_as_well() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.player("bob", "Bob");
    stage.hosts(ann, 4226, 0);
    stage.forget();
    for (command, answer) in [
        (".who", "Players: |iGuest|p Ann|p, Bob"),
        (".games", "Games: Game|p on Map"),
    ] {
        stage.chats(ann, command);
        assert_eq!(stage.lines(ann.who), [answer]);
        stage.forget();
    }
    stage.says(ann.who, Packet::RemoveGame);
    stage.forget();
    stage.chats(ann, ".games");
    assert_eq!(stage.lines(ann.who), ["Games: none"]);
}

#[test]
fn a_long_list_is_cut_into_lines_between_names() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    // Each takes 63 bytes, and two for the comma and the blank.
    let names: Vec<String> = (10..30).map(|n| format!("{n}{}", "x".repeat(61))).collect();
    for (n, name) in names.iter().enumerate() {
        stage.player(&format!("account{n}"), name);
    }
    stage.forget();
    stage.chats(ann, ".who");
    let lines = stage.lines(ann.who);
    assert!(lines.len() > 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("Players: ")));
    assert!(lines.iter().all(|line| line.len() <= 470), "{lines:?}");
    let game = CreateGame {
        port: 4226,
        hub: 0,
        description: description(&"y".repeat(500)),
    };
    stage.says(ann.who, Packet::CreateGame(game));
    stage.forget();
    stage.chats(ann, ".games");
    assert_eq!(stage.lines(ann.who).len(), 1, "what is too long has a line");
    for name in names {
        let whole = lines.iter().filter(|line| line.contains(&name)).count();
        assert_eq!(whole, 1, "{name}");
    }
}

#[test]
fn help_lists_what_one_may_do() {
    let mut stage = Stage::open();
    let (ann, moderator) = (stage.guest("Ann"), stage.moderator("mod", "Mod"));
    stage.forget();
    for player in [ann, moderator] {
        stage.chats(player, ".help");
    }
    let begins = |player: Player, what: &str| {
        let lines = stage.lines(player.who);
        lines.iter().filter(|line| line.starts_with(what)).count()
    };
    for (what, for_all, for_moderators) in [(".afk", 1, 1), (".help", 1, 1), (".kick", 0, 1)] {
        let seen = (begins(ann, what), begins(moderator, what));
        assert_eq!(seen, (for_all, for_moderators), "{what}");
    }
}

#[test]
fn commands_of_moderators_are_unknown_to_others() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    for command in [".kick", ".ban", ".unban x", ".rainbow"] {
        stage.forget();
        stage.whispers(ann, bob.id, command);
        let lines = stage.lines(ann.who);
        assert!(lines[0].starts_with("Unknown command ."), "{lines:?}");
        assert_eq!(stage.told(bob.who), [], "{command}");
        assert!(!stage.effects.contains(&Effect::Close(bob.who)));
    }
}

#[test]
fn whoever_is_away_is_shown_so_until_he_says_something() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.player("ann", "Ann"), stage.player("bob", "Bob"));
    let changed = |stage: &mut Stage| {
        let players = stage.players(bob.who);
        stage.forget();
        let entry = |it: Entry| (it.flags, it.away, it.name);
        players.into_iter().map(entry).collect::<Vec<_>>()
    };
    changed(&mut stage);
    let away = (0x0001, true, "|iafk|p-Ann".to_owned());
    let back = (0x4001, false, "Ann".to_owned());
    stage.chats(ann, ".afk");
    assert_eq!(changed(&mut stage), std::slice::from_ref(&away));
    stage.chats(ann, ".avail");
    assert_eq!(
        stage.lines(ann.who),
        ["Available: Ann|p, Bob"],
        "she is back"
    );
    assert_eq!(changed(&mut stage), std::slice::from_ref(&back));
    stage.chats(ann, ".afk");
    changed(&mut stage);
    stage.whispers(ann, bob.id, "here");
    assert_eq!(changed(&mut stage), [back]);
    // Her client says so as well, without a text.
    let data = PlayerData {
        away: true,
        ..PlayerData::default()
    };
    stage.says(ann.who, Packet::PlayerData(data));
    assert_eq!(changed(&mut stage), [(0x0001, true, "Ann".to_owned())]);
    stage.chats(bob, ".available");
    assert_eq!(stage.lines(bob.who), ["Available: Bob"]);
    // Nobody looks for somebody who plays.
    stage.chats(ann, ".afk");
    changed(&mut stage);
    stage.plays(ann, true);
    assert_eq!(changed(&mut stage), [(0x0001, true, "Ann".to_owned())]);
}

#[test]
fn a_whisper_is_copied_to_its_sender_if_he_wants_it_and_listens() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    let copies = |stage: &mut Stage, echo| {
        stage.forget();
        let message = PrivateMessage {
            target: bob.id,
            target_again: bob.id,
            echo,
            sender: ann.id,
            message: b"psst".to_vec(),
        };
        stage.says(ann.who, Packet::PrivateMessage(message));
        [ann, bob].map(|it| stage.told(it.who).iter().filter(|it| it.0 == 201).count())
    };
    assert_eq!(copies(&mut stage, false), [0, 1]);
    assert_eq!(copies(&mut stage, true), [1, 1]);
    stage.plays(ann, true);
    assert_eq!(copies(&mut stage, true), [0, 1]);
    for (target_again, sender) in [(ann.id, ann.id), (bob.id, bob.id)] {
        let forger = stage.guest("Forger");
        let message = PrivateMessage {
            target: bob.id,
            target_again,
            echo: false,
            sender: if sender == ann.id { forger.id } else { sender },
            message: b"psst".to_vec(),
        };
        stage.says(forger.who, Packet::PrivateMessage(message));
        assert_eq!(stage.denied(forger.who), Some(0), "{target_again:?}");
    }
}

#[test]
fn what_happens_is_logged() {
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
fn what_an_old_client_says_besides_changes_nothing() {
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
fn counts_are_announced_when_they_have_changed_and_are_wanted() {
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
fn who_enters_without_a_hub_is_told_what_to_untick() {
    let hinted = |stage: &mut Stage, name: &str| {
        let player = stage.guest(name);
        let hint = |line: &String| line.contains("Use Dedicated Server");
        stage.lines(player.who).iter().any(hint)
    };
    let mut stage = Stage::open();
    assert!(!hinted(&mut stage, "Early"), "nothing is known yet");
    assert!(stage.hall.has_hub(false), "that is news");
    assert!(!stage.hall.has_hub(false));
    assert!(hinted(&mut stage, "Ann"));
    assert!(stage.hall.has_hub(true));
    assert!(!hinted(&mut stage, "Bob"));

    let mut quiet = Stage::new(|rules| rules.hub_hint = false);
    quiet.hall.has_hub(false);
    assert!(!hinted(&mut quiet, "Carol"));
}
