//! The players of a server: people, bots, and those in private slots.

use super::*;

#[test]
fn people_are_named_and_bots_are_not() {
    let people = "3 48 \"^1Ana\"\n-1 0 \"Gargoyle\"\n0 120 \"two words\"\n";
    let info = told(&[("mapname", "oa_dm1"), ("sv_maxclients", "8")], people);
    assert_eq!(names(&info), [("Ana", Some(3)), ("two words", Some(0))]);
    assert_eq!(info.players, Some(2));
}

/// What `getinfo` is answered, with a challenge of nobody.
fn short(humans: u32) -> Vec<u8> {
    let text = format!("infoResponse\n\\g_humanplayers\\{humans}\\clients\\3\\sv_maxclients\\6");
    [b"\xff\xff\xff\xff", text.as_bytes()].concat()
}

#[test]
fn people_without_a_ping_are_counted_by_the_engine() {
    let people = "3 48 \"Ana\"\n-1 0 \"Bo\"\n0 0 \"Cy\"\n";
    let full = status(
        &[("sv_maxclients", "8"), ("sv_privateClients", "2")],
        people,
    );
    let counted = |humans| {
        let info = recorded(&[&full, &short(humans)]).unwrap();
        (info.players, info.max_players, info.player_list.len())
    };
    assert_eq!(counted(3), (Some(3), Some(6), 3));
    assert_eq!(counted(1), (Some(1), Some(6), 1));
    // Without the second answer, whoever has no ping is a bot.
    let info = recorded(&[&full]).unwrap();
    assert_eq!((info.players, info.max_players), (Some(1), Some(6)));
}

/// Bots are in private slots first, which some engines leave out of `clients`.
#[test]
fn each_engine_counts_its_people_in_its_own_way() {
    let lines = |people, bots| "0 40 \"Ana\"\n".repeat(people) + &"0 0 \"Bo\"\n".repeat(bots);
    let table: [(&str, usize, usize, &str, u32); 5] = [
        // Unvanquished: people alone, and the bots beside them.
        ("Unvanquished 0.54", 3, 5, "\\clients\\3\\bots\\5", 3),
        // Urban Terror: both from the private slots on.
        ("ioq3-urt", 3, 4, "\\clients\\3\\bots\\0", 3),
        ("ioq3-urt", 3, 4, "\\clients\\5\\bots\\2", 3),
        // ET: Legacy names the people.
        ("ET Legacy", 3, 4, "\\clients\\7\\humans\\3", 3),
        // Quake III 1.32 says neither.
        ("Q3 1.32", 3, 4, "\\clients\\3", 3),
    ];
    for (version, people, bots, counts, players) in table {
        let settings = [("version", version), ("sv_privateClients", "4")];
        let full = status(&settings, &lines(people, bots));
        let short = format!("infoResponse\n\\sv_maxclients\\20{counts}");
        let short = [b"\xff\xff\xff\xff", short.as_bytes()].concat();
        let info = recorded(&[&full, &short]).unwrap();
        assert_eq!(info.players, Some(players), "{version} {counts}");
    }
}

#[test]
fn the_engine_is_asked_only_where_pings_leave_a_doubt() {
    let mut dialogue = ask::Quake3::with("abc".into());
    assert_eq!(dialogue.open(), b"\xff\xff\xff\xffgetstatus abc");
    let bot = status(&[("mapname", "a")], "0 0 \"Bo\"\n");
    let next = dialogue.hear(&bot).unwrap();
    assert_eq!(next, Heard::Say(b"\xff\xff\xff\xffgetinfo abc".to_vec()));
    // The answer to a request that was repeated.
    assert_eq!(dialogue.hear(&bot).unwrap(), Heard::More);
    for settings in [
        &[("bots", "1"), ("clients", "2")][..],
        &[("g_humanplayers", "1")],
    ] {
        let bot = status(settings, "0 0 \"Bo\"\n0 40 \"Ana\"\n");
        let info = recorded(&[&bot]).unwrap();
        assert_eq!((info.players, info.player_list.len()), (Some(1), 1));
    }
}
