//! Names with a daemon: claims, questions, watches, offers.

use crate::{daemon::Daemon, support::*};
use metaserve_ffi::ffi::*;
use std::{ffi::CStr, ptr};

pub(crate) fn names(daemon: &Daemon) -> *mut ms_names {
    let options = Options::of(daemon);
    let mut names = ptr::null_mut();
    assert_eq!(
        unsafe { ms_names_open(&options.it, &mut names) },
        0,
        "{}",
        error()
    );
    names
}

pub(crate) fn request(key: &'static CStr, value: &'static str) -> ms_request {
    ms_request {
        key: key.as_ptr(),
        value: value.as_ptr().cast(),
        value_len: value.len(),
        slots: 4,
        ..no_request()
    }
}

fn claim(names: *mut ms_names, request: &ms_request) -> *mut ms_claim {
    let mut claim = ptr::null_mut();
    assert_eq!(
        unsafe { ms_claim_open(names, request, &mut claim) },
        0,
        "{}",
        error()
    );
    claim
}

/// Waits until a claim has this state, and gives the epoch and the value of the holder.
fn claimed(claim: *mut ms_claim, state: i32) -> (u64, String) {
    let mut holder = no_holder();
    until("the claim", || {
        let now = unsafe { ms_claim_poll(claim, &mut holder) };
        (now == state).then(|| (holder.epoch, bytes(holder.value, holder.value_len)))
    })
}

fn why(claim: *mut ms_claim) -> String {
    let mut said = ptr::null();
    unsafe { ms_claim_state(claim, &mut said) };
    text(said).unwrap()
}

/// The answer to a question: its state, and the value of the holder.
fn resolved(names: *mut ms_names, request: &ms_request) -> (i32, String, String) {
    let mut resolve = ptr::null_mut();
    assert_eq!(
        unsafe { ms_resolve_open(names, request, &mut resolve) },
        0,
        "{}",
        error()
    );
    let (mut holder, mut said) = (no_holder(), ptr::null());
    let state = until("the answer", || {
        Some(unsafe { ms_resolve_poll(resolve, &mut holder) }).filter(|it| *it != 0)
    });
    let value = bytes(holder.value, holder.value_len);
    assert_eq!(unsafe { ms_resolve_state(resolve, &mut said) }, state);
    let why = text(said).unwrap();
    ms_resolve_close(resolve);
    (state, value, why)
}

#[test]
fn a_name_has_one_holder_who_can_change_its_value_and_release_it() {
    let daemon = Daemon::start();
    let (ours, theirs) = (names(&daemon), names(&daemon));
    let nobody = (ENDED, String::new(), String::new());
    assert_eq!(resolved(theirs, &request(c"zone/1", "")), nobody);
    let first = claim(ours, &request(c"zone/1", "here"));
    let (epoch, value) = claimed(first, LIVE);
    assert!(epoch > 0 && value == "here");

    let second = claim(theirs, &request(c"zone/1", "there"));
    assert_eq!(
        claimed(second, ENDED),
        (epoch, "here".into()),
        "that of the holder"
    );
    assert!(
        why(second).contains("another one holds the key"),
        "{}",
        why(second)
    );
    let too_late = unsafe { ms_claim_update(second, ptr::null(), 0) };
    assert_eq!(too_late, ENDED, "it changes nothing");

    assert_eq!(
        unsafe { ms_claim_update(first, "moved".as_ptr().cast(), 5) },
        LIVE
    );
    until("the new value", || {
        let (state, value, _) = resolved(theirs, &request(c"zone/1", ""));
        (state == LIVE && value == "moved").then_some(())
    });
    ms_claim_close(first);
    let third = until("the free key", || {
        let third = claim(theirs, &request(c"zone/1", "there"));
        let mut holder = no_holder();
        let state = until("an answer", || {
            Some(unsafe { ms_claim_poll(third, &mut holder) }).filter(|it| *it != 0)
        });
        if state != LIVE {
            ms_claim_close(third);
        }
        (state == LIVE).then_some((third, holder.epoch))
    });
    assert!(third.1 > epoch, "epochs grow");
    ms_names_close(theirs, 10_000);
    assert_eq!(claimed(third.0, ENDED).0, 0);
    assert!(
        why(third.0).contains("the program has closed"),
        "{}",
        why(third.0)
    );
    for it in [second, third.0] {
        ms_claim_close(it);
    }
    ms_names_close(ours, 10_000);
}

