//! Requests without a connection, without an answer, and with a daemon that breaks the protocol.

use super::{super::resolve::Answered, *};
use crate::names::error::{Failed, StartError};

impl World {
    fn resolve(&mut self, at: usize, text: &str) -> oneshot::Receiver<Answered> {
        let key = key(text);
        self.act(at, |it, now| it.resolve(key, None, now + 10 * SECOND))
            .1
    }
}

#[test]
fn a_key_is_found_or_absent() {
    let mut world = World::new(2);
    let absent = world.resolve(0, "zone").try_recv().unwrap();
    assert_eq!(absent.unwrap(), None);
    let claim = world.claim(1, "zone", "here");
    let found = world.resolve(0, "zone").try_recv().unwrap();
    let found = found.unwrap().unwrap();
    assert_eq!(
        (found.epoch, found.value),
        (claim.held().unwrap().0, "here".into())
    );
}

#[test]
fn a_request_without_a_connection_waits_for_one_and_then_says_why_there_is_none() {
    let mut world = World::new(1);
    world.lose(0);
    let mut answer = world.resolve(0, "zone");
    world.pass(9 * SECOND);
    assert!(answer.try_recv().is_err());
    world.connect(0);
    assert_eq!(answer.try_recv().unwrap().unwrap(), None);

    world.lose(0);
    let mut answer = world.resolve(0, "zone");
    world.pass(10 * SECOND);
    let failed = answer.try_recv().unwrap().unwrap_err();
    let told = "there is no connection to the daemon yet: gone";
    assert_eq!(failed.to_string(), told);
    assert!(world.programs[0].session.requests.is_empty());
    assert!(world.programs[0].session.timers.is_empty());
}

#[test]
fn a_daemon_that_does_not_answer_is_named() {
    let mut world = World::new(1);
    let session = &mut world.programs[0].session;
    let (_, mut answer) = session.resolve(key("zone"), None, world.now + SECOND);
    assert!(session.next_message(world.now).is_some());
    session.tick(world.now + SECOND);
    let failed = answer.try_recv().unwrap().unwrap_err();
    assert!(matches!(failed, StartError::Failed(Failed::NoAnswer)));
    assert!(session.next_message(world.now).is_some(), "a release");
}

#[test]
fn a_daemon_that_has_just_started_is_asked_again_when_it_can_answer() {
    let mut world = World::new(1);
    world.restart();
    world.connect(0);
    let mut late = world.resolve(0, "zone");
    let failed = late.try_recv().unwrap().unwrap_err().to_string();
    assert!(failed.ends_with("it may succeed in 15.0s"), "{failed}");
    world.pass(6 * SECOND);
    let mut answer = world.resolve(0, "zone");
    assert!(answer.try_recv().is_err());
    world.pass(9 * SECOND);
    assert_eq!(answer.try_recv().unwrap().unwrap(), None);
}

#[test]
fn requests_that_come_and_go_without_a_connection_leave_nothing() {
    let mut world = World::new(1);
    world.lose(0);
    for _ in 0..100 {
        let claim = world.claim(0, "zone", "");
        claim.release(&mut world);
    }
    let session = &world.programs[0].session;
    assert!(session.requests.is_empty() && session.timers.is_empty());
    assert!(session.due.is_empty() && session.releases.is_empty());
}

#[test]
fn a_program_that_changes_values_quickly_is_slowed_down_and_not_closed() {
    let mut world = World::new(1);
    let claim = world.claim(0, "zone", "");
    let mut sent = 0;
    for at in 0..30_000_u32 {
        let session = &mut world.programs[0].session;
        session.update(claim.id, at.to_string().into());
        if let Some(frame) = session.next_message(world.now) {
            // The daemon would close a peer that says too much.
            let peer = world.programs[0].peer.unwrap();
            world.tell(Event::Said(peer, read(&frame[4..]).unwrap()));
            sent += 1;
        }
    }
    assert!((19_000..=20_000).contains(&sent), "{sent}");
    let session = &mut world.programs[0].session;
    let resumes = session.next_timeout().unwrap();
    assert!(resumes > world.now);
    session.tick(resumes);
    assert!(session.next_message(resumes).is_some(), "the newest value");
}

#[test]
fn ten_thousand_claims_are_held_again_after_a_restart() {
    let mut world = World::new(1);
    let claims: Vec<_> = (0..10_000)
        .map(|at| world.claim(0, &at.to_string(), ""))
        .collect();
    world.restart();
    world.connect(0);
    assert!(claims.iter().all(|it| it.held().unwrap().1));
}

#[test]
fn all_requests_end_with_the_reason_and_so_do_later_ones() {
    let mut world = World::new(1);
    let held = world.claim(0, "zone", "");
    let seen = world.watch(0, "");
    world.programs[0].session.leave();
    // The daemon frees everything when the connection ends.
    let left = world.programs[0].session.next_message(world.now);
    assert!(left.is_none());
    world.freeze(0);
    assert_eq!(world.daemon.totals(), names::Totals::default());
    let told = "the program has closed its connection for names";
    assert_eq!(held.state(), format!("Lost({told})"));
    assert_eq!(seen.borrow().failed.clone().unwrap().to_string(), told);
    let late = world.claim(0, "zone", "");
    assert_eq!(late.state(), format!("NotGranted({told})"));
}

#[test]
fn unknown_even_messages_are_skipped_and_what_breaks_the_protocol_is_an_error() {
    let mut world = World::new(1);
    let session = &mut world.programs[0].session;
    let mut piece = |bytes: &[u8]| {
        let frame = metaserve::protocol::framing::frame(|into| into.extend_from_slice(bytes));
        session.piece(Piece::Bytes(frame), world.now)
    };
    assert!(piece(&[12]).is_ok());
    assert!(piece(&[13]).is_err());
    assert!(piece(&[]).is_err());
    let too_long = codec::encode(FromDaemon::Up {
        id: 1,
        key: "a",
        epoch: 1,
        value: &[0; 8_193],
    });
    let wrong = piece(&too_long).unwrap_err();
    assert!(wrong.violation().is_some());
    assert!(
        session
            .piece(Piece::Bytes(vec![0xff; 8].into()), world.now)
            .is_err()
    );
}
