use super::*;
use crate::{
    Fingerprint, Game,
    bounds::Trusted,
    feed::{Content, Feeds, Subscription},
    list::{Claim, Claims, Origin, Server, Stamp, Stated},
    registry::{Applied, Registration, Replica},
};
use futures::FutureExt;
use std::{collections::BTreeSet, net::SocketAddr, ops::Deref};

const TICK: Duration = Duration::from_millis(20);
const ONE: Option<Fingerprint> = Some(Fingerprint::from_bytes([1; 32]));

/// A registry of a member, with its feeds.
struct Member {
    registry: Arc<Registry>,
    feeds: Arc<Feeds>,
}

impl Deref for Member {
    type Target = Arc<Registry>;

    fn deref(&self) -> &Arc<Registry> {
        &self.registry
    }
}

impl Member {
    fn new() -> Self {
        let feeds = Feeds::new();
        let registry = Registry::clustered(2, vec![feeds.clone()], Arc::new(Clock::new(7)));
        Self { registry, feeds }
    }

    fn register(&self, address: SocketAddr, identity: Option<Fingerprint>) -> Registration {
        let registration = self.registry.register(&game("a"), address, identity);
        registration.expect("there is room for its game")
    }

    fn replica(&self, name: &str) -> Replica {
        self.registry.replica(run(name))
    }

    /// Lets everything be told that has happened until now.
    async fn settle(&self) {
        let run = async { tokio::join!(self.feeds.run(TICK), self.run_own(TICK)) };
        let _ = tokio::time::timeout(4 * TICK, run).await;
    }

    /// The list, by address.
    async fn list(&self) -> Vec<Server> {
        self.settle().await;
        let mut servers = self.feeds.of(None).servers();
        servers.sort_by_key(|server| (server.placement.address, server.number));
        servers
    }

    /// The heartbeats in the list.
    async fn words(&self) -> Vec<String> {
        let text = |server: Server| String::from_utf8_lossy(&server.heartbeat).into_owned();
        self.list().await.into_iter().map(text).collect()
    }
}

fn run(name: &str) -> Arc<MemberRun> {
    Arc::new(MemberRun {
        name: name.into(),
        run: 1,
    })
}

fn v4(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

fn v6(port: u16) -> SocketAddr {
    (std::net::Ipv6Addr::LOCALHOST, port).into()
}

fn game(tag: &str) -> Game {
    Game::new(tag).unwrap()
}

/// A claim of another member, greater than all before `stamp`.
fn claim(stamp: u64) -> Claim {
    Claim::new(Stamp(stamp), 9)
}

fn stated(stamp: u64, address: SocketAddr, identity: Option<Fingerprint>, words: &str) -> Stated {
    Stated {
        number: claim(stamp).0,
        game: game("a"),
        address,
        second_address: None,
        identity,
        claims: Claims::new(claim(stamp), None),
        heartbeat: words.to_owned().into(),
    }
}

const LATER: u64 = 1000;

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

fn now() -> Instant {
    crate::time::now()
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
    assert_eq!((other.len(), third.len()), (3, 1));
    // Those that have room may change.
    other.delta(&[], vec![stated(1, v4(9), None, "moved")], Vec::new());
    assert_eq!(here.words().await, ["2", "moved"]);
    assert!(!other.wants_snapshot());

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
    here.set_hidden(|ip| ip == v4(1).ip());
    assert_eq!(here.words().await, ["elsewhere"]);
    own.heartbeat("changed".into());
    assert_eq!(here.words().await, ["elsewhere"]);
    assert_eq!(
        here.own().servers().len(),
        2,
        "others decide for themselves"
    );
    here.set_hidden(|ip| ip == v6(6).ip());
    assert_eq!(here.words().await, ["changed", "elsewhere"]);
    here.set_hidden(|_| false);
    assert_eq!(here.words().await, ["changed", "both", "elsewhere"]);
}

/// What a client of all games is sent next.
fn next(client: &mut Subscription) -> Option<(usize, usize, usize)> {
    let frame = client.next().now_or_never()?;
    Some(match frame.content() {
        Content::Snapshot { servers, .. } => (0, servers.len(), 0),
        Content::Delta(delta) => (delta.removed.len(), delta.placed.len(), delta.updated.len()),
    })
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
async fn the_own_feed_has_own_servers_with_their_claims_and_no_others() {
    let here = Member::new();
    here.set_rows(1, Trusted::none());
    let mut reader = here.own().subscribe(None);
    let mut client = here.feeds.of(None).subscribe(None);
    let [_, _] = [&mut reader, &mut client].map(next);
    let mut other = here.replica("b");
    other.snapshot(vec![stated(LATER, v4(9), None, "there")]);
    let own = here.register(v4(1), ONE);
    own.heartbeat("own".into());
    let waits = here.register(v4(2), None);
    assert_eq!(waits.heartbeat("waits".into()), Applied::Waits);
    here.settle().await;
    let stated = here.own().servers();
    assert_eq!(stated.len(), 1);
    let claims = stated[0].placement.claims;
    assert!(claims.greatest() > claim(LATER));
    assert_eq!(
        (next(&mut reader), next(&mut client)),
        (Some((0, 1, 0)), Some((0, 2, 0)))
    );

    // The same server connects again, where it was: only other members have to know.
    let again = here.register(v4(1), ONE);
    assert!(own.replaced().now_or_never().is_some());
    here.settle().await;
    assert!(here.own().servers()[0].placement.claims.greatest() > claims.greatest());
    assert_eq!(
        (next(&mut reader), next(&mut client)),
        (Some((0, 1, 0)), None)
    );
    drop(again);
    here.settle().await;
    let words = here.own().servers().remove(0).heartbeat;
    assert_eq!(words, "waits", "the row is free");
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

/// A daemon sets all of its limits, whether it is in a cluster or not.
#[test]
fn a_registry_that_is_not_clustered_has_nothing_of_others() {
    let alone = Registry::new(10, Vec::new());
    alone.set_max_foreign(5);
    alone.set_hidden(|_| true);
    alone.settle_lost(now(), TICK, |_| true);
    assert_eq!((alone.foreign(), alone.left_out()), (0, 0));
}
