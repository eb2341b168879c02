//! Starts, offers and orders, through refusals, restarts and lost connections.

use super::{
    super::{HowToStart, Ordered, offer::MAX_UNTAKEN, resolve::Answered},
    *,
};
use crate::names::error::Failed;

pub(super) type Orders = mpsc::Receiver<Result<Ordered, Failed>>;

impl World {
    pub(super) fn start(&mut self, at: usize, text: &str) -> oneshot::Receiver<Answered> {
        let start = HowToStart {
            payload: "please".into(),
            ticket: None,
        };
        let (key, within) = (key(text), 10 * SECOND);
        self.act(at, |it, now| it.resolve(key, Some(start), now + within))
            .1
    }

    pub(super) fn offer(&mut self, at: usize, slots: u32) -> (u64, Orders) {
        let prefix = Prefix::new("zone/").unwrap();
        self.act(at, |it, _| it.offer(prefix, slots, None))
    }

    pub(super) fn refuse(&mut self, at: usize, ordered: &Ordered, why: &str) {
        let (key, serial) = (&ordered.key, ordered.serial);
        self.act(at, |it, _| it.refuse_order(key, serial, why.into()));
    }
}

pub(super) fn next(orders: &mut Orders) -> Ordered {
    orders.try_recv().unwrap().unwrap()
}

#[test]
fn an_absent_key_is_started_by_one_host_for_all_who_ask() {
    let mut world = World::new(4);
    let (_, mut orders) = world.offer(0, 4);
    let mut answers: Vec<_> = (1..4).map(|at| world.start(at, "zone/a")).collect();
    let ordered = next(&mut orders);
    assert_eq!(ordered.key, key("zone/a"));
    assert_eq!(ordered.payload, "please");
    assert!(orders.try_recv().is_err(), "one order for all");
    let claim = world.claim(0, "zone/a", "here");
    for answer in &mut answers {
        let found = answer.try_recv().unwrap().unwrap().unwrap();
        assert_eq!(found.epoch, claim.held().unwrap().0);
        assert_eq!(found.value, "here");
    }
}

#[test]
fn a_refused_order_goes_to_the_other_host_and_then_the_reasons_are_told() {
    let mut world = World::new(3);
    let mut hosts: Vec<_> = (0..2).map(|at| world.offer(at, 4)).collect();
    let mut answer = world.start(2, "zone/a");
    for (at, why) in [(0, "full"), (1, "broken")] {
        let ordered = next(&mut hosts[at].1);
        world.refuse(at, &ordered, why);
    }
    let why = answer.try_recv().unwrap().unwrap_err().to_string();
    assert!(why.starts_with("nobody could start it: "), "{why}");
    assert!(
        why.contains(": full; ") && why.contains(": broken; "),
        "{why}"
    );
}

#[test]
fn a_start_goes_on_after_a_restart_and_offers_are_made_again() {
    let mut world = World::new(2);
    let mut answer = world.start(1, "zone/a");
    let failed = answer.try_recv().unwrap();
    assert!(failed.is_err(), "nobody offers it");
    let (_, mut orders) = world.offer(0, 1);
    let mut answer = world.start(1, "zone/a");
    let lost = next(&mut orders);
    world.restart();
    // Nothing can be refused that another host has.
    world.refuse(0, &lost, "too late");
    assert!(world.programs[0].session.refusals.is_empty());
    world.connect(0);
    world.connect(1);
    world.refuse(0, &lost, "too late");
    assert!(world.programs[0].session.refusals.is_empty());
    // For former holders the daemon waits longer than this start may take.
    world.daemon = daemon(world.limits.clone(), Duration::ZERO, world.now);
    world.reserve();
    for at in 0..2 {
        world.programs[at]
            .session
            .disconnected("again".into(), world.now);
        world.connect(at);
    }
    let again = next(&mut orders);
    assert_ne!(again.serial, lost.serial);
    assert_eq!(again.key, key("zone/a"));
    world.claim(0, "zone/a", "here");
    assert!(answer.try_recv().unwrap().unwrap().is_some());
}

#[test]
fn a_start_that_takes_too_long_fails_with_the_words_of_the_daemon() {
    let mut world = World::new(2);
    let (_, mut orders) = world.offer(0, 1);
    let mut answer = world.start(1, "zone/a");
    let _ = next(&mut orders);
    world.programs[1].session.tick(world.now + 10 * SECOND);
    assert!(answer.try_recv().is_err(), "the daemon may still say why");
    world.pass(10 * SECOND);
    let why = answer.try_recv().unwrap().unwrap_err().to_string();
    assert!(
        why.ends_with("has the order, and has not claimed it yet"),
        "{why}"
    );
}

#[test]
fn a_drained_offer_gets_no_orders_and_its_stream_ends() {
    let mut world = World::new(2);
    let (id, mut orders) = world.offer(0, 4);
    let _waits = world.start(1, "zone/a");
    world.act(0, |it, _| it.drain(id));
    assert_eq!(next(&mut orders).key, key("zone/a"), "it had come already");
    assert!(matches!(
        orders.try_recv(),
        Err(mpsc::error::TryRecvError::Disconnected)
    ));
    let mut answer = world.start(1, "zone/b");
    assert!(answer.try_recv().unwrap().is_err());
    world.lose(0);
    world.connect(0);
    assert_eq!(world.daemon.totals().offers, 0, "it is not made again");
}

#[test]
fn orders_that_a_host_does_not_take_are_refused() {
    let mut world = World::new(2);
    let (_, mut orders) = world.offer(0, u32::MAX);
    let mut answers: Vec<_> = (0..=MAX_UNTAKEN)
        .map(|at| world.start(1, &format!("zone/{at}")))
        .collect();
    // The daemon gives no more to a host that has not answered so many.
    let last = answers.pop().unwrap().try_recv();
    assert!(last.unwrap().is_err());
    for _ in 0..MAX_UNTAKEN {
        let _ = next(&mut orders);
    }
    assert!(orders.try_recv().is_err());
}

#[test]
fn an_order_of_a_withdrawn_offer_goes_to_another_host() {
    let mut world = World::new(3);
    let (first, _orders) = world.offer(0, 2);
    let (_, mut others) = world.offer(1, 1);
    let mut answer = world.start(2, "zone/a");
    world.act(0, |it, _| it.end(first));
    assert_eq!(next(&mut others).key, key("zone/a"));
    world.claim(1, "zone/a", "");
    assert!(answer.try_recv().unwrap().unwrap().is_some());
}
