//! What a registry of a member lists, and states.

use super::*;
use crate::{
    Fingerprint, Game,
    bounds::Trusted,
    feed::{Beat, Content, Feeds, Heard, Subscription},
    list::{By, Claim, Claims, Cursor, Server, Stamp, Stated},
    registry::{Applied, Registration, Replica},
};
use futures::FutureExt;
use std::{net::SocketAddr, ops::Deref};

mod merging;
mod replicas;

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
        by: By::Quic,
        claims: Claims::new(claim(stamp), None),
        heartbeat: words.to_owned().into(),
    }
}

const LATER: u64 = 1000;

fn now() -> Instant {
    crate::time::now()
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

/// The one that joins has another view, but what it brings was touched here since.
#[tokio::test(start_paused = true)]
async fn a_member_that_joins_is_no_reason_for_a_snapshot() {
    let clock = Arc::new(Clock::new(7));
    let feeds = Feeds::clustered(clock.clone());
    let here = Registry::clustered(2, vec![feeds.clone()], clock.clone());
    let basis = feeds.basis().expect("it is a member's");
    let beat = || {
        let stamp = clock.advance();
        Beat {
            run: 1,
            clock: stamp,
            upto: stamp,
            stable: stamp,
            view: basis.view,
            since: basis.since,
        }
    };
    feeds.beat_of("m.a", 9, beat(), now());
    let known = Claim::new(clock.advance(), 9);
    let after = beat();
    feeds.beat_of("m.a", 9, after, now());
    feeds.heard(Heard {
        all: after.clock,
        silent: after.clock,
    });
    let _joins = here.replica(run("b"));
    let feed = feeds.of(None);
    let mut client = feed.subscribe(Some(Cursor {
        epoch: feed.epoch(),
        revision: known.0,
    }));
    let frame = client.next().now_or_never().expect("at once");
    assert_eq!(frame.from().map(|from| from.0), Some(known.0));
}

/// A daemon sets all of its limits, whether it is in a cluster or not.
#[test]
fn a_registry_that_is_not_clustered_has_nothing_of_others() {
    let alone = Registry::new(10, Vec::new());
    alone.set_max_foreign(5);
    alone.set_hidden("one", |_| true);
    alone.settle_lost(now(), TICK, |_| true);
    assert_eq!((alone.foreign(), alone.left_out()), (0, 0));
}
