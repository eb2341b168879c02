//! What servers of both versions say. The recorded ones are of Debian 12: `ddnet-server` 16.4 and
//! `teeworlds-server` 0.7.5.

use super::{seven::Seven, six::Six, *};
use crate::dialogue::Heard;
use proptest::prelude::*;

/// As asked for with this token.
const TOKEN: u32 = 0x0012_3456;
const DDNET: &[u8] = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffiext1193046\x000.6.4, 16.4\0\
    Recorded DDNet\0Tutorial\0-1924373370\x001082711\0TestDDraceNetwor\x000\x000\x0064\x000\x0064\0\0";
const WITHOUT_EXTENSION: &[u8] = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffinf386\x000.6.4, 16.4\0\
    Recorded DDNet [0/64]\0Tutorial\0TestDDraceNetwor\x000\x000\x0016\x000\x0016\0";

const OURS: u32 = 0x0102_0304;
const THEIRS: &[u8] = b"\x04\0\0\x01\x02\x03\x04\x05\x85\xb0\xf9\xa9";
const TEEWORLDS: &[u8] = b"\x21\x01\x02\x03\x04\x85\xb0\xf9\xa9\xff\xff\xff\xffinf3\x05\
    0.7.5\0Recorded Seven\0\0ctf1\0CTF\0\x01\x01\0\x08\0\x08";
const TEEWORLDS_WITH_ANA: &[u8] = b"\x21\x01\x02\x03\x04\x0b\x5a\x0d\x09\xff\xff\xff\xffinf3\x05\
    0.7.5\0Recorded Players\0\0ctf1\0CTF\0\0\x01\x01\x08\x01\x08Ana\0Clan\0\x40\0\0";
const DDNET_AS_SEVEN: &[u8] = b"\x21\x01\x02\x03\x04\x52\x0c\x70\x03\xff\xff\xff\xffinf3\x05\
    0.7\xe2\x86\x940.6.4, 16.4\0Recorded DDNet\0\0Tutorial\0TestDDraceNetwor\0\
    \x02\x01\x02\x80\x01\x02\x80\x01Ana\0Clan\0\x40\x40\0Zo\xc3\xab\0\0\x40\x40\0";

fn six() -> Six {
    Six::new(TOKEN << 8)
}

fn done(asked: &mut dyn Dialogue, answer: &[u8]) -> ServerInfo {
    match asked.hear(answer) {
        Ok(Heard::Done(info)) => *info,
        heard => panic!("{heard:?}"),
    }
}

fn named(info: &ServerInfo) -> Vec<(&str, Option<i64>)> {
    let players = info.player_list.iter();
    players.map(|it| (&*it.name, it.score)).collect()
}

#[test]
fn a_recorded_ddnet_server_is_described() {
    let mut asked = six();
    assert_eq!(asked.open(), b"xe\x12\x34\0\0\xff\xff\xff\xffgie3\x56");
    let expected = ServerInfo {
        map: Some("Tutorial".into()),
        mode: Some("TestDDraceNetwor".into()),
        players: Some(0),
        max_players: Some(64),
        password: Some(false),
        version: Some("0.6.4, 16.4".into()),
        ..ServerInfo::new("Recorded DDNet")
    };
    assert_eq!(done(&mut asked, DDNET), expected);
    let plain = done(&mut asked, WITHOUT_EXTENSION);
    assert_eq!(plain.occupancy().as_deref(), Some("0/16"));
}

#[test]
fn an_answer_to_another_question_is_passed_over() {
    let mut asked = Six::new(0x1234_5700);
    for answer in [DDNET, WITHOUT_EXTENSION, b"", b"\xff\xff\xff\xff"] {
        assert_eq!(asked.hear(answer).unwrap(), Heard::More);
    }
    assert_eq!(asked.settle(), None);
}

#[test]
fn a_recorded_crowd_comes_in_two_packets() {
    let packets: [&[u8]; 2] = [
        include_bytes!("../../samples/ddnet-60-players-1.bin"),
        include_bytes!("../../samples/ddnet-60-players-2.bin"),
    ];
    for [first, last] in [packets, [packets[1], packets[0]]] {
        let mut asked = six();
        assert_eq!(asked.hear(first).unwrap(), Heard::More);
        let told = done(&mut asked, last);
        assert_eq!(told.occupancy().as_deref(), Some("60/64"));
        let names = (0..60).map(|number| format!("Player{number:02}"));
        assert!(
            told.player_list
                .iter()
                .map(|it| &it.name)
                .eq(&names.collect::<Vec<_>>())
        );
    }
}

