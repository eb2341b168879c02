//! Claims: granted once, kept through restarts, lost when another one may have held the key.

use super::*;

#[test]
fn of_a_hundred_who_claim_a_key_one_is_granted_and_the_others_are_told() {
    let mut world = World::new(100);
    let claims: Vec<_> = (0..100).map(|at| world.claim(at, "zone", "a")).collect();
    let held = claims.iter().filter(|it| it.held().is_some()).count();
    assert_eq!(held, 1);
    let told = "NotGranted(another one holds the key, with epoch 1)";
    assert_eq!(claims.iter().filter(|it| it.state() == told).count(), 99);
    assert_eq!(world.programs[1].session.requests.len(), 0);
}

#[test]
fn a_released_key_is_free_at_once_and_has_a_greater_epoch_then() {
    let mut world = World::new(2);
    let first = world.claim(0, "zone", "a");
    let (epoch, _) = first.held().unwrap();
    first.release(&mut world);
    let second = world.claim(1, "zone", "b");
    assert!(second.held().unwrap().0 > epoch);
}

#[test]
fn a_claim_survives_a_restart_and_nobody_slips_in() {
    let mut world = World::new(2);
    let claims: Vec<_> = (0..3)
        .map(|at| world.claim(0, &format!("zone/{at}"), "a"))
        .collect();
    let epochs: Vec<_> = claims.iter().map(|it| it.held().unwrap().0).collect();
    world.restart();
    assert!(claims.iter().all(|it| !it.held().unwrap().1), "uncertain");
    world.connect(1);
    let stranger = world.claim(1, "zone/0", "mine");
    assert_eq!(stranger.state(), "Asked", "it waits for the daemon");
    world.pass(5 * SECOND);
    world.connect(0);
    for (claim, epoch) in claims.iter().zip(epochs) {
        assert_eq!(claim.held(), Some((epoch, true)));
    }
    world.pass(SETTLE);
    assert!(stranger.state().starts_with("NotGranted(another one holds"));
}

#[test]
fn after_an_interruption_a_key_that_another_one_may_have_held_is_lost() {
    let mut world = World::new(2);
    let claim = world.claim(0, "zone", "a");
    world.lose(0);
    assert!(!claim.held().unwrap().1);
    world.connect(0);
    assert!(claim.state().ends_with("may have held the key in between)"));
    assert!(world.claim(1, "zone", "b").held().is_some(), "it is free");
}

#[test]
fn a_frozen_holder_is_told_that_another_one_holds_its_key() {
    let mut world = World::new(2);
    let claim = world.claim(0, "zone", "a");
    let (old, certain) = claim.held().unwrap();
    assert!(certain);
    world.freeze(0);
    let next = world.claim(1, "zone", "b");
    let (new, _) = next.held().unwrap();
    assert!(new > old);
    world.pass(6 * SECOND);
    let now = world.now;
    let thawed = &world.programs[0].session;
    assert!(claim.held().unwrap().1, "it has noticed nothing yet");
    assert!(!thawed.is_certain(claim.id, now), "and is not sure already");
    world.lose(0);
    world.connect(0);
    let told = format!("holds the key now, with epoch {new})");
    assert!(claim.state().ends_with(&told), "{}", claim.state());
    assert_eq!(next.held(), Some((new, true)));
}

#[test]
fn a_later_grant_displaces_a_holder() {
    let mut world = World::new(2);
    let first = world.claim(0, "zone", "a");
    world.lose(0);
    let second = world.claim(1, "zone", "b");
    world.restart();
    // The stale one is there first, while the daemon waits for former holders.
    world.connect(0);
    assert!(first.held().is_some());
    world.connect(1);
    assert_eq!(
        first.state(),
        "Lost(the daemon has given the key to another holder)"
    );
    assert!(second.held().unwrap().1);
}

#[test]
fn a_holder_is_sure_for_five_seconds_after_it_has_said_what_the_daemon_has_answered() {
    let mut world = World::new(1);
    let claim = world.claim(0, "zone", "a");
    let sure = |world: &World| world.programs[0].session.is_certain(claim.id, world.now);
    world.pass(5 * SECOND - Duration::from_millis(1));
    assert!(sure(&world));
    world.act(0, |it, _| it.beat());
    world.pass(Duration::from_millis(4_999));
    assert!(sure(&world));
    world.pass(Duration::from_millis(1));
    assert!(!sure(&world));
    world.lose(0);
    world.act(0, |it, _| it.beat());
    assert!(!sure(&world), "there is no connection");
}

#[test]
fn what_arrives_late_makes_no_holder_sure() {
    let mut world = World::new(2);
    let claim = world.claim(0, "zone", "a");
    let seen = world.watch(0, "");
    let sure = |world: &World| world.programs[0].session.is_certain(claim.id, world.now);
    // The question reaches the daemon, and its answer lies in a buffer while the program is frozen.
    let peer = world.programs[0].peer.unwrap();
    world.programs[0].session.beat();
    let question = world.programs[0].session.next_message(world.now).unwrap();
    world.tell(Event::Said(peer, read(&question[4..]).unwrap()));
    world.now += 6 * SECOND;
    let _other = world.claim(1, "other", "b");
    assert_eq!(shown(&seen.borrow()).len(), 2, "the daemon is heard");
    assert!(!sure(&world));
    world.act(0, |it, _| it.beat());
    assert!(sure(&world));
}

#[test]
fn only_the_newest_value_is_sent_when_the_daemon_does_not_read() {
    let mut world = World::new(2);
    let claim = world.claim(0, "zone", "0");
    let seen = world.watch(1, "");
    let session = &mut world.programs[0].session;
    for value in 1..=1_000 {
        session.update(claim.id, value.to_string().into());
    }
    assert_eq!(session.due.len(), 1);
    assert_eq!(shown(&seen.borrow()), ["zone=0"]);
    world.settle();
    assert_eq!(shown(&seen.borrow()), ["zone=1000"]);

    world.lose(0);
    let session = &mut world.programs[0].session;
    session.update(claim.id, "away".into());
    world.connect(0);
    assert_eq!(shown(&seen.borrow()), [""; 0], "it was lost");
}

#[test]
fn a_value_that_changes_during_a_restart_is_told_afterwards() {
    let mut world = World::new(2);
    let claim = world.claim(0, "zone", "before");
    world.restart();
    world.programs[0].session.update(claim.id, "after".into());
    world.connect(0);
    world.connect(1);
    let seen = world.watch(1, "");
    assert_eq!(shown(&seen.borrow()), [""; 0], "others may still come");
    world.pass(SETTLE);
    assert_eq!(shown(&seen.borrow()), ["zone=after"]);
}
