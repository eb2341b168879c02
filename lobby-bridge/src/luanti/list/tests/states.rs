//! Answers to pings that are late, come twice or are of others, and restarts of the list in each state
//! of a server.

use proptest::prelude::*;

use super::*;

#[test]
fn a_server_that_ends_while_it_is_pinged_is_not_listed_by_the_answer() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    assert_eq!(net.ask(&delete(30000)), 200);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), [""; 0]);
    // Nor by the answer to an older ping.
    net.ask(&start(30000, "b"));
    net.ask(&delete(30000));
    net.ask(&start(30000, "c"));
    assert_eq!(net.work.len(), 2);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), [""; 0]);
    net.ponged(Some(0.1));
    assert_eq!(net.names(), ["c"]);
}

#[test]
fn a_server_that_is_silent_for_long_is_pinged_and_then_dropped() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.pass(SECOND * 349);
    assert!(net.work.is_empty());
    // A lost update costs nothing, if the server answers.
    net.pass(SECOND);
    net.ponged(Some(0.3));
    assert_eq!(net.rows()[0]["ping"], 0.3);
    net.pass(SECOND * 299);
    assert_eq!(net.names(), ["a"]);
    net.pass(SECOND);
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
    // One that does not answer leaves at once.
    net.ask(&start(30000, "a"));
    net.ponged(Some(0.1));
    net.pass(SECOND * 350);
    net.ponged(None);
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
}

#[test]
fn a_restart_of_the_list_is_not_noticed() {
    let mut net = Net::new();
    for (port, name) in [(30000, "a"), (30001, "b")] {
        net.ask(&start(port, name));
        net.ponged(Some(0.1));
    }
    net.pass(SECOND * 300);
    net.ask(&update(30000, "a"));
    net.ponged(Some(0.2));
    net.pass(SECOND);
    let mut later = net.restarted(SECOND * 349);
    assert_eq!(later.names(), ["a"], "the other one is too old");
    let listed = &later.rows()[0];
    assert_eq!(
        (&listed["mods"], &listed["ping"]),
        (&json!(["stairs"]), &0.2.into())
    );
    assert_eq!(later.shown.servers.most.servers, 2);
    assert_eq!(later.published.len(), 1);
    // It may have ended while the list was away.
    later.ponged(None);
    assert_eq!((later.names(), later.published.len()), (vec![], 0));
}

/// The answer to a ping counts once, and for the server that was asked.
#[test]
fn a_ping_that_has_ended_says_nothing_more() {
    let mut net = Net::new();
    net.ask(&start(30000, "a"));
    let ping = net.work.remove(0);
    let late = |took| Pinged {
        ping: ping.clone(),
        took,
    };
    net.done(late(None));
    net.done(late(Some(0.1)));
    assert_eq!(net.names(), [""; 0], "it has missed its time");
    net.ask(&start(30000, "a"));
    net.done(late(Some(0.1)));
    assert_eq!(net.names(), [""; 0], "the next one is still to come");
    net.ponged(Some(0.2));
    net.done(late(None));
    net.done(late(Some(0.3)));
    assert_eq!(
        (net.names(), &net.rows()[0]["ping"]),
        (vec!["a".into()], &0.2.into())
    );
    assert_eq!(net.published.len(), 1);
}

#[test]
fn a_restart_keeps_each_server_in_the_state_that_it_was_in() {
    let mut net = Net::new();
    for (port, name) in [(1, "listed"), (2, "deleted"), (3, "asked again")] {
        net.ask(&start(port, name));
        net.ponged(Some(0.1));
    }
    net.ask(&delete(2));
    net.ask(&update(3, "said, but not proven"));
    net.ask(&start(4, "new"));
    net.pass(SECOND);
    let mut later = net.restarted(SECOND * 9);
    let mut names = later.names();
    names.sort();
    assert_eq!(names, ["asked again", "listed"]);
    // All of them are asked, and those that answer stay.
    assert_eq!(later.work.len(), 2);
    while !later.work.is_empty() {
        later.ponged(Some(0.1));
    }
    assert_eq!((later.names().len(), later.published.len()), (2, 2));
    // The one whose ping was lost announces itself again, if only by an update.
    assert_eq!(later.ask(&update(4, "new")), 202);
    later.ponged(Some(0.1));
    assert_eq!(later.names().len(), 3);
    assert_eq!(later.ask(&delete(2)), 200);
}

proptest! {
    /// Whatever servers do and however pings end, what is published is what is listed, each server
    /// was asked since it announced itself, and at the end nothing is left over.
    #[test]
    fn what_is_published_is_what_is_listed(
        steps in prop::collection::vec((0..6_u8, 1..4_u16, any::<bool>()), 0..80)
    ) {
        let mut net = Net::new();
        for (step, port, flag) in steps {
            match step {
                0 => drop(net.ask(&start(port, "a"))),
                1 => drop(net.ask(&update(port, "a"))),
                2 => drop(net.ask(&delete(port))),
                3 | 4 if !net.work.is_empty() => net.ponged(flag.then_some(0.1)),
                _ => net.pass(SECOND * u32::from(port) * 80),
            }
            prop_assert_eq!(net.names().len(), net.published.len());
            let mut in_flight: Vec<Key> = net.list().pinged.keys().copied().collect();
            in_flight.sort_unstable();
            let mut asked: Vec<Key> = net.work.iter().map(|it| it.key).collect();
            asked.sort_unstable();
            asked.dedup();
            prop_assert!(in_flight.iter().all(|it| asked.contains(it)));
        }
        while !net.work.is_empty() {
            net.ponged(None);
        }
        net.pass(SECOND * 10_000);
        while !net.work.is_empty() {
            net.ponged(None);
        }
        prop_assert!(net.list().pinged.is_empty());
        prop_assert!(net.names().is_empty() && net.published.is_empty());
    }
}
