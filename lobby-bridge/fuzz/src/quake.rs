//! Datagrams of several peers to the masters of Quake III and `QuakeWorld`. Input: a byte that says
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

/// The masters.
const DIALECTS: [Dialect; 2] = [Dialect::Quake3, Dialect::QuakeWorld];

/// Runs one input.
pub fn fuzz(input: &[u8]) {
    let Some((&dialect, input)) = input.split_first() else {
        return;
    };
    let dialect = DIALECTS[usize::from(dialect) % DIALECTS.len()];
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
                        let last = question.rsplit(|byte| *byte == b' ').next();
                        challenge = last.unwrap_or_default().to_vec();
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
