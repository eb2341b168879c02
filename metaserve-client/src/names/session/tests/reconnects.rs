//! What outlives a connection, and what does not.

use super::{orders::next, *};

impl World {
    /// The program connects again, and the daemon still counts its lost connection.
    fn blip(&mut self, at: usize) -> PeerId {
        let program = &mut self.programs[at];
        let lost = program.peer.take().unwrap();
        program.session.disconnected("lost".into(), self.now);
        self.connect(at);
        lost
    }

    fn gone(&mut self, lost: PeerId) {
        self.tell(Event::Gone(lost));
        self.settle();
    }

    /// The daemon closes the connection of a program.
    fn close(&mut self, at: usize, code: CloseCode) {
        let peer = self.programs[at].peer.unwrap();
        self.tell(Event::Gone(peer));
        self.closed(peer, Close::new(code, ""));
        self.settle();
    }

    /// The program says something, and the answer is lost with the connection.
    fn lose_answer(&mut self, at: usize) -> PeerId {
        let peer = self.programs[at].peer.unwrap();
        let said = self.programs[at].session.next_message(self.now).unwrap();
        self.tell(Event::Said(peer, read(&said[4..]).unwrap()));
        self.blip(at)
    }

    fn claim_unheard(&mut self, at: usize, text: &str) -> Claimed {
        let asked = Asked {
            key: key(text),
            value: Bytes::new(),
            ticket: None,
        };
        let until = self.now + 30 * SECOND;
        let (id, state) = self.programs[at].session.claim(asked, until);
        Claimed { at, id, state }
    }
}

#[test]
fn a_claim_whose_answer_was_lost_is_not_held_against_its_own_program() {
    let mut world = World::new(2);
    let claim = world.claim_unheard(0, "zone");
    let lost = world.lose_answer(0);
    assert_eq!(claim.state(), "Asked");
    world.pass(5 * SECOND);
    assert_eq!(claim.state(), "Asked");
    world.gone(lost);
    world.pass(SECOND);
    assert!(claim.held().is_some(), "{}", claim.state());
    claim.release(&mut world);

    // If another one holds it, the program is told so a little later.
    let claim = world.claim_unheard(0, "zone");
    let lost = world.lose_answer(0);
    world.gone(lost);
    assert_eq!(claim.state(), "Asked");
    let other = world.claim(1, "zone", "b");
    assert!(other.held().is_some());
    for _ in 0..7 {
        world.pass(SECOND);
    }
    assert!(
        claim.state().starts_with("NotGranted(another one holds"),
        "{}",
        claim.state()
    );
}

#[test]
fn a_program_whose_connection_the_daemon_has_closed_never_shows_its_grants_again() {
    for code in [
        CloseCode::TooSlow,
        CloseCode::RateLimited,
        CloseCode::OverCapacity,
    ] {
        let mut world = World::new(2);
        let claim = world.claim(0, "zone", "a");
        world.close(0, code);
        assert!(claim.state().starts_with("Lost("), "{code}");
        let next = world.claim(1, "zone", "b");
        next.release(&mut world);
        world.restart();
        world.connect(0);
        assert_eq!(world.daemon.totals().claims, 0, "{code}");
    }
}

#[test]
fn a_daemon_that_stops_or_refuses_a_new_connection_takes_no_claim_away() {
    let mut world = World::new(1);
    let claim = world.claim(0, "zone", "a");
    let (epoch, _) = claim.held().unwrap();
    world.close(0, CloseCode::ShuttingDown);
    assert_eq!(claim.held(), Some((epoch, false)));
    world.restart();
    // It was not granted over this connection.
    world.programs[0].session.connected();
    let full = Ended::Refused(Close::new(CloseCode::OverCapacity, ""));
    world.programs[0].session.ended(&full, world.now);
    assert_eq!(claim.held(), Some((epoch, false)));
    world.connect(0);
    assert_eq!(claim.held(), Some((epoch, true)));
}

#[test]
fn zones_that_run_take_their_slots_over_every_connection() {
    let mut world = World::new(2);
    let (_, mut orders) = world.offer(0, 2);
    let _first = world.start(1, "zone/a");
    assert_eq!(next(&mut orders).key, key("zone/a"));
    let running = world.claim(0, "zone/a", "");
    let lost = world.blip(0);
    world.gone(lost);
    assert!(running.held().unwrap().1);

    let _second = world.start(1, "zone/b");
    assert_eq!(next(&mut orders).key, key("zone/b"));
    let third = world.start(1, "zone/c").try_recv().unwrap();
    let why = third.unwrap_err().to_string();
    assert!(why.contains("free slot"), "{why}");

    // The offer is told once more, but not while the order would be taken away by that.
    running.release(&mut world);
    assert!(world.start(1, "zone/c").try_recv().unwrap().is_err());
    let _running = world.claim(0, "zone/b", "");
    let _third = world.start(1, "zone/c");
    assert_eq!(next(&mut orders).key, key("zone/c"));
    assert!(world.start(1, "zone/d").try_recv().unwrap().is_err());
}

