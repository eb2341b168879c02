//! What holds for any answer.

use super::{dialogue, names, told};
use crate::{Protocol, dialogue::Heard};
use fastrand::Rng;
use proptest::{collection::vec, prelude::*};

/// A word that begins an answer of each protocol.
const WORDS: [(Protocol, &[u8]); 5] = [
    (Protocol::Quake1, b"\xff\xff\xff\xffn\\"),
    (Protocol::Quake2, b"\xff\xff\xff\xffprint\n\\"),
    (Protocol::Quake3, b"\xff\xff\xff\xffstatusResponse\n\\"),
    (Protocol::NetQuake, b"\x80\0\0\0\x83"),
    (Protocol::NetQuake, b""),
];

fn hears_anything(parts: &[Vec<u8>]) {
    for (protocol, word) in WORDS {
        let mut dialogue = dialogue(protocol, Rng::with_seed(7));
        dialogue.open();
        for part in parts {
            let _ = dialogue.hear(part);
            if let Ok(Heard::Done(info)) = dialogue.hear(&[word, part].concat()) {
                info.fit(8 * 1024).check().ok();
            }
        }
        let _ = dialogue.settle();
    }
}

proptest! {
    #[test]
    fn any_bytes_are_heard_without_harm(parts: Vec<Vec<u8>>) {
        hears_anything(&parts);
    }

    #[test]
    fn anything_like_an_answer_is_heard_without_harm(
        parts in vec("[\\\\\"\n 0-9a-c^&]{0,60}".prop_map(String::into_bytes), 0..4),
    ) {
        hears_anything(&parts);
    }

    #[test]
    fn a_well_formed_answer_is_read_as_it_is(
        name in "[a-zA-Zäж][a-zA-Z0-9äж .:]{0,30}[a-z]",
        map in "[a-z0-9_]{1,20}",
        max in 1_u32..500,
        people in vec(("[a-zA-Z][a-z0-9]{0,15}", -99_i64..999, 1..999), 0..60),
    ) {
        let lines = people.iter();
        let lines: String = lines.map(|(name, score, ping)| format!("{score} {ping} \"{name}\"\n")).collect();
        let info = told(
            &[("sv_hostname", &name), ("mapname", &map), ("sv_maxclients", &max.to_string())],
            &lines,
        );
        let count = people.len().try_into().ok();
        prop_assert_eq!((info.players, info.max_players), (count, Some(max)));
        let expected: Vec<_> = people.iter().map(|(name, score, _)| (&**name, Some(*score))).collect();
        prop_assert_eq!(names(&info), expected);
        prop_assert_eq!((&info.name, info.map.as_ref()), (&name, Some(&map)));
    }
}
