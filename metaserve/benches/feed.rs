//! The costs of the steps from a heartbeat to a client's bytes: `cargo bench -p metaserve`.
#![forbid(unsafe_code)]

mod stage;

use divan::{Bencher, counter::ItemsCount};
use metaserve::{
    feed::Subscription,
    list::Cursor,
    protocol::client::{Compression, ListMessage},
};
use stage::{Stage, heartbeat, serve};
use std::sync::atomic::{AtomicUsize, Ordering};

fn main() {
    divan::main();
}

const SERVERS: [usize; 3] = [100, 1_000, 10_000];

/// The first message of a list, encoded again each time.
#[divan::bench(args = SERVERS, consts = [false, true])]
fn encode_snapshot<const ZSTD: bool>(bencher: Bencher<'_, '_>, servers: usize) {
    let mut stage = Stage::new(servers);
    bencher
        .counter(ItemsCount::new(servers))
        .with_inputs(|| {
            // Another revision, so that the last one's bytes cannot be reused.
            stage.change(1);
            stage.tick();
            stage.feed().subscribe(None)
        })
        .bench_local_values(|mut newcomer| {
            let frame = futures::executor::block_on(newcomer.next());
            frame.bytes(compression(ZSTD))
        });
}

const fn compression(zstd: bool) -> Compression {
    match zstd {
        true => Compression::Zstd,
        false => Compression::None,
    }
}

#[divan::bench(args = SERVERS, consts = [false, true])]
fn decode_snapshot<const ZSTD: bool>(bencher: Bencher<'_, '_>, servers: usize) {
    let mut newcomer = Stage::new(servers).feed().subscribe(None);
    let frame = futures::executor::block_on(newcomer.next());
    let bytes = frame.bytes(compression(ZSTD));
    bencher.counter(ItemsCount::new(servers)).bench(|| {
        const PREFIX_BYTES: usize = 4;
        ListMessage::decode(&bytes[PREFIX_BYTES..], 1 << 30).expect("a message")
    });
}

/// Heartbeats with changes, from several threads at once.
#[divan::bench(threads = [1, 2, 4])]
fn upsert(bencher: Bencher<'_, '_>) {
    const SERVERS: usize = 1_000;
    let stage = Stage::new(SERVERS);
    let next = AtomicUsize::new(0);
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            (number % SERVERS, heartbeat(number % SERVERS, number))
        })
        .bench_values(|(server, heartbeat)| stage.servers[server].heartbeat(heartbeat));
}

/// The same heartbeat again.
#[divan::bench]
fn unchanged(bencher: Bencher<'_, '_>) {
    let stage = Stage::new(1_000);
    bencher
        .with_inputs(|| heartbeat(7, 0))
        .bench_values(|same| stage.servers[7].heartbeat(same));
}

/// One tick: changes are collected, and every client gets its bytes.
#[divan::bench(args = [
    (1_000, 10, 0), (1_000, 10, 1_000), (1_000, 100, 0), (1_000, 100, 1_000), (1_000, 1_000, 1_000),
    (10_000, 100, 1_000), (10_000, 1_000, 0), (10_000, 1_000, 1_000), (10_000, 1_000, 10_000),
])]
fn tick(bencher: Bencher<'_, '_>, (servers, changed, clients): (usize, usize, usize)) {
    let mut stage = Stage::new(servers);
    let feed = stage.feed();
    let mut clients: Vec<Subscription> = (0..clients).map(|_| feed.subscribe(None)).collect();
    serve(&mut clients);
    bencher.bench_local(|| {
        stage.change(changed);
        stage.tick();
        serve(&mut clients)
    });
}

/// One frame for a client that has missed the last ticks.
#[divan::bench(args = [(1_000, 10), (10_000, 10), (10_000, 100)])]
fn catch_up(bencher: Bencher<'_, '_>, (servers, ticks): (usize, usize)) {
    let mut stage = Stage::new(servers);
    let feed = stage.feed();
    let behind = Cursor {
        epoch: feed.epoch(),
        revision: feed.revision().0,
    };
    for _ in 0..ticks {
        stage.change(servers / 100);
        stage.tick();
    }
    bencher
        .with_inputs(|| {
            let late = feed.subscribe(Some(behind));
            // No other client has requested it before.
            stage.change(1);
            stage.tick();
            late
        })
        .bench_local_values(|mut late| {
            let frame = futures::executor::block_on(late.next());
            frame.bytes(Compression::Zstd)
        });
}
