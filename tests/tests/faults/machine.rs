//! Faults of the daemon's machine: its clock, its disk.

use crate::{DAEMON, world::World};
use std::{
    fs,
    io::{ErrorKind, Write},
};

/// The library that Debian's faketime preloads into programs.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

#[tokio::test]
async fn a_clock_that_jumps_affects_no_one() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let settings = [
        format!("LD_PRELOAD={FAKETIME}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".into(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
    ];
    let program: Vec<&str> = ["env"]
        .into_iter()
        .chain(settings.iter().map(String::as_str))
        .collect();
    let mut world = World::under(&program).await;
    let [server, reader] = [(); 2].map(|()| world.net.place());
    world.server("one", &server).await;
    world.client("reader", &reader);
    world.rounds(2).await;
    // Years ahead, then years back. The log line shows that the daemon has seen the new time.
    for (offset, years) in [("+4000d", "203"), ("-4000d", "201")] {
        fs::write(&clock, offset).unwrap();
        world.daemon.signal("HUP").await;
        let line = world.daemon.logged("the configuration was reloaded").await;
        assert!(line.contains(years), "{line}");
        world.rounds(3).await;
        let place = world.net.place();
        world.server(offset, &place).await;
        world.agree("a newcomer").await;
    }
    world.killed("one").await;
    world
        .silence_is_noticed("a killed server while the clock is wrong")
        .await;
    world.done("a clock that jumps").await;
}

/// A command that runs the daemon with its state on a disk of 64 KB that only the daemon sees.
const SMALL_DISK: [&str; 6] = [
    "unshare",
    "-m",
    "sh",
    "-c",
    // The daemon's arguments are: binary, --listen, address, --state-dir, directory.
    "mount -t tmpfs -o size=64k tmpfs \"$5\" && exec \"$@\"",
    "sh",
];

#[tokio::test]
async fn a_full_disk_affects_no_one() {
    let mut world = World::under(&SMALL_DISK).await;
    let [server, reader] = [(); 2].map(|()| world.net.place());
    world.server("one", &server).await;
    world.client("reader", &reader);
    world.rounds(2).await;
    let state = world.daemon.state_dir().display();
    let fill = format!("/proc/{}/root{state}/fill", world.daemon.process());
    let mut fill = fs::File::create(fill).unwrap();
    let full = std::iter::repeat(()).find_map(|()| fill.write_all(&[0; 1024]).err());
    assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);

    world.rounds(2).await;
    world.daemon.signal("HUP").await;
    world.daemon.logged("the configuration was reloaded").await;
    let place = world.net.place();
    world.server("newcomer", &place).await;
    world.client("other", &place);
    world.rounds(2).await;
    world.ends("one");
    world.done("a full disk").await;
}

#[tokio::test]
async fn a_first_start_on_a_full_disk_ends_with_a_clear_error() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().display();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs {path} && \
         ! head -c 65537 /dev/zero 2>/dev/null >{path}/fill && \
         exec {DAEMON} --listen 127.0.0.1:0 --http off --state-dir {path}"
    );
    let ended = metaserve_tests::run("/usr/bin/unshare", &["-m", "sh", "-c", &script]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.complaint);
    assert!(
        ended.complaint.contains("cannot be written"),
        "{}",
        ended.complaint
    );
}
