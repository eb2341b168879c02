//! Whatever a program passes, it gets a number and a sentence, and nothing happens.

use crate::support::*;
use metaserve_ffi::ffi::*;
use std::{ffi::c_int, ptr};

/// Nothing listens there: opening needs no daemon.
fn options() -> Options {
    Options::new("127.0.0.1:9", &"ab".repeat(32))
}

/// The sentence of a call that gives this number.
fn refused(code: c_int, result: c_int) -> String {
    assert_eq!(result, code, "{}", error());
    error()
}

/// All functions that take a handle first, and pointers that are all NULL, or NULL but for structs.
fn with_handle<H>(handle: *mut H) -> Vec<c_int> {
    let (mut entry, mut holder, mut order) = (no_entry(), no_holder(), no_order());
    let request = ms_request {
        key: c"key".as_ptr(),
        slots: 1,
        ..no_request()
    };
    let mut claim = ptr::null_mut();
    let mut resolve = ptr::null_mut();
    let mut watch = ptr::null_mut();
    let mut offer = ptr::null_mut();
    let mut again = ptr::null_mut();
    let results = unsafe {
        vec![
            ms_server_heartbeat(handle.cast(), c"".as_ptr().cast(), 0),
            ms_server_state(handle.cast(), ptr::null_mut()),
            ms_list_poll(handle.cast()),
            ms_list_count(handle.cast()),
            ms_list_next(handle.cast(), &mut entry),
            ms_list_next_change(handle.cast(), &mut entry),
            ms_list_state(handle.cast(), ptr::null_mut()),
            ms_names_state(handle.cast(), ptr::null_mut()),
            ms_claim_open(handle.cast(), &request, &mut claim),
            ms_claim_poll(handle.cast(), &mut holder),
            ms_claim_state(handle.cast(), ptr::null_mut()),
            ms_claim_update(handle.cast(), ptr::null(), 0),
            ms_resolve_open(handle.cast(), &request, &mut resolve),
            ms_resolve_poll(handle.cast(), &mut holder),
            ms_resolve_state(handle.cast(), ptr::null_mut()),
            ms_watch_open(handle.cast(), &request, &mut watch),
            ms_watch_poll(handle.cast()),
            ms_watch_count(handle.cast()),
            ms_watch_next(handle.cast(), &mut holder),
            ms_watch_next_change(handle.cast(), &mut holder),
            ms_watch_state(handle.cast(), ptr::null_mut()),
            ms_offer_open(handle.cast(), &request, &mut offer),
            ms_offer_poll(handle.cast(), &mut order),
            ms_offer_claim(handle.cast(), 1, &request, &mut again),
            ms_offer_refuse(handle.cast(), 1, ptr::null()),
            ms_offer_drain(handle.cast()),
            ms_offer_state(handle.cast(), ptr::null_mut()),
        ]
    };
    ms_list_rewind(handle.cast());
    ms_watch_rewind(handle.cast());
    assert!([claim, again].iter().all(|it| it.is_null()) && offer.is_null());
    assert!(resolve.is_null() && watch.is_null(), "a handle of nothing");
    results
}

fn close_all<H>(handle: *mut H) {
    ms_server_close(handle.cast(), 1);
    ms_list_close(handle.cast());
    ms_names_close(handle.cast(), 1);
    ms_claim_close(handle.cast());
    ms_resolve_close(handle.cast());
    ms_watch_close(handle.cast());
    ms_offer_close(handle.cast());
}

#[test]
fn a_handle_that_is_null_closed_or_made_up_is_refused_by_every_function() {
    let options = options();
    let closed = List::open(&options.it).0;
    ms_list_close(closed);
    let unaligned = ptr::without_provenance_mut(0x7fff_1234_5678_9abc_usize);
    for (handle, word) in [
        (ptr::null_mut(), "NULL"),
        (closed, "closed, or not one"),
        (unaligned, "closed, or not one"),
        (
            ptr::without_provenance_mut(usize::MAX),
            "closed, or not one",
        ),
    ] {
        for result in with_handle(handle) {
            assert!(refused(ARGUMENT, result).contains(word), "{}", error());
        }
        close_all(handle);
    }
}

#[test]
fn a_handle_of_another_kind_is_refused_and_stays_open() {
    let options = options();
    let server = Server::open(&options.it);
    let accepted = with_handle(server.0).into_iter().filter(|it| *it >= 0);
    assert_eq!(accepted.count(), 2, "its own functions");
    ms_list_close(server.0.cast());
    ms_names_close(server.0.cast(), 1);
    assert!(server.state().0 >= 0, "{}", error());
}

