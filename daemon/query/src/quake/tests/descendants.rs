//! Games that describe themselves in their own way.

use super::*;

#[test]
fn players_of_xonotic_are_in_teams() {
    let settings = [
        ("gamename", "Xonotic"),
        ("modname", "data"),
        ("gameversion", "806"),
        ("clients", "3"),
        ("bots", "1"),
        ("qcstatus", "ctf:0.8.6:P60:S5:F13:MXonotic::score!!"),
    ];
    let people = "5 40 5 \"^xf00Ana\"\n1 0 14 \"[BOT]Bo\"\n-666 30 -1 \"Cy\"\n";
    let info = told(&settings, people);
    assert_eq!(
        (info.players, info.mode.as_deref()),
        (Some(2), Some("capture the flag"))
    );
    assert_eq!(info.version.as_deref(), Some("0.8.6"));
    let people: Vec<_> = info
        .player_list
        .iter()
        .map(|it| (&*it.name, it.team.as_deref()))
        .collect();
    assert_eq!(people, [("Ana", Some("red")), ("Cy", None)]);
}

#[test]
fn teams_of_darkplaces_are_known_by_their_colours() {
    let settings = [("modname", "data"), ("gameversion", "806")];
    let table = [
        (5, Some("red")),
        (14, Some("blue")),
        (13, Some("yellow")),
        (10, Some("pink")),
        (0, None),
    ];
    for (number, team) in table {
        let info = told(&settings, &format!("5 40 {number} \"Ana\"\n"));
        assert_eq!(info.player_list[0].team.as_deref(), team, "{number}");
    }
}

#[test]
fn quakeworld_has_teams_and_spectators() {
    let one = b"\xff\xff\xff\xffn\\hostname\\\xcf\xec\xe4 &cf00Quake&r\\map\\e1m1\\maxclients\\8\
        \\needpass\\2\\*version\\MVDSV 0.35\\*gamedir\\ktx\\teamplay\\2\\deathmatch\\3\n\
        1 5 3 40 \"\x10A\x11na\" \"base\" 4 4 \"red\"\n2 S 9 -60 \"Bo\" \"\" 0 0 \"\"\n\
        3 -9 1 30 \"\\s\\Cy\" \"\" 0 0\n\0";
    let info = asked(Protocol::Quake1, &[one]);
    let expected = ServerInfo {
        map: Some("e1m1".into()),
        mode: Some("team deathmatch".into()),
        players: Some(1),
        max_players: Some(8),
        password: Some(false),
        version: Some("MVDSV 0.35".into()),
        mods: vec![metaserve::Mod::new("ktx")],
        player_list: vec![metaserve::Player {
            score: Some(5),
            team: Some("red".into()),
            ..metaserve::Player::new("[A]na")
        }],
        ..ServerInfo::new("Old Quake")
    };
    assert_eq!(info, expected);
}

#[test]
fn quake2_servers_are_described_in_words() {
    let two = b"\xff\xff\xff\xffprint\n\\hostname\\old\\mapname\\q2dm1\\maxclients\\8\
        \\version\\R1Q2 b7904\\gamename\\baseq2\\deathmatch\\1\\game\\lithium\n5 0 \"\xc1na\"\n";
    let info = asked(Protocol::Quake2, &[two]);
    assert_eq!(
        (info.map.as_deref(), info.mode.as_deref()),
        (Some("q2dm1"), Some("deathmatch"))
    );
    assert_eq!(
        (info.occupancy().as_deref(), names(&info)),
        (Some("1/8"), vec![("Ana", Some(5))])
    );
    assert_eq!(info.mods, [metaserve::Mod::new("lithium")]);
    let arena = b"\xff\xff\xff\xffprint\n\\hostname\\^1Alien ^7Arena\\gamename\\data1\n";
    assert_eq!(asked(Protocol::Quake2, &[arena]).name, "Alien Arena");
}
