//! What Valve's servers say, and what follows from it.

use super::*;
use proptest::prelude::*;

/// Of two people and a bot, with a name in a Cyrillic encoding.
const CYRILLIC: &[u8] = b"\xff\xff\xff\xffI\x11\xd1\xe5\xf0\xe2\xe5\xf0\0dust\0arma3\0Game\0\
    \xb8\x01\x03\x18\x01dl\0\x001.0.0\0\0";

const CHALLENGE: &[u8] = b"\xff\xff\xff\xffA\x0a\x0b\x0c\x0d";

/// A description of a Source server on which `players` are, bots among them.
fn source(players: u8, bots: u8) -> Vec<u8> {
    let mut answer = b"\xff\xff\xff\xffI\x11Dusty's\0de_dust\0tf\0Team Fortress\0".to_vec();
    answer.extend(440_u16.to_le_bytes());
    answer.extend([players, 24, bots, b'd', b'l', 1, 1]);
    // Everything that can follow: port, number, spectators' port and name, keywords, game.
    answer.extend(b"8835751\0\xf1\x87\x69\x01\x02\x03\x04\x05\x06\x07\x08\x88\x69TV\0");
    answer.extend(b"alltalk,no-lag,\0\xb8\x01\0\0\0\0\0\0");
    answer
}

fn list(names: &[&str]) -> Vec<u8> {
    let mut answer = vec![0xff, 0xff, 0xff, 0xff, b'D', names.len() as u8];
    for (at, name) in names.iter().enumerate() {
        answer.push(0);
        answer.extend(name.bytes());
        answer.push(0);
        answer.extend((at as i32 - 1).to_le_bytes());
        answer.extend(60_f32.to_le_bytes());
    }
    answer
}

fn done(asked: &mut dyn Dialogue, answer: &[u8]) -> ServerInfo {
    match asked.hear(answer) {
        Ok(Heard::Done(info)) => *info,
        heard => panic!("{heard:?}"),
    }
}

/// What is asked next.
fn said(asked: &mut dyn Dialogue, answer: &[u8]) -> Vec<u8> {
    match asked.hear(answer) {
        Ok(Heard::Say(question)) => question,
        heard => panic!("{heard:?}"),
    }
}

#[test]
fn a_server_that_gives_challenges_is_asked_with_them() {
    let mut asked = Valve::default();
    assert_eq!(asked.open(), b"\xff\xff\xff\xffTSource Engine Query\0");
    let again = said(&mut asked, CHALLENGE);
    assert_eq!(
        again,
        b"\xff\xff\xff\xffTSource Engine Query\0\x0a\x0b\x0c\x0d"
    );
    let who = said(&mut asked, &source(2, 0));
    assert_eq!(who, b"\xff\xff\xff\xffU\x0a\x0b\x0c\x0d");
    let who = said(&mut asked, b"\xff\xff\xff\xffA\x01\x02\x03\x04");
    assert_eq!(who, b"\xff\xff\xff\xffU\x01\x02\x03\x04");
    let told = done(&mut asked, &list(&["Ana", "Bo"]));
    let players = told.player_list.iter().map(|it| (&*it.name, it.score));
    assert_eq!(
        players.collect::<Vec<_>>(),
        [("Ana", Some(-1)), ("Bo", Some(0))]
    );
    let expected = ServerInfo {
        map: Some("de_dust".into()),
        mode: Some("Team Fortress".into()),
        players: Some(2),
        max_players: Some(24),
        password: Some(true),
        version: Some("8835751".into()),
        tags: vec!["alltalk".into(), "no-lag".into()],
        player_list: told.player_list.clone(),
        ..ServerInfo::new("Dusty's")
    };
    assert_eq!(told, expected);
}

/// Queries may have a port of their own, and players who join by it get no answer.
#[test]
fn the_port_that_players_join_by_is_told() {
    let port = |answer: &[u8]| {
        let mut asked = Valve::default();
        done(&mut asked, answer);
        asked.port()
    };
    assert_eq!(port(&source(0, 0)), Some(0x6987));
    // The bits, the port, and what is cut behind it; a port of 0; and none.
    let head = source(0, 0);
    let head = &head[..head.len() - 40];
    assert!(head.ends_with(b"8835751\0"), "{head:?}");
    let with = |extra: &[u8]| port(&[head, extra].concat());
    assert_eq!(with(b"\x90\x9a\x69\x01"), Some(27034));
    assert_eq!(with(b"\x80\0\0"), None);
    assert_eq!(with(b"\x80\x87"), None);
    assert_eq!(with(b"\x20a\0"), None);
    assert_eq!(with(b""), None);
}