#[test]
fn what_is_null_is_named() {
    let it = options().it;
    let mut server = ptr::null_mut();
    let mut list = ptr::null_mut();
    let mut names = ptr::null_mut();
    unsafe {
        for result in [
            ms_server_open(&it, ptr::null_mut()),
            ms_list_open(&it, ptr::null_mut()),
            ms_names_open(&it, ptr::null_mut()),
        ] {
            assert!(refused(ARGUMENT, result).contains("the place for the handle is NULL"));
        }
        for result in [
            ms_server_open(ptr::null(), &mut server),
            ms_list_open(ptr::null(), &mut list),
            ms_names_open(ptr::null(), &mut names),
        ] {
            assert!(refused(ARGUMENT, result).contains("ms_options is NULL"));
        }
        let nothing = ms_options { port: 7, ..none() };
        for result in [
            ms_server_open(&nothing, &mut server),
            ms_list_open(&nothing, &mut list),
            ms_names_open(&nothing, &mut names),
        ] {
            assert!(refused(ARGUMENT, result).contains("daemon is NULL"));
        }
    }
    assert!(server.is_null() && list.is_null() && names.is_null());

    let options = options();
    let (server, list) = (Server::open(&options.it), List::open(&options.it));
    unsafe {
        let result = ms_server_heartbeat(server.0, ptr::null(), 3);
        assert!(refused(ARGUMENT, result).contains("the heartbeat is NULL, and its length 3"));
        assert!(
            ms_server_heartbeat(server.0, ptr::null(), 0) >= 0,
            "{}",
            error()
        );
        let result = ms_server_heartbeat(server.0, c"".as_ptr().cast(), 1024 * 1024 + 1);
        assert!(refused(ARGUMENT, result).contains("at most 1048576"));
        for result in [
            ms_list_next(list.0, ptr::null_mut()),
            ms_list_next_change(list.0, ptr::null_mut()),
        ] {
            assert!(refused(ARGUMENT, result).contains("ms_entry is NULL"));
        }
    }
}

#[test]
fn text_that_is_not_utf8_and_settings_that_cannot_be_used_are_named() {
    let good = options();
    let broken = c"\xff\xfe".as_ptr();
    let mut list = ptr::null_mut();
    let mut open = |it: ms_options| unsafe { ms_list_open(&it, &mut list) };
    let table = [
        (
            ms_options {
                daemon: broken,
                ..good.it
            },
            ARGUMENT,
            "daemon is not UTF-8",
        ),
        (
            ms_options {
                game: broken,
                ..good.it
            },
            ARGUMENT,
            "game is not UTF-8",
        ),
        (
            ms_options {
                fingerprint: broken,
                ..good.it
            },
            ARGUMENT,
            "fingerprint is not UTF-8",
        ),
        (
            ms_options {
                ca_file: broken,
                ..good.it
            },
            ARGUMENT,
            "ca_file is not UTF-8",
        ),
        (
            ms_options {
                identity_dir: broken,
                ..good.it
            },
            ARGUMENT,
            "identity_dir is not UTF-8",
        ),
        (
            ms_options {
                reserved: 1,
                ..good.it
            },
            ARGUMENT,
            "reserved",
        ),
        (
            ms_options {
                daemon: c"no port".as_ptr(),
                ..good.it
            },
            ARGUMENT,
            "HOST:PORT",
        ),
        (
            ms_options {
                game: c"a\nb".as_ptr(),
                ..good.it
            },
            ARGUMENT,
            "not a game tag",
        ),
        (
            ms_options {
                fingerprint: c"abc".as_ptr(),
                ..good.it
            },
            TRUST,
            "3 digits",
        ),
        (
            ms_options {
                ca_file: c"x".as_ptr(),
                ..good.it
            },
            ARGUMENT,
            "both set",
        ),
        (
            ms_options {
                ca_file: c"/missing.pem".as_ptr(),
                fingerprint: ptr::null(),
                ..good.it
            },
            TRUST,
            "/missing.pem",
        ),
    ];
    for (it, code, word) in table {
        let said = refused(code, open(it));
        assert!(said.contains(word), "{said}");
    }
    let mut server = ptr::null_mut();
    let it = ms_options { port: 0, ..good.it };
    assert!(refused(ARGUMENT, unsafe { ms_server_open(&it, &mut server) }).contains("port is 0"));
    let it = ms_options {
        identity_dir: c"/dev/null/x".as_ptr(),
        ..good.it
    };
    assert!(refused(TRUST, unsafe { ms_server_open(&it, &mut server) }).contains("/dev/null/x"));
}

#[test]
fn sizes_of_older_headers_are_accepted_and_wrong_ones_refused_with_words() {
    #[repr(C)]
    struct Newer {
        it: ms_options,
        added: [u64; 2],
    }
    let options = options();
    let mut list = ptr::null_mut();
    let mut open = |it: &Newer| {
        let result = unsafe { ms_list_open(&raw const it.it, &mut list) };
        ms_list_close(list);
        result
    };
    let newer = |size: usize, added| Newer {
        it: ms_options {
            size: size as u32,
            ..options.it
        },
        added: [0, added],
    };
    let ours = size_of::<ms_options>();
    for size in [0, 1, 8, 4097, u32::MAX as usize] {
        let said = refused(ARGUMENT, open(&newer(size, 0)));
        assert!(said.contains("sizeof(ms_options)"), "{said}");
    }
    // Older ones end with `fingerprint`, or with `ca_file`.
    for size in [32, 40, ours, size_of::<Newer>()] {
        assert_eq!(open(&newer(size, 0)), 0, "{}", error());
    }
    // Without a fingerprint the operating system's certificates are trusted.
    assert!(
        open(&newer(24, 0)) == 0 || error().contains("certificate"),
        "{}",
        error()
    );
    assert_eq!(
        open(&newer(ours, 7)),
        0,
        "what is behind the struct is not read"
    );
    let said = refused(ARGUMENT, open(&newer(size_of::<Newer>(), 7)));
    assert!(said.contains("install a newer one"), "{said}");
}
