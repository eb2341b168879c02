//! What is ignored, what ends a session, and with which code.

use super::*;
use crate::{
    Game, Limits, Role,
    protocol::{
        close::CloseCode,
        framing,
        roles::MIN_BYTES_PER_SECOND,
        session::{
            Heartbeats, Piece, Speaker, Subscriber,
            daemon::{Fault, First, Publication, Quiet, Writing},
            speaker, subscriber,
        },
    },
};
use bytes::{Buf, Bytes};
use std::time::{Duration, Instant};

fn framed(message: &[u8]) -> Piece {
    Piece::Bytes(framing::frame(|into| into.extend_from_slice(message)))
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now() -> Instant {
    Instant::now()
}

/// What a game server does about a message of the daemon, besides what it says by itself.
fn hears(message: &[u8]) -> Result<Option<speaker::Effect>, crate::protocol::ended::Ended> {
    type Event<'a> = speaker::Event<&'a [u8]>;
    let mut session = Speaker::new(Heartbeats::new(Game::default(), None));
    session.handle(Event::Connected, now())?;
    while session.next(now())?.is_some() {}
    session.handle(Event::Piece(framed(message)), now())?;
    session.next(now())
}

#[test]
fn a_server_shows_the_sentence_of_a_notice_of_any_kind() {
    let notice = |kind| FromDaemon::Notice(Notice { kind, text: "move" });
    for kind in [
        NoticeKind::TooFast,
        NoticeKind::Other(3),
        NoticeKind::Other(u32::MAX),
    ] {
        match hears(&codec::encode(notice(kind))).unwrap() {
            Some(speaker::Effect::Hear(heard)) => {
                assert_eq!((heard.kind, &*heard.text), (kind, "move"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_server_ignores_unknown_messages_and_refuses_malformed_ones() {
    for variant in [2_u32, 3, 1000] {
        let unknown = hears(&codec::encode((variant, "later"))).unwrap();
        assert!(
            matches!(unknown, Some(speaker::Effect::NotUnderstood(it)) if it == variant),
            "{unknown:?}"
        );
    }
    for malformed in [&[][..], &[0], &[0, 1, 1, 7, 0]] {
        let violation = hears(malformed).unwrap_err().violation().unwrap();
        assert_eq!(
            violation.code,
            CloseCode::ProtocolViolation,
            "{malformed:?}"
        );
    }
}

#[test]
fn a_client_ignores_unknown_even_variants_and_asks_again_after_odd_ones() {
    let [snapshot, _] = lists::extended(&[], &[]);
    let mut session = Subscriber::new(None, 1 << 20);
    let mut hear = |message: &[u8]| {
        session
            .handle(subscriber::Event::Piece(framed(message)))
            .unwrap();
        session.next_effect()
    };
    for variant in [4_u32, 250, 1000] {
        assert!(hear(&codec::encode((variant, "later"))).unwrap().is_none());
    }
    let applied = hear(&snapshot).unwrap();
    assert!(matches!(applied, Some(subscriber::Effect::Apply(_))));
    let ended = hear(&codec::encode((3_u32, "later"))).unwrap_err();
    assert!(ended.spoils_list());
    assert!(
        ended.to_string().contains("unknown message variant 3"),
        "{ended}"
    );
}

#[test]
fn a_stream_that_is_reset_with_code_0_says_goodbye_and_any_other_code_is_a_violation() {
    let limits = Limits::default();
    for (number, code) in [
        (0_u32, CloseCode::Goodbye),
        (77, CloseCode::ProtocolViolation),
    ] {
        let reset = || Piece::Reset(number.into());
        let faults: [Fault; 3] = [
            First::new(Role::Client, &limits, now())
                .handle(reset())
                .unwrap_err(),
            Quiet::new(&framing::Deframer::default())
                .unwrap()
                .handle(&reset())
                .unwrap_err(),
            Publication::new(&limits, framing::Deframer::default(), now())
                .handle(reset())
                .unwrap_err(),
        ];
        for fault in faults {
            assert_eq!(fault.close.code, code, "{fault}");
        }
    }
}

/// There is one deadline for the whole message, however much is taken now and then.
#[test]
fn a_client_has_the_stall_timeout_and_a_second_for_each_8_kib_of_a_message() {
    let (start, stall) = (now(), Duration::from_secs(10));
    let frame = Bytes::from(vec![0; 20 * MIN_BYTES_PER_SECOND]);
    let mut writing = Writing::new(frame, stall, start);
    assert_eq!(writing.due(), start + stall, "nothing was taken");
    for second in 1..=40 {
        let at = start + Duration::from_secs(second);
        writing.rest()[0].advance(1);
        assert!(writing.taken(at).is_none());
        let deadline = start + stall + Duration::from_secs(20);
        assert_eq!(writing.due(), deadline.min(at + stall), "{second}");
    }
}
