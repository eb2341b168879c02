use super::*;
use crate::{Game, feed::Feeds, list::Clock, protocol::client::Compression, registry::Registry};
use std::{net::SocketAddr, time::Duration};

const TICK: Duration = Duration::from_secs(1);

fn address(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

/// A registry whose feeds tick, in virtual time.
fn ticking() -> (Arc<Registry>, Arc<Feeds>) {
    let feeds = Feeds::new();
    let ticking = feeds.clone();
    tokio::spawn(async move { ticking.run(TICK).await });
    (Registry::new(10, vec![feeds.clone()]), feeds)
}

#[tokio::test(start_paused = true)]
async fn the_first_change_after_calm_goes_out_at_once_and_later_ones_together() {
    let (registry, feeds) = ticking();
    let mut client = feeds.of(None).subscribe(None);
    client.next().await;
    #[expect(clippy::disallowed_methods, reason = "virtual time")]
    let start = tokio::time::Instant::now();

    let server = registry
        .register(&Game::default(), address(1), None)
        .unwrap();
    server.heartbeat("one".into());
    let first = client.next().await;
    assert_eq!(start.elapsed(), Duration::ZERO);

    server.heartbeat("two".into());
    server.heartbeat("three".into());
    let second = client.next().await;
    assert_eq!(start.elapsed(), TICK);
    assert_eq!(second.from(), Some(first.to()));
    let message = decode(&second);
    let [updated] = &message.updated[..] else {
        panic!("{message:?}");
    };
    assert_eq!(updated.heartbeat, "three");
}

fn decode(frame: &Frame) -> crate::protocol::client::ListMessage {
    let bytes = frame.bytes(Compression::None);
    crate::protocol::client::ListMessage::decode(&bytes[4..], 1 << 20).unwrap()
}

#[tokio::test(start_paused = true)]
async fn all_at_the_same_revision_are_given_the_same_frame() {
    let (registry, feeds) = ticking();
    let feed = feeds.of(None);
    let mut clients: Vec<_> = (0..100).map(|_| feed.subscribe(None)).collect();
    for client in &mut clients {
        client.next().await;
    }
    let server = registry
        .register(&Game::default(), address(1), None)
        .unwrap();
    server.heartbeat("one".into());
    let mut frames = Vec::new();
    for client in &mut clients {
        frames.push(client.next().await);
    }
    assert!(frames.iter().all(|frame| Arc::ptr_eq(frame, &frames[0])));
    let bytes = frames[0].bytes(Compression::Zstd);
    assert_eq!(bytes.as_ptr(), frames[99].bytes(Compression::Zstd).as_ptr());
}

#[tokio::test(start_paused = true)]
async fn a_late_client_gets_one_catch_up_frame() {
    let (registry, feeds) = ticking();
    let mut client = feeds.of(None).subscribe(None);
    let servers: Vec<_> = (1..=50)
        .map(|port| {
            registry
                .register(&Game::default(), address(port), None)
                .unwrap()
        })
        .collect();
    servers.iter().for_each(|server| {
        server.heartbeat("first".into());
    });
    let mut eager = feeds.of(None).subscribe(None);
    while eager.next().await.to() < Revision(50) {}
    let first = client.next().await;
    for server in &servers[..10] {
        server.heartbeat("changed".into());
        eager.next().await;
    }
    let catch_up = client.next().await;
    assert_eq!(
        (catch_up.from(), catch_up.to()),
        (Some(first.to()), feeds.of(None).revision())
    );
    assert_eq!(decode(&catch_up).updated.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_only_what_changed() {
    let (registry, feeds) = ticking();
    let feed = feeds.of(None);
    let servers: Vec<_> = (1..=50)
        .map(|port| {
            registry
                .register(&Game::default(), address(port), None)
                .unwrap()
        })
        .collect();
    servers.iter().for_each(|server| {
        server.heartbeat("first".into());
    });
    let mut client = feed.subscribe(None);
    while client.next().await.to() < Revision(50) {}
    let known = Cursor {
        epoch: feed.epoch(),
        revision: feed.revision().0,
    };

    let again = feed.subscribe(Some(known)).next().await;
    assert_eq!(again.from(), Some(again.to()), "nothing has changed");
    servers[7].heartbeat("changed".into());
    client.next().await;
    let again = feed.subscribe(Some(known)).next().await;
    assert_eq!(
        (decode(&again).placed.len(), decode(&again).updated.len()),
        (0, 1)
    );

    let stranger = Cursor {
        epoch: feed.epoch() + 1,
        ..known
    };
    assert_eq!(feed.subscribe(Some(stranger)).next().await.from(), None);
}

#[tokio::test(start_paused = true)]
async fn however_many_fall_behind_differently_few_frames_are_kept() {
    let (registry, feeds) = ticking();
    let feed = feeds.of(None);
    let servers: Vec<_> = (1..=200)
        .map(|port| {
            registry
                .register(&Game::default(), address(port), None)
                .unwrap()
        })
        .collect();
    servers.iter().for_each(|server| {
        server.heartbeat("first".into());
    });
    let mut eager = feed.subscribe(None);
    while eager.next().await.to() < Revision(200) {}
    let mut late = Vec::new();
    for server in &servers[..40] {
        let mut client = feed.subscribe(None);
        client.next().await;
        late.push(client);
        server.heartbeat("changed".into());
        eager.next().await;
    }
    for client in &mut late {
        assert_eq!(client.next().await.to(), feed.revision());
    }
    let previous = feed.shown.lock().previous;
    assert_eq!(
        feed.frame(Some(previous)).from(),
        Some(previous),
        "a client that follows closely still gets the delta"
    );
    // Among them are the tick's own delta and the snapshot, for clients that get no delta.
    assert_eq!(feed.shown.lock().frames.len(), MAX_CATCH_UPS + 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_too_slow_gets_the_whole_list_at_once() {
    let (registry, feeds) = ticking();
    let server = registry.register(&Game::default(), address(1), None);
    server.as_ref().unwrap().heartbeat("one".into());
    let mut client = feeds.of(None).subscribe(None);
    let mut given = client.next().await;
    while decode(&given).placed.is_empty() {
        given = client.next().await;
    }
    client.restart();
    let again = tokio::time::timeout(TICK / 2, client.next()).await.unwrap();
    assert_eq!(again.from(), None);
    assert_eq!(decode(&again).placed.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_compressed_list_is_read_as_it_was_if_it_fits_exactly() {
    let (registry, feeds) = ticking();
    let server = registry.register(&Game::default(), address(1), None);
    server
        .as_ref()
        .unwrap()
        .heartbeat(vec![b'x'; 10_000].into());
    let mut client = feeds.of(None).subscribe(None);
    let mut frame = client.next().await;
    while decode(&frame).placed.is_empty() {
        frame = client.next().await;
    }
    let [plain, packed] =
        [Compression::None, Compression::Zstd].map(|compression| frame.bytes(compression));
    assert!(packed.len() < 200);
    let length = plain.len() - 4;
    let read = |max| crate::protocol::client::ListMessage::decode(&packed[4..], max);
    assert_eq!(
        read(length).unwrap().placed[0].heartbeat,
        vec![b'x'; 10_000]
    );
    let too_much = read(length - 1).err();
    assert_eq!(
        too_much,
        Some(crate::protocol::codec::DecodeError::OverLimit)
    );
}

#[tokio::test(start_paused = true)]
async fn a_feed_without_followers_encodes_nothing() {
    let (registry, feeds) = ticking();
    let server = registry
        .register(&Game::default(), address(1), None)
        .unwrap();
    let feed = feeds.of(None);
    server.heartbeat("one".into());
    tokio::time::sleep(10 * TICK).await;
    assert_eq!(feed.servers().len(), 1);
    assert!(feed.shown.lock().frames.is_empty());
}

/// As a member of a cluster does when it has joined.
#[tokio::test(start_paused = true)]
async fn whoever_comes_after_feeds_were_settled_begins_with_every_change() {
    let (registry, feeds) = ticking();
    let mut client = feeds.of(None).subscribe(None);
    client.next().await;
    let mut servers = Vec::new();
    for port in 1..=3 {
        let server = registry.register(&Game::default(), address(port), None);
        let server = server.unwrap();
        server.heartbeat("here".into());
        servers.push(server);
        if port == 1 {
            // The others wait for the tick.
            client.next().await;
        }
    }
    assert_eq!(feeds.of(None).len(), 1);
    assert!(feeds.settle());
    for game in [None, Some(&Game::default())] {
        let first = feeds.of(game).subscribe(None).next().await;
        assert_eq!(decode(&first).placed.len(), 3);
    }
}

/// A revision that is later than a change that the list has not would hide that change elsewhere.
#[tokio::test(start_paused = true)]
async fn a_list_that_becomes_another_goes_no_further_than_its_changes() {
    let feeds = Feeds::clustered(Arc::new(Clock::new(7)));
    let feed = feeds.of(None);
    let mut follower = feed.subscribe(None);
    follower.next().await;
    let before = feed.revision();
    feed.change(1, Change::Gone);
    feeds.set_epoch(9);
    assert_eq!(feed.revision(), before);
    assert!(feeds.settle());
    assert!(feed.revision() > before);
    let frame = follower.next().await;
    assert_eq!((frame.from(), frame.epoch()), (None, feed.epoch()));
}

#[test]
fn a_feed_of_a_game_that_nobody_plays_leaves_the_clock_alone() {
    let clock = Arc::new(Clock::new(7));
    let feeds = Feeds::clustered(clock.clone());
    let before = clock.now();
    let feed = feeds.of(Some(&Game::new("a").unwrap()));
    assert_eq!(clock.now(), before);
    assert!(clock.claim().0 > feed.revision().0);
}

#[test]
fn what_is_no_catch_up_for_one_that_comes_is_none_for_the_next() {
    let feeds = Feeds::clustered(Arc::new(Clock::new(7)));
    let feed = feeds.of(None);
    let known = Cursor {
        epoch: feed.epoch(),
        revision: u64::MAX,
    };
    let come = || feed.frame_elsewhere(known, Revision(0));
    assert!(matches!(come(), Elsewhere::Snapshot));
    assert!(matches!(come(), Elsewhere::Frame(frame) if frame.from().is_none()));
}
