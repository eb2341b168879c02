//! Datagrams of several peers to the masters of Quake III and its relatives. Input: a byte that says
//! which master, and parts: datagrams, in which `{c}` is the last challenge.
//!
//! Whatever comes, answers are well-formed, nobody leaves the list who is not in it, and every entry
//! ends.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use metaserve_lobby_bridge::{
    peers::{Effect, Lobby, Way},
    quake::{Dialect, Errand, Master, News, Rules, answer},
};

use super::parts::parts;

/// The challenge in a question, as it is repeated.
fn said(question: &[u8]) -> Vec<u8> {
    if let Some(number) = question.strip_prefix(b"\xff\xff\xff\xffs\n")
        && let Some(number) = number.first_chunk()
    {
        return u32::from_le_bytes(*number).to_string().into_bytes();
    }
    let last = question.rsplit(|byte| *byte == b' ').next();
    last.unwrap_or_default().to_vec()
}

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let Some((&dialect, input)) = input.split_first() else {
        return;
    };
    let dialect = Dialect::ALL[usize::from(dialect) % Dialect::ALL.len()];
    let mut now = metaserve::time::now();
    let mut master = Master::new(Rules::of(dialect), [0; 32]);
    let (mut challenge, mut listed) = (Vec::new(), HashSet::new());
    for part in parts(input) {
        now += part.passes();
        let datagram = Bytes::from(part.with(&challenge));
        let news = News::Datagram(Way::to(part.peer()), datagram);
        for news in [news, News::Tick] {
            for effect in master.hear(news, now, SystemTime::UNIX_EPOCH) {
                match effect {
                    Effect::Errand(Errand::Ask(_, question)) => {
                        challenge = said(&question);
                    }
                    Effect::Errand(Errand::Answer(_, datagrams)) => {
                        assert!(!datagrams.is_empty(), "a request is answered");
                        assert!(datagrams.iter().all(|it| it.len() <= answer::MAX_BYTES));
                        let end = datagrams.last().expect("one");
                        let is_list = dialect == Dialect::Quake3;
                        assert!(!is_list || end.ends_with(b"\\EOT\0\0\0"));
                    }
                    Effect::List(id, _) => drop(listed.insert(id)),
                    Effect::Unlist(id) => assert!(listed.remove(&id), "it was listed"),
                    _ => {}
                }
            }
        }
        assert_eq!(master.servers().len(), listed.len());
    }
    // What nobody keeps alive ends.
    now += Duration::from_secs(3_600);
    for effect in master.hear(News::Tick, now, SystemTime::UNIX_EPOCH) {
        if let Effect::Unlist(id) = effect {
            listed.remove(&id);
        }
    }
    assert!(master.servers().is_empty() && listed.is_empty());
}
