//! What is shown of servers that several members state.

use super::*;
use crate::list::Origin;
use std::collections::BTreeSet;

#[tokio::test(start_paused = true)]
async fn the_greatest_claim_of_an_identity_is_shown_with_its_heartbeat() {
    let here = Member::new();
    let own = here.register(v4(1), ONE);
    own.heartbeat("own".into());
    let number = here.list().await[0].number;
    let mut other = here.replica("b");
    let later = Stated {
        number,
        ..stated(LATER, v4(2), ONE, "later")
    };
    other.snapshot(vec![later]);
    let shown = here.list().await.remove(0);
    assert_eq!((shown.number, shown.heartbeat), (number, "later".into()));
    assert_eq!(shown.origin, Origin::Member(run("b")));
    assert_eq!(shown.placement.address, v4(2));
    assert_eq!(own.heartbeat("hidden".into()), Applied::Changed);
    assert_eq!(here.words().await, ["later"]);

    // It comes back: its new claim is greater than all that was heard.
    let back = here.register(v4(3), ONE);
    back.heartbeat("back".into());
    assert_eq!(here.words().await, ["back"]);
    drop(back);
    assert_eq!(here.words().await, ["later"]);
    other.delta(&[number], Vec::new(), Vec::new());
    assert!(here.list().await.is_empty());
    assert!(here.merged().lost.due(now(), TICK, |_| true).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_from_another_member_keeps_its_number() {
    for identity in [ONE, None] {
        let here = Member::new();
        let mut other = here.replica("b");
        other.snapshot(vec![stated(LATER, v4(1), identity, "there")]);
        let number = here.list().await[0].number;
        assert_eq!(number, claim(LATER).0);
        let own = here.register(v4(1), identity);
        assert_eq!(here.words().await, ["there"], "until it has said something");
        own.heartbeat("here".into());
        let shown = here.list().await;
        assert_eq!(shown.len(), 1);
        assert_eq!(
            (shown[0].number, &shown[0].heartbeat),
            (number, &"here".into())
        );
        let stated = here.own().servers();
        assert_eq!(stated[0].number, number, "others learn that it is the same");
        drop(other);
        assert_eq!(here.list().await[0].number, number);
        drop(own);
        assert!(here.list().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_addresses_of_two_members_are_one_row() {
    let here = Member::new();
    let six = here.register(v6(6), ONE);
    six.heartbeat("six".into());
    let mut other = here.replica("b");
    other.snapshot(vec![stated(LATER, v4(4), ONE, "four")]);
    let shown = here.list().await;
    assert_eq!(shown.len(), 1);
    let addresses = |server: &Server| (server.placement.address, server.placement.second_address);
    assert_eq!(addresses(&shown[0]), (v4(4), Some(v6(6))));
    assert_eq!(shown[0].heartbeat, "four");
    drop(other);
    let shown = here.list().await;
    assert_eq!(addresses(&shown[0]), (v6(6), None));
    assert_eq!(shown[0].heartbeat, "six");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_goes_to_another_game_elsewhere_leaves_the_old_one() {
    let here = Member::new();
    let own = here.register(v4(4), ONE);
    own.heartbeat("old".into());
    let both = here.register(v6(6), ONE);
    let mut other = here.replica("b");
    let moved = Stated {
        game: game("b"),
        ..stated(LATER, v4(1), ONE, "new")
    };
    other.snapshot(vec![moved]);
    assert_eq!(here.words().await, ["new"]);
    assert!(here.feeds.of(Some(&game("a"))).servers().is_empty());
    here.settle_lost(now(), Duration::ZERO, |_| true);
    for link in [&own, &both] {
        assert!(link.replaced().now_or_never().is_some());
    }
    assert!(here.is_empty(), "{}", here.len());
    assert_eq!(here.words().await, ["new"]);
}

/// A relay lists several rooms at one address, and moves with all of them.
#[tokio::test(start_paused = true)]
async fn of_servers_without_identity_at_one_address_those_of_one_member_are_shown() {
    let here = Member::new();
    let mut other = here.replica("b");
    let rooms = [1, 2].map(|room| stated(room, v4(1), None, &format!("there {room}")));
    other.snapshot(rooms.to_vec());
    assert_eq!(here.words().await, ["there 1", "there 2"]);
    let own = [1, 2, 3].map(|room: u64| {
        let own = here.register(v4(1), None);
        own.heartbeat(format!("here {room}").into());
        own
    });
    assert_eq!(here.words().await, ["here 1", "here 2", "here 3"]);
    let numbers =
        |servers: Vec<Server>| servers.iter().map(|it| it.number).collect::<BTreeSet<_>>();
    assert_eq!(numbers(here.list().await), numbers(here.own().servers()));
    other.delta(&[], vec![stated(LATER, v4(1), None, "there 3")], Vec::new());
    assert_eq!(here.words().await, ["there 1", "there 2", "there 3"]);
    drop(own);
    drop(other);
    assert!(here.list().await.is_empty());
}

/// Two servers must never have one number, even when one of them has taken over the number of the
/// other and goes elsewhere.
#[tokio::test(start_paused = true)]
async fn a_server_without_identity_that_moves_leaves_the_number_that_it_took_over() {
    let here = Member::new();
    let mut other = here.replica("b");
    other.snapshot(vec![stated(1, v4(1), None, "there")]);
    let own = here.register(v4(1), None);
    own.heartbeat("here".into());
    let number = here.list().await[0].number;
    own.move_to(v4(2));
    let shown = here.list().await;
    let seen: Vec<_> = shown
        .iter()
        .map(|it| (&*it.heartbeat, it.number == number))
        .collect();
    assert_eq!(seen, [(&b"there"[..], true), (b"here", false)]);
}

/// It comes there later than any other, whenever it has connected. An identity does not: it stays
/// in its row, and the connection that came last is shown.
#[tokio::test(start_paused = true)]
async fn a_server_that_moves_claims_the_address_anew_if_it_has_no_identity() {
    for (identity, expected) in [(None, "here"), (ONE, "there")] {
        let here = Member::new();
        let own = here.register(v4(1), identity);
        own.heartbeat("here".into());
        let mut other = here.replica("b");
        other.snapshot(vec![stated(LATER, v4(2), identity, "there")]);
        own.move_to(v4(2));
        assert_eq!(here.words().await, [expected]);
        let claims = here.own().servers()[0].placement.claims;
        assert_eq!(claims.greatest() > claim(LATER), identity.is_none());
        drop(own);
        assert_eq!(here.words().await, ["there"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_registration_learns_of_it_when_it_has_lost_for_long_to_a_member_that_is_heard() {
    let here = Member::new();
    let four = here.register(v4(4), ONE);
    four.heartbeat("own".into());
    let six = here.register(v6(6), ONE);
    let mut other = here.replica("b");
    let greater = || stated(LATER, v4(1), ONE, "later");
    other.snapshot(vec![greater()]);
    let start = now();
    let settle = |at: Duration, heard: bool| {
        here.settle_lost(start + at, TICK, |whose| *whose == *run("b") && heard);
        four.replaced().now_or_never().is_some()
    };
    assert!(!settle(Duration::ZERO, true), "not at once");
    other.delta(&[greater().number], Vec::new(), Vec::new());
    other.delta(&[], vec![greater()], Vec::new());
    assert!(!settle(TICK, true), "it has won in between");
    assert!(!settle(TICK * 2, false), "the member is not heard");
    assert!(settle(TICK * 2, true));
    assert_eq!(four.heartbeat("late".into()), Applied::Replaced);
    assert!(six.replaced().now_or_never().is_none());
    let shown = here.list().await;
    assert_eq!(shown[0].placement.second_address, Some(v6(6)));
    assert_eq!(six.heartbeat("six".into()), Applied::Changed);
}
