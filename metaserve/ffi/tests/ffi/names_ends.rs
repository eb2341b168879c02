//! How connections for names, and orders, end.

use crate::{
    daemon::Daemon,
    names::{names, request},
    support::*,
};
use metaserve_ffi::ffi::*;
use std::ptr;

/// The state of a connection, and the reason.
fn stands(names: *mut ms_names) -> (i32, String) {
    let mut said = ptr::null();
    let state = unsafe { ms_names_state(names, &mut said) };
    (state, text(said).unwrap())
}

#[test]
fn a_connection_that_can_never_be_made_ends_with_the_reason_and_so_does_what_it_has_opened() {
    let daemon = Daemon::start();
    let options = Options::new(&daemon.address, &"ab".repeat(32));
    let mut it = ptr::null_mut();
    let opened = unsafe { ms_names_open(&options.it, &mut it) };
    assert_eq!(opened, 0, "{}", error());
    let (mut watch, mut offer) = (ptr::null_mut(), ptr::null_mut());
    unsafe {
        let request = request(c"zone/", "");
        assert_eq!(ms_watch_open(it, &request, &mut watch), 0, "{}", error());
        assert_eq!(ms_offer_open(it, &request, &mut offer), 0, "{}", error());
    }
    until("the end", || (stands(it).0 == ENDED).then_some(()));
    assert!(stands(it).1.contains("not trusted"), "{}", stands(it).1);
    // Nobody has polled them.
    unsafe {
        assert_eq!(ms_watch_state(watch, ptr::null_mut()), ENDED);
        assert_eq!(ms_offer_state(offer, ptr::null_mut()), ENDED);
    }
    ms_watch_close(watch);
    ms_offer_close(offer);
    ms_names_close(it, 10_000);
}

#[test]
fn a_connection_is_live_while_there_is_one_and_waits_with_the_reason_when_it_is_lost() {
    let daemon = Daemon::start();
    let it = names(&daemon);
    until("the connection", || (stands(it).0 == LIVE).then_some(()));
    assert_eq!(stands(it).1, "");
    drop(daemon);
    until("the loss", || (stands(it).0 == WAITING).then_some(()));
    assert!(!stands(it).1.is_empty(), "it says why");
    ms_names_close(it, 0);
}

#[test]
fn an_order_that_is_too_late_is_not_open_any_more() {
    let daemon = Daemon::start();
    let (host, asker) = (names(&daemon), names(&daemon));
    let mut offer = ptr::null_mut();
    assert_eq!(
        unsafe { ms_offer_open(host, &request(c"zone/", ""), &mut offer) },
        0
    );
    let ask = ms_request {
        start: 1,
        within_ms: 500,
        ..request(c"zone/1", "")
    };
    // The offer may still be on its way: then the question is answered in vain.
    let mut order = no_order();
    until("an order", || {
        let mut resolve = ptr::null_mut();
        assert_eq!(unsafe { ms_resolve_open(asker, &ask, &mut resolve) }, 0);
        let ordered = until("an order or an answer", || unsafe {
            match ms_offer_poll(offer, &mut order) {
                1 => Some(true),
                _ => (ms_resolve_poll(resolve, ptr::null_mut()) == ENDED).then_some(false),
            }
        });
        ms_resolve_close(resolve);
        ordered.then_some(())
    });
    let begin = metaserve::time::now();
    let left = std::time::Duration::from_millis(order.left_ms.into());
    until("the deadline", || (begin.elapsed() > left).then_some(()));
    let mut late = ptr::null_mut();
    let value = request(c"zone/1", "late");
    let claimed = unsafe { ms_offer_claim(offer, order.id, &value, &mut late) };
    assert_eq!((claimed, late.is_null()), (ARGUMENT, true));
    assert!(error().contains("too late"), "{}", error());
    ms_offer_close(offer);
    for it in [host, asker] {
        ms_names_close(it, 10_000);
    }
}
