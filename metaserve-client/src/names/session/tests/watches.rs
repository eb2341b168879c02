//! Watches: the newest state, and none in between that never was.

use super::*;

#[test]
fn a_watch_sees_the_keys_of_its_prefix_and_each_change() {
    let mut world = World::new(2);
    let a = world.claim(0, "zone/a", "1");
    let _b = world.claim(0, "room/b", "2");
    let mut seen = world.watch(1, "zone/");
    assert_eq!(shown(&seen.borrow_and_update()), ["zone/a=1"]);
    assert_eq!(seen.borrow().stale_since, None);
    let _c = world.claim(0, "zone/c", "3");
    world.act(0, |it, _| it.update(a.id, "4".into()));
    assert_eq!(shown(&seen.borrow_and_update()), ["zone/a=4", "zone/c=3"]);
    let _d = world.claim(0, "room/d", "5");
    assert!(!seen.has_changed().unwrap(), "another prefix");
    a.release(&mut world);
    assert_eq!(shown(&seen.borrow_and_update()), ["zone/c=3"]);
}

#[test]
fn after_a_lost_connection_the_old_keys_stay_until_all_are_told() {
    let mut world = World::new(2);
    let _a = world.claim(0, "zone/a", "1");
    let mut seen = world.watch(1, "zone/");
    assert_eq!(shown(&seen.borrow_and_update()), ["zone/a=1"]);
    let lost_at = world.now;
    world.lose(1);
    assert!(!seen.has_changed().unwrap(), "a loss is not a change");
    assert_eq!(seen.borrow().stale_since, Some(lost_at));
    let _b = world.claim(0, "zone/b", "2");
    // The watch is asked for again, and the answer comes piece by piece.
    world.peers += 1;
    let peer = PeerId(world.peers);
    world.tell(Event::Joined(peer, ([192, 0, 2, 1], 1).into()));
    let session = &mut world.programs[1].session;
    session.connected();
    let ask = session.next_message(world.now).unwrap();
    world.tell(Event::Said(peer, read(&ask[4..]).unwrap()));
    let mut answers = Vec::new();
    while let Some(answer) = world.daemon.take(peer) {
        let piece = Piece::Bytes(codec::frame(FromDaemon::from(&answer)));
        world.programs[1].session.piece(piece, world.now).unwrap();
        answers.push(shown(&seen.borrow_and_update()));
    }
    let [a, b] = ["zone/a=1", "zone/b=2"];
    assert_eq!(
        answers,
        [vec![a], vec![a, b], vec![a, b]],
        "two, then `Current`"
    );
    assert_eq!(seen.borrow().stale_since, None);
}

#[test]
fn a_restart_of_the_daemon_empties_no_list() {
    let mut world = World::new(3);
    let _a = world.claim(0, "zone/a", "1");
    let b = world.claim(1, "zone/b", "2");
    let seen = world.watch(2, "zone/");
    world.restart();
    // The watcher is there first. One holder comes back with another value, the other one does not.
    world.connect(2);
    let [a, old, new] = ["zone/a=1", "zone/b=2", "zone/b=3"];
    assert_eq!(shown(&seen.borrow()), [a, old]);
    world.programs[1].session.update(b.id, "3".into());
    world.pass(2 * SECOND);
    world.connect(1);
    assert_eq!(shown(&seen.borrow()), [a, new]);
    assert!(seen.borrow().stale_since.is_some());
    world.pass(SETTLE);
    assert_eq!(shown(&seen.borrow()), [new]);
    assert_eq!(seen.borrow().stale_since, None);
}

#[test]
fn a_reader_that_falls_behind_is_told_anew_without_an_empty_list() {
    let mut world = World::new(2);
    world.claim(0, "zone/a", "1");
    let seen = world.watch(1, "zone/");
    let watching = world.programs[1].peer.take().unwrap();
    for at in 0..2 * names::MAX_CHANGES {
        world.claim(0, &format!("zone/{at}"), "");
    }
    world.programs[1].peer = Some(watching);
    let mut sizes = Vec::new();
    while let Some(answer) = world.daemon.take(watching) {
        let piece = Piece::Bytes(codec::frame(FromDaemon::from(&answer)));
        let session = &mut world.programs[1].session;
        session.piece(piece, world.now).unwrap();
        sizes.push(seen.borrow().keys.as_ref().unwrap().len());
    }
    assert!(sizes.is_sorted(), "none is gone in between");
    assert_eq!(sizes.first(), Some(&1));
    assert_eq!(sizes.last(), Some(&(1 + 2 * names::MAX_CHANGES)));
}

#[test]
fn a_watch_of_more_than_the_program_wants_to_keep_ends() {
    let mut world = World::new(2);
    let prefix = Prefix::new("").unwrap();
    let (_, seen) = world.act(1, |it, now| it.watch(prefix, 1_000, now));
    for at in 0..100 {
        world.claim(0, &format!("zone/{at:04}"), "123456789");
    }
    let failed = seen.borrow().failed.clone().unwrap();
    assert!(failed.to_string().ends_with("more than 1000 bytes"));
    assert_eq!(world.daemon.totals().watches, 0, "it is released");
    assert!(world.programs[1].session.requests.is_empty());
}

#[test]
fn keys_that_come_and_go_do_not_add_up() {
    let mut world = World::new(2);
    let seen = world.watch(1, "");
    for _ in 0..10_000 {
        let claim = world.claim(0, "zone", "123456789");
        world.act(0, |it, _| it.update(claim.id, "12345".into()));
        claim.release(&mut world);
    }
    assert!(seen.borrow().failed.is_none());
}
