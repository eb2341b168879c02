use super::*;

#[test]
fn the_rainbow_lasts_while_a_moderator_is_in_the_room() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    let moderator = stage.moderator("mod", "Mod");
    stage.chats(ann, ".rainbow");
    assert!(
        stage.lines(ann.who)[0].contains(".rainbow"),
        "not for guests"
    );
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
fn actions_are_rate_limited_and_shown_to_everybody() {
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
fn lists_of_players_and_games_are_answered_in_the_chat() {
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
fn a_long_list_is_split_into_lines_between_names() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    // Each name takes 63 bytes, and the comma and the blank two more.
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
    assert_eq!(
        stage.lines(ann.who).len(),
        1,
        "an entry that is too long has its own line"
    );
    for name in names {
        let whole = lines.iter().filter(|line| line.contains(&name)).count();
        assert_eq!(whole, 1, "{name}");
    }
}

#[test]
fn help_lists_the_commands_that_the_player_may_use() {
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
fn a_player_is_shown_as_away_until_they_write_something() {
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
        "no longer away"
    );
    assert_eq!(changed(&mut stage), std::slice::from_ref(&back));
    stage.chats(ann, ".afk");
    changed(&mut stage);
    stage.whispers(ann, bob.id, "here");
    assert_eq!(changed(&mut stage), [back]);
    // The client reports it as well, without a text.
    let data = PlayerData {
        away: true,
        ..PlayerData::default()
    };
    stage.says(ann.who, Packet::PlayerData(data));
    assert_eq!(changed(&mut stage), [(0x0001, true, "Ann".to_owned())]);
    stage.chats(bob, ".available");
    assert_eq!(stage.lines(bob.who), ["Available: Bob"]);
    // A player in a game is not looked for.
    stage.chats(ann, ".afk");
    changed(&mut stage);
    stage.plays(ann, true);
    assert_eq!(changed(&mut stage), [(0x0001, true, "Ann".to_owned())]);
}