/// Each of the parts that can follow is there or not, on its own.
#[test]
fn the_words_to_search_for_follow_any_other_parts() {
    let head = source(0, 0);
    let head = &head[..head.len() - 40];
    let table: [&[u8]; 4] = [
        b"\x20a,b\0",
        b"\xa0\x87\x69a,b\0",
        b"\x3012345678a,b\0",
        b"\x60\x88\x69TV\0a,b\0",
    ];
    for extra in table {
        let told = done(&mut Valve::default(), &[head, extra].concat());
        assert_eq!(told.tags, ["a", "b"], "{extra:?}");
    }
}

/// Counts are bytes without a sign.
#[test]
fn a_server_with_more_than_127_players_is_counted() {
    let mut answer = source(200, 100);
    let most = answer.iter().position(|byte| *byte == 24).unwrap();
    answer[most] = 255;
    let mut asked = Valve::default();
    said(&mut asked, &answer);
    let told = asked.settle().unwrap();
    assert_eq!(told.occupancy().as_deref(), Some("100/255"));
}

/// It tells three things more, in front of its version.
#[test]
fn the_ship_is_described_as_others_are() {
    let mut answer = b"\xff\xff\xff\xffI\x11Dusty's\0batavier\0ship\0The Ship\0\x60\x09".to_vec();
    answer.extend(b"\0\x10\0dl\0\x01ABC1.0.0.5\0\x20a\0");
    let told = done(&mut Valve::default(), &answer);
    assert_eq!(told.occupancy().as_deref(), Some("0/16"));
    assert_eq!(
        (told.version.as_deref(), told.tags),
        (Some("1.0.0.5"), vec!["a".into()])
    );
}

#[test]
fn a_server_without_players_is_asked_once() {
    let told = done(&mut Valve::default(), &source(0, 0));
    assert_eq!(told.occupancy().as_deref(), Some("0/24"));
}

/// Both kept a server off the list of a program that takes UTF-8 only.
#[test]
fn a_name_in_another_encoding_or_cut_within_a_letter_is_read() {
    let mut asked = Valve::default();
    let question = said(&mut asked, CYRILLIC);
    assert_eq!(question, b"\xff\xff\xff\xffU\xff\xff\xff\xff");
    let told = asked.settle().unwrap();
    assert_eq!(
        (&*told.name, told.occupancy().as_deref()),
        ("Сервер", Some("2/24"))
    );
    // Engines cut names at 63 bytes.
    let name = &"[RU] Сервер выживания для всех и каждого".as_bytes()[..63];
    let answer = [&CYRILLIC[..6], name, &CYRILLIC[12..]].concat();
    said(&mut asked, &answer);
    let told = asked.settle().unwrap();
    assert_eq!(told.name, "[RU] Сервер выживания для всех и каж");
}

#[test]
fn bots_are_neither_counted_nor_named() {
    let mut asked = Valve::default();
    said(&mut asked, &source(3, 1));
    let told = done(&mut asked, &list(&["Ana", "Bo", "Bot"]));
    assert_eq!((told.players, told.player_list), (Some(2), Vec::new()));
    let told = done(&mut Valve::default(), &source(3, 3));
    assert_eq!(told.players, Some(0));
}

#[test]
fn a_server_that_does_not_name_its_players_is_listed() {
    let mut asked = Valve::default();
    assert_eq!(asked.settle(), None);
    said(&mut asked, &source(2, 0));
    assert_eq!(asked.settle().unwrap().players, Some(2));
}

