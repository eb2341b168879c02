//! What happens, told one case at a time.

use super::{super::*, daemon::*};
use crate::{CloseCode, Limit};
use bytes::Bytes;
use std::time::Duration;

#[test]
fn a_second_claimer_is_told_who_holds_the_key_and_gets_it_after_a_release() {
    let mut daemon = open();
    daemon.claim(1, 1, "a");
    assert!(matches!(
        daemon.one(1),
        Answer::Granted {
            id: 1,
            epoch: 1,
            ..
        }
    ));
    daemon.claim(2, 9, "a");
    assert!(matches!(
        daemon.one(2),
        Answer::Held {
            id: 9,
            epoch: 1,
            ..
        }
    ));
    daemon.say(1, Said::Release { id: 1 });
    daemon.claim(2, 9, "a");
    assert!(matches!(
        daemon.one(2),
        Answer::Granted {
            id: 9,
            epoch: 2,
            ..
        }
    ));
}

#[test]
fn after_a_restart_the_last_holder_displaces_a_stale_one_and_strangers_wait() {
    let mut before = open();
    before.claim(1, 1, "a");
    let Answer::Granted { epoch, proof, .. } = before.one(1) else {
        panic!("it was free");
    };
    let stale = Held { epoch, proof };
    before.event(Event::Gone(PeerId(1)));
    before.claim(2, 1, "a");
    let Answer::Granted { epoch, proof, .. } = before.one(2) else {
        panic!("it was free");
    };
    let last = Held { epoch, proof };

    let mut after = Daemon::started(NamesLimits::default(), SETTLE);
    let forged = Held {
        proof: [0; 32],
        ..last
    };
    after.claim_again(3, 1, "a", Some(forged));
    let Answer::Refused {
        refusal: Refusal::Settling,
        again,
        ..
    } = after.one(3)
    else {
        panic!("a public epoch proves nothing");
    };
    assert_eq!(again, Some(SETTLE));
    after.claim_again(1, 1, "a", Some(stale));
    assert!(matches!(after.one(1), Answer::Granted { epoch: 1, .. }));
    after.claim_again(2, 1, "a", Some(last));
    assert!(matches!(after.one(2), Answer::Granted { epoch: 2, .. }));
    assert_eq!(after.one(1), Answer::Lost { id: 1 });
    after.pass(SETTLE);
    after.claim(3, 1, "b");
    let Answer::Granted { epoch, .. } = after.one(3) else {
        panic!("it has settled");
    };
    assert!(
        epoch > 2,
        "the file was lost, and a proof shows that {epoch} was granted"
    );
}

#[test]
fn a_watcher_is_not_told_that_these_are_all_keys_before_former_holders_are_back() {
    let held = |daemon: &mut Daemon, peer, text| {
        daemon.claim(peer, 1, text);
        let Answer::Granted { epoch, proof, .. } = daemon.one(peer) else {
            panic!("{text} is free");
        };
        Held { epoch, proof }
    };
    let mut before = open();
    let (a, b) = (held(&mut before, 1, "a"), held(&mut before, 2, "b"));

    let mut after = Daemon::started(NamesLimits::default(), SETTLE);
    after.claim_again(1, 1, "a", Some(a));
    after.all(1);
    let prefix = Prefix::new("").unwrap();
    after.say(3, Said::Watch { id: 7, prefix });
    let up = |told: &[Answer], text: &str| matches!(told, [Answer::Up { id: 7, key, .. }] if key.as_str() == text);
    assert!(up(&after.all(3), "a"));
    after.claim_again(2, 1, "b", Some(b));
    assert!(up(&after.all(3), "b"));
    after.pass(SETTLE);
    assert_eq!(after.all(3), [Answer::Current { id: 7 }]);
}

