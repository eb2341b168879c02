//! `GoldSrc` and Xash3D: names, pages, and servers of the registry
//! (`docs/specifications/goldsrc-master.md`).

use metaserve::ServerInfo;

use super::*;
use crate::quake::{
    Dialect,
    listing::{self, Native, NativeChange},
};

const WORLD: &[u8] = b"1\xff0.0.0.0:0\0\0";

fn stage(more: &[&str]) -> Stage {
    Stage::with(Dialect::GoldSrc, more)
}

impl Stage {
    /// Registers a server with these settings. Returns what it is asked then.
    fn joins_goldsrc(&mut self, who: &str, settings: &str) -> Vec<Bytes> {
        let question = self.datagrams(who, b"q\xff");
        let number = u32::from_le_bytes(question[0][6..10].try_into().unwrap());
        let answer = format!("0\n\\challenge\\{number}\\players\\2\\max\\8{settings}\n");
        self.datagrams(who, answer.as_bytes())
    }

    /// The addresses of a page, with the one of zeros.
    fn page(&mut self, who: &str, request: &[u8]) -> Vec<String> {
        let page = self.datagrams(who, request);
        let items = page[0][6..].chunks(6);
        let address = |it: &[u8]| {
            let port = u16::from_be_bytes([it[4], it[5]]);
            SocketAddr::from(([it[0], it[1], it[2], it[3]], port)).to_string()
        };
        items.map(address).collect()
    }

    fn record(&self) -> ServerInfo {
        listing::server_info(Dialect::GoldSrc, &self.listed.last().unwrap().1)
    }
}

const CSTRIKE: &str = "\\gamedir\\cstrike\\map\\de_dust\\password\\1\\version\\1.1.2.7\\bots\\0";

#[test]
fn a_server_is_listed_at_once_and_named_when_it_has_said_its_name() {
    let mut stage = stage(&[]);
    let server = "192.0.2.1:27015";
    let second = stage.joins_goldsrc(server, CSTRIKE);
    assert_eq!(
        second,
        [b"\xff\xff\xff\xffTSource Engine Query\0".as_slice()]
    );
    let record = stage.record();
    assert_eq!(stage.listed[0].1.game.as_str(), "counterstrike");
    assert_eq!(record.name, server, "it has not said it yet");
    assert_eq!(record.map.as_deref(), Some("de_dust"));
    assert_eq!((record.players, record.max_players), (Some(2), Some(8)));
    assert_eq!(record.password, Some(true));
    assert_eq!(record.version.as_deref(), Some("1.1.2.7"));
    let name = b"\xff\xff\xff\xffI0The Pit\0de_dust\0cstrike\0Counter-Strike\0\x0a\0\x02\x08\0dl\x01\x001\0";
    stage.hear_from(server, name);
    assert_eq!(stage.record().name, "The Pit");
    assert_eq!(stage.record().mode.as_deref(), Some("Counter-Strike"));
    // With the next heartbeat it keeps its name, and other changes are published.
    stage.pass(300);
    stage.joins_goldsrc(server, &CSTRIKE.replace("de_dust", "de_aztec"));
    assert_eq!(stage.record().name, "The Pit");
    assert_eq!(stage.record().map.as_deref(), Some("de_aztec"));
    assert_eq!(stage.listed.len(), 3);
}

#[test]
fn an_old_answer_without_a_question_renames_nobody() {
    let mut stage = stage(&[]);
    let server = "192.0.2.1:27015";
    stage.joins_goldsrc(server, CSTRIKE);
    stage.pass(11);
    stage.hear_from(
        server,
        b"\xff\xff\xff\xffI0Forged\0m\0g\0d\0\x0a\0\x02\x08\0dl\0\x001\0",
    );
    assert_eq!(stage.record().name, server);
}

#[test]
fn a_folder_that_is_not_known_is_its_own_game_and_a_mod() {
    let mut stage = stage(&[]);
    stage.joins_goldsrc("192.0.2.1:27015", "\\gamedir\\MyMod");
    assert_eq!(stage.listed[0].1.game.as_str(), "mymod");
    let mods: Vec<_> = stage.record().mods.into_iter().map(|it| it.name).collect();
    assert_eq!(mods, ["MyMod"]);
}

