//! What is taken in of what another member states.

use super::*;
use std::collections::BTreeSet;

#[tokio::test(start_paused = true)]
async fn games_of_other_members_count_but_are_never_refused() {
    let here = Member::new();
    let mut other = here.replica("b");
    let games = ["b", "c", "d"].map(|tag| Stated {
        game: game(tag),
        ..stated(
            u64::from(tag.as_bytes()[0]),
            v4(tag.as_bytes()[0].into()),
            None,
            tag,
        )
    });
    other.snapshot(games.to_vec());
    assert_eq!(here.words().await, ["b", "c", "d"]);
    let refused = here.registry.register(&game("a"), v4(1), None);
    assert!(refused.is_err());
    assert!(here.registry.register(&game("b"), v4(1), None).is_ok());
    other.snapshot(games[..1].to_vec());
    assert!(here.registry.register(&game("a"), v4(1), None).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_newest_servers_are_left_out_until_there_is_room() {
    let here = Member::new();
    here.set_max_foreign(2);
    let [mut other, mut third] = ["b", "c"].map(|name| here.replica(name));
    let all = || [3, 1, 2].map(|at: u16| stated(at.into(), v4(at), None, &at.to_string()));
    other.snapshot(all().to_vec());
    assert_eq!(here.words().await, ["1", "2"]);
    third.snapshot(vec![stated(4, v4(4), None, "4")]);
    let counts = |here: &Member| (here.foreign(), here.left_out());
    assert_eq!(counts(&here), (2, 2));
    assert_eq!((other.len(), third.len()), (2, 0));
    assert!(other.is_incomplete() && third.is_incomplete());
    // Those that have room may change.
    other.delta(&[], vec![stated(1, v4(9), None, "moved")], Vec::new());
    assert_eq!(here.words().await, ["2", "moved"]);
    assert!(!other.wants_snapshot());

    // Which ones were left out is not known: whoever goes may have been one of them, or not.
    other.delta(&[claim(3).0], Vec::new(), Vec::new());
    assert!(other.is_incomplete() && !other.wants_snapshot());

    other.delta(&[claim(1).0], Vec::new(), Vec::new());
    assert!(other.wants_snapshot() && third.wants_snapshot());
    other.snapshot(all()[..1].to_vec());
    assert_eq!(here.words().await, ["3"]);
    assert_eq!(counts(&here), (1, 1));
    drop(third);
    assert_eq!(counts(&here), (1, 0));
    drop(other);
    assert_eq!(counts(&here), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn hidden_addresses_are_not_shown_and_come_back() {
    let here = Member::new();
    let own = here.register(v4(1), None);
    own.heartbeat("own".into());
    let two = here.register(v6(6), ONE);
    two.heartbeat("two".into());
    let mut other = here.replica("b");
    let elsewhere = ([198, 51, 100, 1], 1).into();
    other.snapshot(vec![
        stated(LATER, v4(9), ONE, "both"),
        stated(LATER + 1, elsewhere, None, "elsewhere"),
    ]);
    let all = ["own", "both", "elsewhere"];
    assert_eq!(here.words().await, all);
    here.set_hidden("one", |ip| ip == v4(1).ip());
    assert_eq!(here.words().await, ["elsewhere"]);
    own.heartbeat("changed".into());
    assert_eq!(here.words().await, ["elsewhere"]);
    assert_eq!(
        here.own().servers().len(),
        2,
        "others decide for themselves"
    );
    here.set_hidden("another", |ip| ip == v6(6).ip());
    assert_eq!(here.words().await, ["changed", "elsewhere"]);
    here.set_hidden("", |_| false);
    assert_eq!(here.words().await, ["changed", "both", "elsewhere"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_member_states_at_once_is_shown_in_one_frame() {
    let here = Member::new();
    let own = here.register(v6(1), None);
    // A list that is longer than the removal of all others.
    own.heartbeat(vec![b'x'; 1000].into());
    here.settle().await;
    let mut client = here.feeds.of(None).subscribe(None);
    next(&mut client);
    let mut other = here.replica("b");
    let all = || (1..100).map(|at| stated(at.into(), v4(at), None, "hello"));
    // The feed is about to be flushed all the time.
    let merged = here.merged();
    merged.together(|| {
        other.snapshot(all().collect());
        here.settle().now_or_never();
        let _ = tokio::time::timeout(4 * TICK, here.feeds.run(TICK)).now_or_never();
        assert_eq!(next(&mut client), None, "it is not complete");
    });
    here.settle().await;
    assert_eq!(next(&mut client), Some((0, 99, 0)));
    drop(other);
    here.settle().await;
    assert_eq!(next(&mut client), Some((99, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn all_servers_of_a_game_share_its_tag() {
    let here = Member::new();
    let mut other = here.replica("b");
    other.delta(&[], vec![stated(1, v4(1), None, "one")], Vec::new());
    let two = [None, ONE].map(|identity| stated(2, v4(2), identity, "two"));
    other.delta(&[], two.to_vec(), Vec::new());
    let servers = here.list().await;
    let tags = servers.iter().map(|it| it.placement.game.as_str().as_ptr());
    assert_eq!(tags.collect::<BTreeSet<_>>().len(), 1);
}

/// Clients wait for parts that belong together, but not for those of the next ones as well.
#[tokio::test(start_paused = true)]
async fn changes_in_parts_are_shown_in_one_frame_before_the_next_ones_begin() {
    let here = Member::new();
    let mut client = here.feeds.of(None).subscribe(None);
    next(&mut client);
    let [mut one, mut two] = ["b", "c"].map(|name| here.replica(name));
    let part = |at: u16| vec![stated(at.into(), v4(at), None, "hello")];
    let together = one.together().unwrap();
    one.delta(&[], part(1), Vec::new());
    drop(two.together().expect("no client waits yet"));
    here.settle().await;
    assert_eq!(next(&mut client), None, "it is not complete");
    assert!(two.together().is_none(), "clients wait");
    one.delta(&[], part(2), Vec::new());
    two.delta(&[], part(3), Vec::new());
    here.settle().await;
    drop(together);
    assert_eq!(next(&mut client), None);
    assert!(two.together().is_none(), "clients wait still");
    here.settle().await;
    assert_eq!(next(&mut client), Some((0, 3, 0)));
    assert!(two.together().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_claim_from_the_far_future_is_not_taken() {
    let here = Member::new();
    let own = here.register(v4(1), ONE);
    own.heartbeat("own".into());
    let mut other = here.replica("b");
    other.snapshot(vec![stated(Clock::FAR * 2, v4(2), ONE, "far")]);
    assert_eq!(here.words().await, ["own"]);
    assert_eq!((other.len(), here.foreign()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_member_has_stated_can_be_passed_on() {
    let here = Member::new();
    let _own = here.register(v4(1), ONE);
    let mut other = here.replica("b");
    let [one, two] = [ONE, None].map(|it| stated(LATER, v4(1), it, "there"));
    let two = Stated { number: 5, ..two };
    other.snapshot(vec![one.clone(), two.clone()]);
    other.delta(&[], Vec::new(), vec![(5, "changed".into())]);
    let changed = Stated {
        heartbeat: "changed".into(),
        ..two
    };
    let mut all = other.stated();
    all.sort_by_key(|stated| std::cmp::Reverse(stated.number));
    assert_eq!(all, [one, changed]);
}