#[test]
fn a_watch_shows_all_names_with_a_prefix_and_their_changes() {
    let daemon = Daemon::start();
    let it = names(&daemon);
    let mut watch = ptr::null_mut();
    assert_eq!(
        unsafe { ms_watch_open(it, &request(c"zone/", ""), &mut watch) },
        0
    );
    let changes = || {
        let mut holder = no_holder();
        until("a change", || (ms_watch_poll(watch) == 1).then_some(()));
        let next = || match unsafe { ms_watch_next_change(watch, &mut holder) } {
            0 => None,
            kind => Some((
                kind,
                text(holder.key).unwrap(),
                bytes(holder.value, holder.value_len),
            )),
        };
        Vec::from_iter(std::iter::from_fn(next))
    };
    assert_eq!((changes(), ms_watch_count(watch)), (vec![], 0));
    let other = claim(it, &request(c"room/1", "not followed"));
    claimed(other, LIVE);
    let zone = claim(it, &request(c"zone/1", "here"));
    assert_eq!(changes(), [(ADDED, "zone/1".into(), "here".into())]);
    let mut holder = no_holder();
    ms_watch_rewind(watch);
    assert_eq!(unsafe { ms_watch_next(watch, &mut holder) }, 1);
    assert_eq!(text(holder.key).as_deref(), Some("zone/1"));
    assert_eq!(unsafe { ms_watch_next(watch, &mut holder) }, 0);
    claimed(zone, LIVE);
    unsafe { ms_claim_update(zone, "there".as_ptr().cast(), 5) };
    assert_eq!(changes(), [(UPDATED, "zone/1".into(), "there".into())]);
    ms_claim_close(zone);
    assert_eq!(changes(), [(REMOVED, "zone/1".into(), "there".into())]);
    assert_eq!(unsafe { ms_watch_state(watch, ptr::null_mut()) }, LIVE);
    ms_names_close(it, 10_000);
    until("the end", || {
        ms_watch_poll(watch);
        (unsafe { ms_watch_state(watch, ptr::null_mut()) } == ENDED).then_some(())
    });
    ms_watch_close(watch);
    ms_claim_close(other);
}