#[test]
fn pages_together_have_every_server_once_although_some_come_and_go() {
    let mut stage = stage(&["--quake3-per-address", "5000", "--quake3-lists", "1000"]);
    for port in 1..=1_000 {
        stage.joins_goldsrc(&format!("192.0.2.1:{port}"), CSTRIKE);
    }
    let client = "203.0.113.1:1";
    let (mut all, mut request) = (Vec::new(), WORLD.to_vec());
    let mut pages = 0;
    loop {
        let page = stage.page(client, &request);
        pages += 1;
        let last = page.last().unwrap().clone();
        all.extend(page);
        if last == "0.0.0.0:0" {
            break;
        }
        request = format!("1\u{ff}{last}\0\0")
            .chars()
            .map(|it| it as u8)
            .collect();
        // The last one leaves, and another one comes: nobody else is lost or shown twice.
        stage.hear(News::Bans(std::sync::Arc::default()));
        stage.joins_goldsrc(&format!("198.51.100.{pages}:1"), CSTRIKE);
    }
    assert_eq!(pages, 5);
    let ours = all.iter().filter(|it| it.starts_with("192.0.2.1:"));
    let ours: std::collections::BTreeSet<_> = ours.collect();
    assert_eq!(ours.len(), 1_000);
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "nobody is shown twice");
}

#[test]
fn a_client_that_goes_on_from_a_server_that_has_left_gets_the_rest() {
    let mut stage = stage(&[]);
    for port in 1..=20 {
        stage.joins_goldsrc(&format!("192.0.2.1:{port}"), CSTRIKE);
    }
    let all = stage.page("203.0.113.1:1", WORLD);
    let request = |after: &str| [b"1\xff", after.as_bytes(), b"\0\0"].concat();
    let rest = stage.page("203.0.113.1:1", &request(&all[7]));
    assert_eq!(rest, all[8..]);
    assert_eq!(
        stage.page("203.0.113.1:1", &request(&all[19])),
        ["0.0.0.0:0"]
    );
    // This one was never listed: where it would be is in the same order for all.
    let strange = stage.page("203.0.113.1:1", &request("192.0.2.77:1"));
    assert!(all.ends_with(&strange));
}

#[test]
fn a_page_counts_as_a_part_of_a_list() {
    let mut stage = stage(&[]);
    let client = "203.0.113.1:1";
    let told = (0..300).filter(|_| !stage.datagrams(client, WORLD).is_empty());
    assert_eq!(told.count(), 8 * 32);
    stage.pass(1);
    let told = (0..300).filter(|_| !stage.datagrams(client, WORLD).is_empty());
    assert_eq!(told.count(), 16, "one list in 2 s");
}

#[test]
fn servers_of_the_registry_are_found_by_what_their_records_say() {
    let games = Dialect::GoldSrc.speech().games(&[]);
    let speech = Dialect::GoldSrc.speech();
    let record = ServerInfo {
        map: Some("de_dust".to_owned()),
        password: Some(false),
        ..ServerInfo::new("Native")
    };
    let wire = |game: &str| speech.wire(&game.parse().unwrap(), &record, &games);
    assert_eq!(wire("openarena"), None);
    let shown = Native {
        info: wire("counterstrike").expect("it is in the table"),
        addresses: vec!["192.0.2.7:27015".parse().unwrap()],
    };
    let mut stage = stage(&[]);
    stage.hear(News::Natives(vec![NativeChange::Show(1, shown)]));
    let mut finds = |filter: &str| {
        let request = [b"1\xff0.0.0.0:0\0", filter.as_bytes(), b"\0"].concat();
        stage.page("203.0.113.1:1", &request).len() == 2
    };
    for (filter, is_found) in [
        ("\\gamedir\\cstrike\\map\\de_dust\\password\\0", true),
        ("\\gamedir\\cstrike\\empty\\1\\secure\\1", true),
        ("\\gamedir\\valve", false),
        ("\\map\\de_aztec", false),
        ("\\password\\1", false),
        ("\\name_match\\nat*", true),
    ] {
        assert_eq!(finds(filter), is_found, "{filter}");
    }
}

#[test]
fn another_bridge_reads_in_a_record_what_the_server_has_said() {
    let mut stage = stage(&[]);
    stage.joins_goldsrc(
        "192.0.2.1:27015",
        "\\gamedir\\MyMod\\map\\one\\os\\l\\secure\\1",
    );
    let record = stage.record();
    let games = Dialect::GoldSrc.speech().games(&[]);
    let game = "mymod".parse().unwrap();
    let info = Dialect::GoldSrc.speech().wire(&game, &record, &games);
    let info = info.expect("it is a server of GoldSrc");
    assert_eq!(info.gamename, "MyMod");
    let facts = ["map", "os", "secure"].map(|key| info.fact(key));
    assert_eq!(facts, [Some("one"), Some("l"), Some("1")]);
}

#[test]
fn strangers_get_no_more_than_a_question_a_second() {
    let mut stage = stage(&[]);
    let told = (0..100).map(|_| stage.datagrams("192.0.2.1:27015", b"q").len());
    assert_eq!(told.sum::<usize>(), 1);
    for datagram in [
        b"\xff\xff\xff\xffA1234".as_slice(),
        b"b\n",
        b"0\n\\challenge\\1",
    ] {
        assert!(stage.datagrams("192.0.2.2:27015", datagram).is_empty());
    }
}