#[test]
fn slots_of_zones_that_were_lost_are_offered_again() {
    let mut world = World::new(2);
    let (_, mut orders) = world.offer(0, 2);
    let mut zones = Vec::new();
    for zone in ["zone/a", "zone/b"] {
        let _asked = world.start(1, zone);
        assert_eq!(next(&mut orders).key, key(zone));
        zones.push(world.claim(0, zone, ""));
    }
    world.lose(0);
    world.connect(0);
    assert!(zones.iter().all(|it| it.state().starts_with("Lost(")));
    for zone in ["zone/a", "zone/b"] {
        let _asked = world.start(1, zone);
        assert_eq!(next(&mut orders).key, key(zone), "it is started anew");
    }
    assert!(world.start(1, "zone/c").try_recv().unwrap().is_err());
}

#[test]
fn an_order_that_the_program_has_already_is_not_given_to_it_again() {
    let mut world = World::new(2);
    let (_, mut orders) = world.offer(0, 4);
    let mut both = Vec::new();
    for zone in ["zone/a", "zone/b"] {
        let _lost = world.start(1, zone);
        let order = next(&mut orders);
        let taken = world.act(0, |it, _| it.take_order(&order));
        assert!(taken.is_some());
        both.push(order);
    }
    world.lose(0);
    world.connect(0);
    let mut answers = ["zone/a", "zone/b"].map(|zone| world.start(1, zone));
    assert!(
        orders.try_recv().is_err(),
        "the program starts them already"
    );
    // The claim and the refusal answer the new orders.
    let claim = world.claim(0, "zone/a", "here");
    let found = answers[0].try_recv().unwrap().unwrap().unwrap();
    assert_eq!(found.epoch, claim.held().unwrap().0);
    world.refuse(0, &both[1], "no memory");
    let why = answers[1].try_recv().unwrap().unwrap_err().to_string();
    assert!(why.contains("no memory"), "{why}");
    assert!(world.programs[0].session.orders.is_empty());
}

#[test]
fn an_order_that_waits_in_the_stream_is_taken_if_the_host_still_has_it() {
    let mut world = World::new(2);
    let (offer, mut orders) = world.offer(0, 4);
    for zone in ["zone/a", "zone/b"] {
        let _lost = world.start(1, zone);
    }
    world.lose(0);
    world.connect(0);
    let _again = world.start(1, "zone/b");
    let (a, b) = (next(&mut orders), next(&mut orders));
    assert_eq!(world.act(0, |it, _| it.take_order(&a)), None);
    assert!(world.act(0, |it, _| it.take_order(&b)).is_some());
    let _new = world.start(1, "zone/c");
    world.act(0, |it, _| it.end(offer));
    let session = &mut world.programs[0].session;
    assert_eq!(session.orders.keys().collect::<Vec<_>>(), [&b.key]);
    session.refuse_order(&b.key, b.serial, String::new());
    assert!(session.orders.is_empty());
}

#[test]
fn a_program_speaks_more_slowly_to_a_daemon_that_found_it_too_fast() {
    let mut limits = NamesLimits::default();
    (limits.requests_per_second, limits.requests_at_once) = (10, 20);
    let mut world = World::with(limits, 1);
    let mut closed = Vec::new();
    for round in 0..30 {
        if world.programs[0].peer.is_none() {
            world.connect(0);
        }
        let claim = world.claim(0, &round.to_string(), "");
        for value in 0..200 {
            let session = &mut world.programs[0].session;
            session.update(claim.id, value.to_string().into());
            world.pass(Duration::from_millis(10));
        }
        closed.push(world.programs[0].peer.is_none());
    }
    let times = closed.iter().filter(|it| **it).count();
    assert!((1..10).contains(&times), "{closed:?}");
    assert!(!closed[20..].contains(&true), "{closed:?}");
}

#[test]
fn a_watch_or_offer_that_is_full_after_a_reconnect_is_told_again() {
    let mut limits = NamesLimits::default();
    (limits.max_watches, limits.max_offers) = (1, 1);
    let mut world = World::with(limits, 2);
    let seen = world.watch(0, "");
    let (_, mut orders) = world.offer(0, 1);
    assert!(world.watch(1, "").borrow().failed.is_some(), "a first one");

    let lost = world.blip(0);
    assert!(seen.borrow().failed.is_none());
    assert!(seen.borrow().stale_since.is_some());
    world.gone(lost);
    world.pass(2 * SECOND);
    assert!(seen.borrow().stale_since.is_none());
    let _asked = world.start(1, "zone/a");
    assert_eq!(next(&mut orders).key, key("zone/a"));
}