#[test]
fn the_answer_of_old_goldsrc_servers_is_understood() {
    let mut answer = b"\xff\xff\xff\xffm127.0.0.1:27015\0Dusty's\0crossfire\0valve\0".to_vec();
    answer.extend(b"Half-Life\0\x03\x10\x2fDl\0\x01http://a\0http://b\0\0");
    answer.extend([1, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    answer.extend([1, 2]);
    let mut asked = Valve::default();
    said(&mut asked, &answer);
    let told = *asked.settle().unwrap();
    let expected = ServerInfo {
        map: Some("crossfire".into()),
        mode: Some("Half-Life".into()),
        players: Some(1),
        max_players: Some(16),
        password: Some(false),
        ..ServerInfo::new("Dusty's")
    };
    assert_eq!(told, expected);
}

#[test]
fn a_server_cannot_be_asked_round_and_round() {
    let mut asked = Valve::default();
    for _ in 0..MAX_CHALLENGES {
        said(&mut asked, CHALLENGE);
    }
    asked.hear(CHALLENGE).unwrap_err();
}

/// The parts of `message`, in the form that `head` writes from total and number.
fn split(message: &[u8], id: [u8; 4], head: impl Fn(u8, u8) -> Vec<u8>) -> Vec<Vec<u8>> {
    let chunks: Vec<_> = message.chunks(40).collect();
    let part = |(number, content): (usize, &&[u8])| {
        let head = head(chunks.len() as u8, number as u8);
        [b"\xfe\xff\xff\xff", &id[..], &head, content].concat()
    };
    chunks.iter().enumerate().map(part).collect()
}

fn goldsrc_head(total: u8, number: u8) -> Vec<u8> {
    vec![number << 4 | total]
}

fn source_head(total: u8, number: u8) -> Vec<u8> {
    vec![total, number, 0xe0, 4]
}

fn oldest_head(total: u8, number: u8) -> Vec<u8> {
    vec![total, number]
}

#[test]
fn an_answer_in_parts_is_put_together_in_any_order() {
    let id = [1, 2, 3, 0];
    for head in [goldsrc_head, source_head, oldest_head] {
        let mut parts = split(&source(0, 0), id, head);
        assert!(parts.len() > 2);
        parts.reverse();
        let last = parts.pop().unwrap();
        let mut asked = Valve::default();
        for part in &parts {
            // Some come twice.
            for _ in 0..2 {
                assert_eq!(asked.hear(part).unwrap(), Heard::More);
            }
        }
        assert_eq!(done(&mut asked, &last).name, "Dusty's");
    }
}

#[test]
fn a_compressed_answer_is_refused_in_words() {
    let mut part = b"\xfe\xff\xff\xff\x01\0\0\x80\x02\0\xe0\x04".to_vec();
    part.extend(b"\0\x10\0\0\x01\x02\x03\x04BZh91AY");
    let refused = Valve::default().hear(&part).unwrap_err().to_string();
    assert!(refused.contains("compressed"), "{refused}");
}

#[test]
fn parts_without_end_are_refused() {
    let mut asked = Valve::default();
    let part = |at: u16| [b"\xfe\xff\xff\xff\x01\0\0\0\xff\x02", &at.to_be_bytes()[..]].concat();
    let all: Result<Vec<_>, _> = (0..100).map(|at| asked.hear(&part(at))).collect();
    all.unwrap_err();
    let large = [b"\xfe\xff\xff\xff\x02\0\0\0\xff\x02", &[0; 65_000][..]].concat();
    let mut asked = Valve::default();
    asked.hear(&large).unwrap();
    let other = [b"\xfe\xff\xff\xff\x02\0\0\0\xff\x03", &[0; 65_000][..]].concat();
    asked.hear(&other).unwrap_err();
}

proptest! {
    #[test]
    fn any_datagrams_are_answered_or_refused(datagrams: Vec<(u8, Vec<u8>)>) {
        let mut asked = Valve::default();
        asked.open();
        for (kind, body) in datagrams {
            let kinds: [&[u8]; 6] = [
                b"\xff\xff\xff\xffI",
                b"\xff\xff\xff\xffm",
                b"\xff\xff\xff\xffD",
                b"\xff\xff\xff\xffA",
                b"\xfe\xff\xff\xff\x01\x02\x03\x04",
                b"",
            ];
            let start = kinds[usize::from(kind) % kinds.len()];
            let _ = asked.hear(&[start, &body].concat());
        }
        let _ = asked.settle();
    }

    #[test]
    fn a_description_that_is_cut_anywhere_is_refused(length in 5_usize..49) {
        let answer = source(2, 0);
        prop_assert!(Valve::default().hear(&answer[..length]).is_err());
    }

    #[test]
    fn whoever_is_named_is_named_as_said(names in prop::collection::vec("[a-zA-Z]{1,30}", 1..60)) {
        let mut asked = Valve::default();
        said(&mut asked, &source(names.len() as u8, 0));
        let names: Vec<_> = names.iter().map(|it| &**it).collect();
        let told = done(&mut asked, &list(&names));
        let named: Vec<_> = told.player_list.iter().map(|it| &*it.name).collect();
        prop_assert_eq!(named, names);
    }
}
