//! Datagrams of several peers to the master of Quake III: whatever comes, nobody is listed without
//! a challenge, lists are well-formed, and everything ends.

#![no_main]

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use metaserve_lobby_bridge::{
    peers::{Effect, Lobby, Way},
    quake::{Errand, Master, News, Rules, answer, quake3},
};

fuzz_target!(|input: &[u8]| {
    let mut now = metaserve::time::now();
    let mut master = Master::new(Rules::default(), [0; 32]);
    let mut challenge = Vec::new();
    for part in input.split(|byte| *byte == 0xfe) {
        let Some((&control, text)) = part.split_first() else {
            continue;
        };
        now += Duration::from_millis(u64::from(control & 0x0f) * 500);
        let mut datagram = b"\xff\xff\xff\xff".to_vec();
        datagram.extend_from_slice(text);
        if control & 0x80 != 0 {
            datagram.extend_from_slice(b"\\challenge\\");
            datagram.extend_from_slice(&challenge);
        }
        let _ = quake3::read(&datagram);
        let peer = SocketAddr::from(([192, 0, 2, control >> 4 & 3], 27_960));
        let news = News::Datagram(Way::to(peer), Bytes::from(datagram));
        for news in [news, News::Tick] {
            for effect in master.hear(news, now, SystemTime::UNIX_EPOCH) {
                match effect {
                    Effect::Errand(Errand::Ask(_, question)) => {
                        challenge = question[12..].to_vec();
                    }
                    Effect::Errand(Errand::Answer(_, datagrams)) => {
                        assert!(datagrams.iter().all(|it| it.len() <= answer::MAX_BYTES));
                        assert!(datagrams.last().is_some_and(|it| it.ends_with(b"\\EOT\0\0\0")));
                    }
                    _ => {}
                }
            }
        }
    }
    // What nobody keeps alive ends.
    now += Duration::from_secs(3_600);
    let _ = master.hear(News::Tick, now, SystemTime::UNIX_EPOCH);
    assert!(master.servers().is_empty());
});