#[test]
fn an_absent_name_is_started_by_a_host_or_refused_with_its_reason() {
    let daemon = Daemon::start();
    let (host, asker) = (names(&daemon), names(&daemon));
    let mut offer = ptr::null_mut();
    assert_eq!(
        unsafe { ms_offer_open(host, &request(c"zone/", ""), &mut offer) },
        0
    );
    let mut order = no_order();
    let mut ordered = || {
        until("an order", || {
            (unsafe { ms_offer_poll(offer, &mut order) } == 1).then_some(())
        });
        let payload = bytes(order.payload, order.payload_len);
        (order.id, text(order.key).unwrap(), payload, order.left_ms)
    };
    let ask = |key, payload| {
        let mut resolve = ptr::null_mut();
        let request = ms_request {
            start: 1,
            ..request(key, payload)
        };
        assert_eq!(unsafe { ms_resolve_open(asker, &request, &mut resolve) }, 0);
        resolve
    };
    let answer = |resolve, wanted| {
        let (mut holder, mut said) = (no_holder(), ptr::null());
        let answered =
            || (unsafe { ms_resolve_poll(resolve, &mut holder) } == wanted).then_some(());
        until("the answer", answered);
        let value = bytes(holder.value, holder.value_len);
        unsafe { ms_resolve_state(resolve, &mut said) };
        (value, text(said).unwrap())
    };
    // The offer may still be on its way: then the first question is answered at once, in vain.
    let (zone, id) = until("a host", || {
        let zone = ask(c"zone/7", "with trees");
        let mut order = no_order();
        let found = until("an order or an answer", || unsafe {
            match (
                ms_offer_poll(offer, &mut order),
                ms_resolve_poll(zone, ptr::null_mut()),
            ) {
                (1, _) => Some(Some(order.id)),
                (_, ENDED) => Some(None),
                _ => None,
            }
        });
        if found.is_none() {
            ms_resolve_close(zone);
        }
        found.map(|id| (zone, id))
    });
    let mut started = ptr::null_mut();
    let value = ms_request {
        key: ptr::null(),
        ..request(c"", "zone.example.org:1")
    };
    assert_eq!(
        unsafe { ms_offer_claim(offer, id, &value, &mut started) },
        0,
        "{}",
        error()
    );
    assert_eq!(answer(zone, LIVE).0, "zone.example.org:1");
    assert_eq!(claimed(started, LIVE).1, "zone.example.org:1");

    let refused = ask(c"zone/8", "");
    let (id, key, payload, left) = ordered();
    assert_eq!((key.as_str(), payload.as_str()), ("zone/8", ""));
    assert!(left > 1_000, "{left} ms");
    assert_eq!(
        unsafe { ms_offer_refuse(offer, id, c"out of trees".as_ptr()) },
        0
    );
    assert_eq!(unsafe { ms_offer_refuse(offer, id, ptr::null()) }, ARGUMENT);
    assert!(error().contains("no open order"), "{}", error());
    let (_, why) = answer(refused, ENDED);
    assert!(why.contains("out of trees"), "{why}");

    assert_eq!(ms_offer_drain(offer), 0);
    until("the end of the offer", || unsafe {
        ms_offer_poll(offer, &mut no_order());
        (ms_offer_state(offer, ptr::null_mut()) == ENDED).then_some(())
    });
    ms_offer_close(offer);
    assert_eq!(
        claimed(started, LIVE).1,
        "zone.example.org:1",
        "it stays claimed"
    );
    ms_claim_close(started);
    for it in [zone, refused] {
        ms_resolve_close(it);
    }
    for it in [host, asker] {
        ms_names_close(it, 10_000);
    }
}

#[test]
fn a_request_that_cannot_be_made_is_refused_with_words() {
    static LONG: [u8; 4097] = [0; 4097];
    let daemon = Daemon::start();
    let it = names(&daemon);
    let mut offer = ptr::null_mut();
    let mut made = ptr::null_mut();
    let table = [
        (no_request(), "key is NULL"),
        (
            ms_request {
                size: 3,
                ..request(c"zone", "")
            },
            "sizeof(ms_request)",
        ),
        (request(c"", ""), "key"),
        (request(c"\xff", ""), "key is not UTF-8"),
        (
            ms_request {
                value: ptr::null(),
                ..request(c"zone", "x")
            },
            "value is NULL",
        ),
        (
            ms_request {
                value_len: 8193,
                ..request(c"zone", "x")
            },
            "at most 8192",
        ),
        (
            ms_request {
                ticket_len: 1,
                ..request(c"zone", "")
            },
            "ticket is NULL",
        ),
        (
            ms_request {
                ticket: LONG.as_ptr().cast(),
                ticket_len: 4097,
                ..request(c"zone", "")
            },
            "at most 4096",
        ),
    ];
    for (request, word) in table {
        assert_eq!(unsafe { ms_claim_open(it, &request, &mut made) }, ARGUMENT);
        assert!(error().contains(word) && made.is_null(), "{}", error());
    }
    let no_slots = ms_request {
        slots: 0,
        ..request(c"zone/", "")
    };
    assert_eq!(
        unsafe { ms_offer_open(it, &no_slots, &mut offer) },
        ARGUMENT
    );
    assert!(error().contains("slots is 0"), "{}", error());
    ms_names_close(it, 0);
}