/// The server of `players` and somebody who looks on, in packets of two.
fn crowd(players: &[(&str, i32)]) -> Vec<Vec<u8>> {
    let clients = players.len() + 1;
    let mut packets = vec![format!(
        "iext1193046\x000.6.4\0Crowd\0dm1\x000\x000\0DM\x001\0{}\x0064\0{clients}\x0064\0\0",
        players.len()
    )];
    let client = |(name, score): &(&str, i32)| format!("{name}\0clan\0-1\0{score}\x001\0\0");
    let mut clients: Vec<_> = players.iter().map(client).collect();
    clients.push("Onlooker\0\x00-1\x00-9999\x000\0\0".to_owned());
    for (at, two) in clients.chunks(2).enumerate() {
        packets.push(format!("iex+1193046\0{}\0\0{}", at + 1, two.concat()));
    }
    let packets = packets.into_iter();
    packets
        .map(|it| [&[0xff; 10][..], it.as_bytes()].concat())
        .collect()
}

#[test]
fn players_of_several_packets_are_put_together_in_any_order() {
    let packets = crowd(&[("Ana", 3), ("Bo", -9999), ("Chi", -120), ("Di", 0)]);
    assert_eq!(packets.len(), 4);
    for first in 0..packets.len() {
        let mut asked = six();
        let mut order = packets.clone();
        order.rotate_left(first);
        let last = order.pop().unwrap();
        for packet in &order {
            // Some come twice.
            for _ in 0..2 {
                assert_eq!(asked.hear(packet).unwrap(), Heard::More);
            }
        }
        let told = done(&mut asked, &last);
        assert_eq!(
            named(&told),
            [
                ("Ana", Some(3)),
                ("Bo", None),
                ("Chi", Some(-120)),
                ("Di", Some(0))
            ]
        );
        assert_eq!((told.players, told.password), (Some(4), Some(true)));
    }
}

#[test]
fn a_server_that_leaves_out_its_players_is_listed_in_the_end() {
    let mut asked = six();
    asked.hear(&crowd(&[("Ana", 3)])[0]).unwrap();
    let told = asked.settle().unwrap();
    assert_eq!((told.players, named(&told)), (Some(1), vec![]));
}

#[test]
fn packets_without_end_are_not_kept() {
    let mut asked = six();
    for place in 0..10_000 {
        let packet = format!("iex+1193046\0{place}\0\0Ana\0\x00-1\x000\x001\0\0");
        asked
            .hear(&[&[0xff; 10][..], packet.as_bytes()].concat())
            .unwrap();
    }
    let kept = done(&mut asked, &crowd(&[("Ana", 3)])[0]).player_list.len();
    assert!(kept <= 32, "{kept}");
}

/// What is asked once the server has said its token.
fn second_question(asked: &mut Seven) -> Vec<u8> {
    match asked.hear(THEIRS) {
        Ok(Heard::Say(question)) => question,
        heard => panic!("{heard:?}"),
    }
}

#[test]
fn a_recorded_server_of_0_7_is_asked_for_its_token_first() {
    let mut asked = Seven::new(OURS);
    let question = asked.open();
    assert_eq!(
        &question[..12],
        b"\x04\0\0\xff\xff\xff\xff\x05\x01\x02\x03\x04"
    );
    assert_eq!(
        (question.len(), question[12..].iter().max()),
        (520, Some(&0))
    );
    let question = second_question(&mut asked);
    assert_eq!(
        question,
        b"\x21\x85\xb0\xf9\xa9\x01\x02\x03\x04\xff\xff\xff\xffgie3\x05"
    );
    let expected = ServerInfo {
        map: Some("ctf1".into()),
        mode: Some("CTF".into()),
        players: Some(0),
        max_players: Some(8),
        password: Some(true),
        version: Some("0.7.5".into()),
        ..ServerInfo::new("Recorded Seven")
    };
    assert_eq!(done(&mut asked, TEEWORLDS), expected);
}

#[test]
fn ddnet_answers_as_0_7_too() {
    let told = done(&mut Seven::new(OURS), DDNET_AS_SEVEN);
    let version = told.version.as_deref();
    assert_eq!(
        (
            &*told.name,
            told.occupancy().as_deref(),
            version,
            told.password
        ),
        (
            "Recorded DDNet",
            Some("2/64"),
            Some("0.7↔0.6.4, 16.4"),
            Some(false)
        )
    );
    assert_eq!(named(&told), [("Ana", None), ("Zoë", None)]);
}

