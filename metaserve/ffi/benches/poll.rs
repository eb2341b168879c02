//! What the calls cost that a game makes each frame: `cargo bench -p metaserve-ffi`.
//!
//! Nothing listens at the daemon's address: what a poll without news costs does not depend on it. Before
//! the table, a line says what the longest frame of a game costs that draws 10,000 servers.
#![expect(unsafe_code, reason = "the functions that are measured take pointers")]
#![expect(clippy::unwrap_used, reason = "a failure ends the benchmark")]

#[path = "../tests/ffi/daemon.rs"]
mod daemon;

use daemon::Daemon;
use divan::Bencher;
use metaserve_ffi::ffi::*;
use std::{ffi::CString, ptr, time::Duration};

fn main() {
    let (news, walk) = frame();
    println!(
        "10,000 servers: a frame with all of them as news {news:?}, a walk through all {walk:?}"
    );
    divan::main();
}

/// The longest frame while 10,000 servers come, and a walk through them.
fn frame() -> (Duration, Duration) {
    let daemon = Daemon::start();
    let texts = [&daemon.address, &daemon.fingerprint].map(|it| CString::new(&**it).unwrap());
    let options = ms_options {
        daemon: texts[0].as_ptr(),
        fingerprint: texts[1].as_ptr(),
        game: c"ffi".as_ptr(),
        ..options()
    };
    let servers = daemon.lists(10_000);
    let mut list = ptr::null_mut();
    assert_eq!(unsafe { ms_list_open(&options, &mut list) }, 0);
    let mut entry = ms_entry {
        size: size_of::<ms_entry>() as u32,
        heartbeat_len: 0,
        id: 0,
        heartbeat: ptr::null(),
        game: ptr::null(),
        address: ptr::null(),
        second_address: ptr::null(),
        identity: ptr::null(),
    };
    let mut longest = Duration::ZERO;
    while ms_list_count(list) < 10_000 {
        std::thread::sleep(Duration::from_millis(1));
        let begin = metaserve::time::now();
        if ms_list_poll(list) == 1 {
            while unsafe { ms_list_next_change(list, &mut entry) } > 0 {}
        }
        longest = longest.max(begin.elapsed());
    }
    let begin = metaserve::time::now();
    while unsafe { ms_list_next(list, &mut entry) } == 1 {}
    let walk = begin.elapsed();
    ms_list_close(list);
    drop(servers);
    (longest, walk)
}

fn options() -> ms_options {
    ms_options {
        size: size_of::<ms_options>() as u32,
        port: 7777,
        reserved: 0,
        daemon: c"127.0.0.1:9".as_ptr(),
        game: c"bench".as_ptr(),
        fingerprint: c"abababababababababababababababababababababababababababababababab".as_ptr(),
        ca_file: ptr::null(),
        identity_dir: ptr::null(),
    }
}

/// Below 1 µs, so that a game can ask each frame.
#[divan::bench]
fn poll_without_news(bencher: Bencher<'_, '_>) {
    let mut list = ptr::null_mut();
    assert_eq!(unsafe { ms_list_open(&options(), &mut list) }, 0);
    bencher.bench_local(|| ms_list_poll(list));
    ms_list_close(list);
}

/// The same heartbeat each frame.
#[divan::bench]
fn heartbeat_without_news(bencher: Bencher<'_, '_>) {
    let mut server = ptr::null_mut();
    assert_eq!(unsafe { ms_server_open(&options(), &mut server) }, 0);
    let says = [b'x'; 200];
    bencher.bench_local(|| unsafe { ms_server_heartbeat(server, says.as_ptr().cast(), 200) });
    ms_server_close(server, 0);
}