#[test]
fn without_a_block_nothing_is_granted_and_it_is_asked_for_again() {
    let mut daemon = open();
    let proofs = Proofs::new(&[1; 32]);
    let limits = NamesLimits::default();
    daemon.names = Names::new(limits, proofs, Duration::ZERO, daemon.now);
    let (now, peer) = (daemon.now, PeerId(1));
    let wanted = vec![Effect::Reserve { from: 1 }];
    assert_eq!(daemon.names.handle(Event::Tick, now), wanted);
    assert_eq!(daemon.names.handle(Event::NotReserved, now), []);
    daemon.event(Event::Joined(peer, ([192, 0, 2, 1], 1).into()));
    daemon.claim(1, 1, "a");
    let refused = daemon.one(1);
    assert!(
        matches!(
            refused,
            Answer::Refused {
                refusal: Refusal::NoEpochs,
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(daemon.names.next_timeout(), Some(now + RESERVE_AGAIN));
    assert_eq!(
        daemon.names.handle(Event::Tick, now + RESERVE_AGAIN),
        wanted
    );
}

#[test]
fn the_host_with_the_most_free_slots_has_the_order_and_the_next_one_after_a_refusal() {
    let mut daemon = open();
    daemon.offer(1, 1, "zone/", 2);
    daemon.offer(2, 1, "", 5);
    for id in 10..210 {
        daemon.start(3, id, "zone/a", 10 * SECOND);
    }
    let Answer::Order { order, within, .. } = daemon.one(2) else {
        panic!("it has the most free slots");
    };
    assert_eq!((within, daemon.all(1).len()), (5 * SECOND, 0));
    daemon.say(
        2,
        Said::Refuse {
            order,
            why: "maintenance".into(),
        },
    );
    assert!(matches!(daemon.one(1), Answer::Order { .. }));
    daemon.claim(1, 2, "zone/a");
    assert!(matches!(daemon.one(1), Answer::Granted { .. }));
    let found = daemon.all(3);
    let all_found = found.iter().all(|it| matches!(it, Answer::Found { .. }));
    assert!(all_found && found.len() == 200);
    assert_eq!(daemon.ended, [OrderEnd::Refused, OrderEnd::Claimed]);
}

#[test]
fn when_no_host_is_left_all_reasons_are_told() {
    let mut daemon = open();
    daemon.offer(1, 1, "zone/", 1);
    daemon.offer(2, 1, "zone/", 2);
    daemon.start(3, 1, "zone/a", 10 * SECOND);
    let Answer::Order { order, .. } = daemon.one(2) else {
        panic!("it has the most free slots");
    };
    // The first one is silent, the second one leaves, and then the first one refuses after all.
    daemon.pass(5 * SECOND);
    daemon.event(Event::Gone(PeerId(1)));
    assert_eq!(daemon.all(3), []);
    let why = "full".to_owned();
    daemon.say(2, Said::Refuse { order, why });
    let why =
        "192.0.2.1:2 has not claimed it in time; 192.0.2.1:1 has left; there is no other host";
    let unavailable = Answer::Unavailable {
        id: 1,
        why: why.into(),
    };
    assert_eq!(daemon.one(3), unavailable);
    daemon.start(3, 2, "room/a", SECOND);
    let why = "no host offers to start it".into();
    assert_eq!(daemon.one(3), Answer::Unavailable { id: 2, why });
    assert_eq!(daemon.ended, [OrderEnd::Expired, OrderEnd::Left]);
}

#[test]
fn a_host_that_hangs_costs_a_waiter_no_more_than_its_time() {
    let mut daemon = open();
    daemon.offer(1, 1, "", 1);
    daemon.start(3, 1, "a", SECOND);
    assert_eq!(daemon.names.next_timeout(), Some(daemon.now + SECOND));
    daemon.pass(SECOND);
    let why = "192.0.2.1:1 has the order, and has not claimed it yet".into();
    assert_eq!(daemon.one(3), Answer::Unavailable { id: 1, why });
    assert_eq!(
        (daemon.names.starting(), daemon.names.next_timeout()),
        (0, None)
    );
}

#[test]
fn who_asks_again_waits_for_the_host_that_has_the_order() {
    let mut daemon = open();
    daemon.offer(1, 1, "", 1);
    daemon.start(3, 1, "a", SECOND);
    assert!(matches!(daemon.one(1), Answer::Order { .. }));
    daemon.pass(SECOND);
    assert!(matches!(daemon.one(3), Answer::Unavailable { id: 1, .. }));
    daemon.start(3, 2, "a", SECOND);
    daemon.start(3, 3, "a", 9 * SECOND);
    daemon.pass(SECOND);
    let why = "192.0.2.1:1 has the order, and has not claimed it yet".into();
    assert_eq!(daemon.one(3), Answer::Unavailable { id: 2, why });
    assert_eq!(daemon.all(1), [], "one order is enough");
    daemon.claim(1, 2, "a");
    assert!(matches!(daemon.one(1), Answer::Granted { .. }));
    assert!(matches!(daemon.one(3), Answer::Found { id: 3, .. }));
    assert_eq!(daemon.names.next_timeout(), None);
}

#[test]
fn one_who_waits_for_a_moment_spoils_it_for_nobody() {
    let mut daemon = open();
    daemon.offer(1, 1, "", 1);
    daemon.start(2, 1, "a", SECOND / 10);
    daemon.start(3, 1, "a", 10 * SECOND);
    let Answer::Order { order, .. } = daemon.one(1) else {
        panic!("it is the only host");
    };
    daemon.pass(SECOND / 10);
    assert!(matches!(daemon.one(2), Answer::Unavailable { .. }));
    assert_eq!(daemon.all(3), []);
    // A host that comes now is asked when the one that has the order refuses it.
    daemon.offer(2, 2, "", 1);
    let why = "full".to_owned();
    daemon.say(1, Said::Refuse { order, why });
    assert!(matches!(daemon.one(2), Answer::Order { id: 2, .. }));
    daemon.event(Event::Gone(PeerId(2)));
    let why = "192.0.2.1:1 has not claimed it in time; 192.0.2.1:2 has left; \
               there is no other host";
    let unavailable = Answer::Unavailable {
        id: 1,
        why: why.into(),
    };
    assert_eq!(daemon.one(3), unavailable);
}

#[test]
fn a_slot_is_taken_until_its_claim_ends() {
    let mut daemon = open();
    daemon.offer(1, 1, "", 2);
    for (id, key) in [(1, "a"), (2, "b"), (3, "c")] {
        daemon.start(3, id, key, SECOND);
    }
    assert_eq!(daemon.all(1).len(), 2);
    let full = |id| Answer::Unavailable {
        id,
        why: "no host has a free slot".into(),
    };
    assert_eq!(daemon.one(3), full(3));
    daemon.claim(1, 2, "a");
    daemon.start(3, 4, "c", SECOND);
    assert!(daemon.all(3).contains(&full(4)));
    daemon.say(1, Said::Release { id: 2 });
    daemon.all(1);
    daemon.start(3, 5, "c", SECOND);
    daemon.start(3, 6, "d", SECOND);
    assert!(matches!(daemon.one(1), Answer::Order { .. }));
    assert_eq!(daemon.one(3), full(6));
}

#[test]
fn a_drained_host_gets_no_orders() {
    let mut daemon = open();
    daemon.offer(1, 1, "", 9);
    daemon.say(1, Said::Drain { id: 1 });
    daemon.start(3, 1, "a", SECOND);
    let why = "no host has a free slot".into();
    assert_eq!(daemon.one(3), Answer::Unavailable { id: 1, why });
}

#[test]
fn a_watcher_that_does_not_read_starts_anew_and_others_are_not_woken() {
    let mut daemon = open();
    let watch = |text| Prefix::new(text).unwrap();
    daemon.say(
        2,
        Said::Watch {
            id: 7,
            prefix: watch("zone/"),
        },
    );
    assert_eq!(daemon.one(2), Answer::Current { id: 7 });
    daemon.say(
        3,
        Said::Watch {
            id: 1,
            prefix: watch("room/"),
        },
    );
    assert_eq!(daemon.one(3), Answer::Current { id: 1 });
    let keys = u64::try_from(MAX_CHANGES).unwrap() + 1;
    for id in 0..keys {
        daemon.claim(1, id, &format!("zone/{id:04}"));
        daemon.all(1);
    }
    let told = daemon.all(2);
    assert_eq!(told.len(), MAX_CHANGES + 3);
    assert_eq!(told[0], Answer::Reset { id: 7 });
    assert!(matches!(&told[1], Answer::Up { id: 7, key, .. } if key.as_str() == "zone/0000"));
    assert_eq!(told.last(), Some(&Answer::Current { id: 7 }));
    assert_eq!(daemon.all(3), []);
    // Of several changes it is told the last state.
    daemon.say(
        1,
        Said::Update {
            id: 0,
            value: "one".into(),
        },
    );
    daemon.say(1, Said::Release { id: 0 });
    daemon.say(
        1,
        Said::Update {
            id: 1,
            value: "two".into(),
        },
    );
    let key = key("zone/0000");
    let told = daemon.all(2);
    assert_eq!(told[0], Answer::Down { id: 7, key });
    assert!(matches!(&told[1], Answer::Up { value, .. } if value == "two"));
}

#[test]
fn an_update_that_changes_nothing_wakes_nobody() {
    let mut daemon = open();
    daemon.claim(1, 1, "a");
    daemon.say(
        2,
        Said::Watch {
            id: 1,
            prefix: Prefix::new("").unwrap(),
        },
    );
    assert_eq!(daemon.all(2).len(), 2);
    for (value, told) in [("new", 1), ("new", 0), ("old", 1)] {
        let (id, value) = (1, value.into());
        daemon.say(1, Said::Update { id, value });
        assert_eq!(daemon.all(2).len(), told);
    }
}

#[test]
fn a_peer_that_does_not_read_is_sent_a_bounded_amount() {
    let mut daemon = open();
    daemon.claim(1, 1, "a");
    let value = Bytes::from(vec![0; MAX_VALUE_BYTES]);
    daemon.say(1, Said::Update { id: 1, value });
    let ask = |id| Said::Resolve {
        id,
        key: key("a"),
        start: None,
    };
    let asked = (0..).take_while(|id| {
        let accepts = daemon.names.accepts(PeerId(2));
        if accepts {
            daemon.say(2, ask(*id));
        }
        accepts
    });
    assert_eq!(asked.count(), MAX_UNREAD_BYTES / MAX_VALUE_BYTES);
    daemon.names.take(PeerId(2)).unwrap();
    assert!(daemon.names.accepts(PeerId(2)));
    daemon.all(2);
    assert!(daemon.closed.is_empty());
}

#[test]
fn a_holder_with_all_of_its_claims_can_show_one_of_them_again() {
    let limits = NamesLimits {
        max_claims_per_peer: 1,
        ..NamesLimits::default()
    };
    let mut daemon = Daemon::new(limits);
    daemon.claim(1, 1, "a");
    let Answer::Granted { epoch, proof, .. } = daemon.one(1) else {
        panic!("it was free");
    };
    daemon.claim(1, 2, "a");
    assert!(matches!(daemon.one(1), Answer::Held { id: 2, .. }));
    daemon.claim_again(1, 3, "a", Some(Held { epoch, proof }));
    let told = daemon.all(1);
    assert_eq!(told[0], Answer::Lost { id: 1 });
    let granted = Answer::Granted {
        id: 3,
        epoch,
        proof,
    };
    assert_eq!(told[1..], [granted]);
}

#[test]
fn limits_are_refusals_with_a_reason() {
    let mut limits = NamesLimits::default();
    (limits.max_claims, limits.max_claims_per_peer) = (3, 2);
    (limits.max_watches, limits.max_orders, limits.max_offers) = (1, 1, 1);
    let mut daemon = Daemon::new(limits);
    for (peer, id) in [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5)] {
        daemon.claim(peer, id, &format!("{id}"));
    }
    let prefix = || Prefix::new("").unwrap();
    for id in [10, 11] {
        daemon.offer(3, id, "", 5);
        daemon.say(
            3,
            Said::Watch {
                id: id + 10,
                prefix: prefix(),
            },
        );
        daemon.start(3, id + 20, &format!("start {id}"), SECOND);
    }
    let mut told = [1, 2, 3].map(|peer| daemon.all(peer)).concat();
    told.retain(|answer| matches!(answer, Answer::Refused { .. }));
    let why: Vec<_> = told
        .iter()
        .map(|answer| match answer {
            Answer::Refused {
                id,
                refusal: Refusal::Full,
                why,
                ..
            } => (*id, why.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        (3, "this peer has all of its 2 claims"),
        (5, "the daemon has all of its 3 claims"),
        (11, "offers: 1 at most, and 256 of one peer"),
        (21, "watches: 1 at most, and 256 of one peer"),
        (31, "keys being started: 1 at most"),
    ];
    assert_eq!(why, expected);
    let reached = [
        Limit::MaxClaimsPerPeer,
        Limit::MaxClaims,
        Limit::MaxOffers,
        Limit::MaxWatches,
        Limit::MaxOrders,
    ];
    assert_eq!(daemon.reached, reached);
}

#[test]
fn a_claim_offer_and_start_need_a_ticket_that_covers_them() {
    let mut daemon = open();
    daemon.permits = |ticket, right| ticket == Some(right.as_bytes());
    daemon.claim(1, 1, "a");
    daemon.offer(1, 2, "zone/", 1);
    daemon.start(1, 3, "a", SECOND);
    let refused = |id, right| Answer::Refused {
        id,
        refusal: Refusal::Ticket,
        again: None,
        why: format!("no ticket for {right}"),
    };
    let expected = [(1, "claim:a"), (2, "claim:zone/*"), (3, "start:a")];
    assert_eq!(
        daemon.all(1),
        expected.map(|(id, right)| refused(id, right))
    );
    let (key, value) = (key("a"), Bytes::new());
    let ticket = Some("claim:a".into());
    daemon.say(
        1,
        Said::Claim {
            id: 1,
            key,
            value,
            ticket,
            held: None,
        },
    );
    assert!(matches!(daemon.one(1), Answer::Granted { .. }));
}

#[test]
fn floods_and_requests_with_an_id_in_use_close_the_peer_alone() {
    let limits = NamesLimits {
        requests_at_once: 300,
        ..NamesLimits::default()
    };
    let mut daemon = Daemon::new(limits);
    for id in 0..301 {
        daemon.claim(1, id, &format!("{id}"));
        daemon.all(1);
    }
    daemon.claim(2, 1, "a");
    daemon.claim(2, 1, "b");
    for id in 0..=256 {
        daemon.say(
            3,
            Said::Resolve {
                id,
                key: key("x"),
                start: None,
            },
        );
    }
    let closed = [
        (PeerId(1), CloseCode::RateLimited),
        (PeerId(2), CloseCode::ProtocolViolation),
        (PeerId(3), CloseCode::TooSlow),
    ];
    assert_eq!(daemon.closed, closed);
    assert_eq!(daemon.names.totals().claims, 0);
}