#[test]
fn only_those_who_play_are_named() {
    let told = done(&mut Seven::new(OURS), TEEWORLDS_WITH_ANA);
    assert_eq!(
        (named(&told), told.players),
        (vec![("Ana", Some(0))], Some(1))
    );
    let mut answer = TEEWORLDS.to_vec();
    answer.extend(b"Ana\0clan\0\x40\x85\x01\0Onlooker\0\0\x40\0\x01Bot\0\0\x40\0\x02");
    answer.extend(b"Bo\0\0\x40\xcf\x9c\x01\0");
    let told = done(&mut Seven::new(OURS), &answer);
    assert_eq!(named(&told), [("Ana", Some(69)), ("Bo", Some(-10000))]);
    // A score of -1 is one, unless scores are times.
    for (flags, score) in [(b"\x01", Some(-1)), (b"\x03", None)] {
        let at = TEEWORLDS.len() - 6;
        let answer = [
            &TEEWORLDS[..at],
            flags,
            &TEEWORLDS[at + 1..],
            b"Ana\0\0\x40\x40\0",
        ];
        let told = done(&mut Seven::new(OURS), &answer.concat());
        assert_eq!(
            (named(&told), told.password),
            (vec![("Ana", score)], Some(true))
        );
    }
}

#[test]
fn numbers_are_read_as_the_game_reads_them() {
    // The most and the least, and what is above 32 bits.
    let table: [(&[u8], i64); 3] = [
        (b"\xbf\xff\xff\xff\x0f", i64::from(i32::MAX)),
        (b"\xff\xff\xff\xff\x0f", i64::from(i32::MIN)),
        (b"\x85\x80\x80\x80\x70", 5),
    ];
    for (written, score) in table {
        let mut answer = TEEWORLDS.to_vec();
        answer.extend([b"Ana\0\0\x40", written, b"\0"].concat());
        let told = done(&mut Seven::new(OURS), &answer);
        assert_eq!(named(&told), [("Ana", Some(score))]);
    }
    // In 0.6 a number is a text, of which the digits count.
    let odd = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffinf386\x000.6\0Odd\0a\0DM\0\
        \x001 \x0016x\x001\x0016\0Ana\0\0-1\0+7\x001\0";
    let told = done(&mut six(), odd);
    assert_eq!(told.occupancy().as_deref(), Some("1/16"));
    assert_eq!(
        (told.password, named(&told)),
        (Some(false), vec![("Ana", Some(7))])
    );
}

#[test]
fn tokens_of_others_are_passed_over() {
    let mut asked = Seven::new(OURS + 1);
    for answer in [THEIRS, TEEWORLDS, DDNET, b""] {
        assert_eq!(asked.hear(answer).unwrap(), Heard::More);
    }
}

proptest! {
    #[test]
    fn any_datagrams_are_answered_or_refused(datagrams: Vec<(u8, Vec<u8>)>) {
        let kinds: [&[u8]; 6] = [
            &DDNET[..22],
            &WITHOUT_EXTENSION[..17],
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffiex+1193046\0",
            &TEEWORLDS[..18],
            &THEIRS[..8],
            b"",
        ];
        for mut asked in [Box::new(six()) as Box<dyn Dialogue>, Box::new(Seven::new(OURS))] {
            asked.open();
            for (kind, body) in &datagrams {
                let start = kinds[usize::from(*kind) % kinds.len()];
                let _ = asked.hear(&[start, body].concat());
            }
            let _ = asked.settle();
        }
    }

    #[test]
    fn a_description_that_is_cut_anywhere_is_refused(cut in 1_usize..40) {
        let answer = &DDNET[..DDNET.len() - cut];
        prop_assert!(six().hear(answer).is_err());
        let answer = &TEEWORLDS[..TEEWORLDS.len() - cut.min(30)];
        prop_assert!(Seven::new(OURS).hear(answer).is_err());
    }

    #[test]
    fn whoever_plays_is_named_as_said(names in prop::collection::vec("[a-zA-Z]{1,15}", 0..60)) {
        let players: Vec<_> = names.iter().map(|it| (&**it, 5)).collect();
        let mut asked = six();
        let mut told = ServerInfo::default();
        for packet in crowd(&players) {
            if let Heard::Done(info) = asked.hear(&packet).unwrap() {
                told = *info;
            }
        }
        let expected: Vec<_> = names.iter().map(|it| (&**it, Some(5))).collect();
        prop_assert_eq!(named(&told), expected);
    }
}
