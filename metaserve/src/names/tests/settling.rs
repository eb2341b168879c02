//! Former holders that are waited for.

use super::{super::*, daemon::*};
use std::time::Duration;

/// The disk may be so slow that the first message is heard after what would be the settle time.
#[test]
fn the_settle_time_begins_when_it_is_known_whether_epochs_can_be_reserved() {
    let held = {
        let mut before = open();
        before.claim(1, 1, "a");
        grant(&mut before, 1)
    };
    let mut daemon = open();
    let proofs = Proofs::new(&[1; 32]);
    daemon.names = Names::new(NamesLimits::default(), proofs, SETTLE, daemon.now);
    let wanted = daemon.names.handle(Event::Tick, daemon.now);
    let [Effect::Reserve { from }] = wanted[..] else {
        panic!("{wanted:?}");
    };
    daemon.now += 2 * SETTLE;
    for peer in 1..=3 {
        daemon.event(Event::Joined(PeerId(peer), ([192, 0, 2, 1], 1).into()));
    }
    daemon.claim(2, 1, "a");
    assert_eq!(settling(&mut daemon, 2), SETTLE);
    daemon.claim_again(1, 1, "a", Some(held));
    assert_eq!(grant(&mut daemon, 1), held);
    let (block, _) = daemon.mark.reserve(from, Duration::ZERO).unwrap();
    daemon.event(Event::Reserved(block));
    daemon.claim(3, 1, "b");
    assert_eq!(settling(&mut daemon, 3), SETTLE);
    daemon.pass(SETTLE);
    daemon.claim(3, 1, "b");
    assert!(grant(&mut daemon, 3).epoch > held.epoch);
}

#[test]
fn after_a_standstill_holders_that_were_cut_off_come_back_before_others() {
    let mut daemon = open();
    daemon.claim(1, 1, "a");
    let stale = grant(&mut daemon, 1);
    daemon.say(1, Said::Release { id: 1 });
    daemon.claim(1, 2, "a");
    let held = grant(&mut daemon, 1);
    daemon.claim(1, 3, "released");
    let released = grant(&mut daemon, 1);
    daemon.pass(9 * SECOND);
    daemon.event(Event::StoodStill);
    daemon.say(1, Said::Release { id: 3 });
    daemon.event(Event::Gone(PeerId(1)));
    // Only what was held then waits, and not what was released after.
    daemon.claim(2, 1, "a");
    assert_eq!(settling(&mut daemon, 2), SETTLE);
    daemon.claim(2, 2, "b");
    grant(&mut daemon, 2);
    daemon.claim_again(2, 3, "released", Some(released));
    assert!(grant(&mut daemon, 2).epoch > released.epoch);
    daemon.claim_again(3, 1, "a", Some(stale));
    assert_eq!(settling(&mut daemon, 3), SETTLE);
    daemon.claim_again(3, 1, "a", Some(held));
    assert_eq!(grant(&mut daemon, 3), held);
    daemon.say(3, Said::Release { id: 1 });
    daemon.claim(2, 1, "a");
    assert!(grant(&mut daemon, 2).epoch > held.epoch);
}

#[test]
fn a_holder_that_does_not_come_back_after_a_standstill_is_waited_for_no_longer_than_that() {
    let mut daemon = open();
    daemon.offer(3, 1, "", 1);
    daemon.claim(1, 1, "a");
    let held = grant(&mut daemon, 1);
    daemon.event(Event::StoodStill);
    daemon.pass(SECOND);
    // Again: the time begins anew.
    daemon.event(Event::StoodStill);
    daemon.event(Event::Gone(PeerId(1)));
    daemon.start(2, 1, "a", 60 * SECOND);
    daemon.pass(SETTLE - SECOND / 2);
    assert_eq!(daemon.all(3), []);
    daemon.pass(SECOND / 2);
    assert!(matches!(daemon.one(3), Answer::Order { .. }));
    daemon.claim_again(3, 2, "a", Some(held));
    assert!(grant(&mut daemon, 3).epoch > held.epoch, "it came too late");
}
