//! What one peer can cost all others.

use super::{super::*, daemon::*};
use crate::Limit;

fn watch(daemon: &mut Daemon, peer: u64, id: u64) {
    let prefix = Prefix::new("").unwrap();
    daemon.say(peer, Said::Watch { id, prefix });
}

/// How many watches are looked at for a change.
fn touched(daemon: &Daemon) -> usize {
    daemon.names.watches.of(&key("any")).len()
}

/// A holder of 2,000 claims leaves, and 200 watches are to be told of each of them.
#[test]
fn watchers_are_told_of_many_changes_over_time_and_of_each_key_in_the_end() {
    const KEYS: u64 = 2_000;
    const WATCHES: u64 = 200;
    let mut daemon = open();
    for id in 0..KEYS {
        daemon.claim(1, id, &format!("{id}"));
        daemon.all(1);
        daemon.pass(SECOND);
    }
    for id in 0..WATCHES {
        watch(&mut daemon, 2, id);
    }
    daemon.all(2);
    daemon.event(Event::Gone(PeerId(1)));
    let told = u64::try_from(daemon.all(2).len()).unwrap();
    assert!((1..100 * WATCHES).contains(&told), "{told} at once");
    // Meanwhile others are heard, and read the truth.
    daemon.start(3, 1, "1999", SECOND);
    assert!(matches!(daemon.one(3), Answer::Unavailable { .. }));
    let mut all = told;
    while let Some(at) = daemon.names.next_timeout() {
        daemon.pass(at - daemon.now);
        all += u64::try_from(daemon.all(2).len()).unwrap();
    }
    assert_eq!(all, KEYS * WATCHES);
}

#[test]
fn of_one_key_that_changes_fast_watchers_are_told_the_newest_state() {
    let mut daemon = open();
    for id in 0..256 {
        watch(&mut daemon, 2, id);
    }
    daemon.all(2);
    daemon.claim(1, 1, "a");
    grant(&mut daemon, 1);
    let mut told = 0;
    for value in 0..1_000 {
        let (id, value) = (1, format!("{value}").into());
        daemon.say(1, Said::Update { id, value });
        told += daemon.all(2).len();
    }
    assert!(told < 100 * 256, "{told} in no time");
    daemon.pass(SECOND);
    let newest = daemon.all(2);
    assert_eq!(newest.len(), 256);
    let is_newest = |it: &Answer| matches!(it, Answer::Up { value, .. } if value == "999");
    assert!(newest.iter().all(is_newest));
}

#[test]
fn a_watch_whose_peer_does_not_read_costs_nothing_until_it_does() {
    let mut daemon = open();
    watch(&mut daemon, 2, 1);
    watch(&mut daemon, 3, 1);
    for id in 0..=u64::try_from(MAX_CHANGES).unwrap() {
        assert_eq!(daemon.all(3).len(), 1);
        assert!(id > 0 || daemon.all(2).len() == 1);
        assert_eq!(touched(&daemon), 2);
        daemon.claim(1, id, &format!("{id}"));
        daemon.all(1);
    }
    assert_eq!(touched(&daemon), 1);
    assert_eq!(daemon.names.take(PeerId(2)), Some(Answer::Reset { id: 1 }));
    assert_eq!(touched(&daemon), 2);
    let told = daemon.all(2);
    assert_eq!(told.last(), Some(&Answer::Current { id: 1 }));
    daemon.say(1, Said::Release { id: 0 });
    let (id, key) = (1, key("0"));
    assert_eq!(daemon.one(2), Answer::Down { id, key });
}

#[test]
fn keys_count_as_those_of_the_peer_that_has_them_started_until_that_is_over() {
    let limits = NamesLimits {
        max_each_per_peer: 2,
        ..NamesLimits::default()
    };
    let mut daemon = Daemon::new(limits);
    daemon.offer(3, 1, "", 9);
    for (id, key) in [(1, "a"), (2, "b")] {
        daemon.start(1, id, key, 60 * SECOND);
        daemon.say(1, Said::Release { id });
    }
    daemon.start(1, 3, "c", 60 * SECOND);
    let Answer::Refused { id: 3, why, .. } = daemon.one(1) else {
        panic!("two of its keys are being started");
    };
    assert_eq!(why, "keys being started for one peer: 2 at most");
    assert_eq!(daemon.reached, [Limit::MaxRequestsPerPeer]);
    // It may join what is being started, and others may start something.
    daemon.start(1, 4, "a", 60 * SECOND);
    assert_eq!(daemon.all(1), []);
    daemon.start(2, 1, "d", 60 * SECOND);
    assert_eq!(daemon.all(2), []);
    daemon.claim(3, 2, "a");
    assert!(matches!(daemon.one(1), Answer::Found { id: 4, .. }));
    daemon.start(1, 5, "c", 60 * SECOND);
    assert_eq!(daemon.all(1), []);
}

/// Each of these hosts offers as much as a peer may, and refuses everything.
#[test]
fn hosts_that_refuse_do_not_hide_the_others() {
    let mut daemon = open();
    for peer in 10..15 {
        let address = ([192, 0, 2, 2], 1).into();
        daemon.event(Event::Joined(PeerId(peer), address));
        for id in 0..256 {
            daemon.offer(peer, id, "", 9);
        }
    }
    daemon.offer(3, 1, "", 1);
    daemon.start(1, 1, "a", 60 * SECOND);
    for peer in 10..15 {
        let Answer::Order { order, within, .. } = daemon.one(peer) else {
            panic!("it has the most free slots");
        };
        // As many hosts share the time as there are, and not as many as there are offers.
        let left = u32::try_from(16 - peer).unwrap();
        assert_eq!(within, 60 * SECOND / left.min(3));
        let why = "no".to_owned();
        daemon.say(peer, Said::Refuse { order, why });
    }
    assert!(matches!(daemon.one(3), Answer::Order { .. }));
    assert_eq!(daemon.all(1), []);
}
