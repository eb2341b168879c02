//! Names: connections, claims, questions and offers.

use super::{
    call, call_silently, ms_claim, ms_holder, ms_names, ms_offer, ms_options, ms_order, ms_request,
    ms_resolve, number, open, types,
};
use crate::{
    core::{Claim, Error, Holder, Names, Offer, Resolve, State, Table},
    raw,
};
use metaserve::names::MAX_VALUE_BYTES;
use std::{
    ffi::{c_char, c_int, c_void},
    time::Duration,
};

pub(super) static NAMES: Table<Names> = Table::new(3, "connection for names");
static CLAIMS: Table<Claim> = Table::new(4, "claim");
static RESOLVES: Table<Resolve> = Table::new(5, "question");
static OFFERS: Table<Offer> = Table::new(7, "offer");

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_names_open(
    options: *const ms_options,
    names: *mut *mut ms_names,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open(&NAMES, names, || Names::open(&types::options(options)?)) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_names_state(names: *mut ms_names, text: *mut *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { state(&NAMES, names, text, Names::state) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_names_close(names: *mut ms_names, wait_ms: u32) {
    call_silently(|| {
        if let Some(names) = NAMES.remove(number(names)) {
            names.close(Duration::from_millis(wait_ms.into()));
        }
    });
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_claim_open(
    names: *mut ms_names,
    request: *const ms_request,
    claim: *mut *mut ms_claim,
) -> c_int {
    // SAFETY: as the caller promises.
    let make = || unsafe {
        let asks = types::asks(request, true)?;
        NAMES.with(number(names), |names| Claim::open(names, asks))
    };
    // SAFETY: as the caller promises.
    unsafe { open(&CLAIMS, claim, make) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_claim_poll(claim: *mut ms_claim, holder: *mut ms_holder) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { poll(&CLAIMS, claim, holder, Claim::poll) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_claim_state(claim: *mut ms_claim, text: *mut *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { state(&CLAIMS, claim, text, Claim::state) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_claim_update(
    claim: *mut ms_claim,
    value: *const c_void,
    length: usize,
) -> c_int {
    call(|| {
        CLAIMS.with(number(claim), |claim| {
            let update = |value: &[u8]| claim.update(value).map(|state| state as c_int);
            // SAFETY: as the caller promises.
            unsafe { raw::bytes("value", value.cast(), length, MAX_VALUE_BYTES, update) }
        })
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_claim_close(claim: *mut ms_claim) {
    call_silently(|| drop(CLAIMS.remove(number(claim))));
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_resolve_open(
    names: *mut ms_names,
    request: *const ms_request,
    resolve: *mut *mut ms_resolve,
) -> c_int {
    // SAFETY: as the caller promises.
    let make = || unsafe {
        let asks = types::asks(request, true)?;
        NAMES.with(number(names), |names| Resolve::open(names, asks))
    };
    // SAFETY: as the caller promises.
    unsafe { open(&RESOLVES, resolve, make) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_resolve_poll(
    resolve: *mut ms_resolve,
    holder: *mut ms_holder,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { poll(&RESOLVES, resolve, holder, Resolve::poll) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_resolve_state(
    resolve: *mut ms_resolve,
    text: *mut *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { state(&RESOLVES, resolve, text, Resolve::state) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_resolve_close(resolve: *mut ms_resolve) {
    call_silently(|| drop(RESOLVES.remove(number(resolve))));
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_offer_open(
    names: *mut ms_names,
    request: *const ms_request,
    offer: *mut *mut ms_offer,
) -> c_int {
    // SAFETY: as the caller promises.
    let make = || unsafe {
        let asks = types::asks(request, true)?;
        NAMES.with(number(names), |names| Offer::open(names, asks))
    };
    // SAFETY: as the caller promises.
    unsafe { open(&OFFERS, offer, make) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_offer_poll(offer: *mut ms_offer, order: *mut ms_order) -> c_int {
    call(|| {
        OFFERS.with(number(offer), |offer| {
            // SAFETY: as the caller promises.
            unsafe { raw::check(order)? };
            let (result, now) = match offer.poll() {
                Some(ordered) => (1, ordered.into()),
                None => (0, ms_order::NONE),
            };
            // SAFETY: as the caller promises.
            unsafe { raw::fill(order, now)? };
            Ok::<_, Error>(result)
        })
    })
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_offer_claim(
    offer: *mut ms_offer,
    order: u64,
    request: *const ms_request,
    claim: *mut *mut ms_claim,
) -> c_int {
    // SAFETY: as the caller promises.
    let make = || unsafe {
        let asks = types::asks(request, false)?;
        OFFERS.with(number(offer), |offer| offer.claim(order, asks))
    };
    // SAFETY: as the caller promises.
    unsafe { open(&CLAIMS, claim, make) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_offer_refuse(
    offer: *mut ms_offer,
    order: u64,
    why: *const c_char,
) -> c_int {
    call(|| {
        // SAFETY: as the caller promises.
        let why = unsafe { raw::text("why", why)? };
        OFFERS.with(number(offer), |offer| offer.refuse(order, why).map(|()| 0))
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_offer_drain(offer: *mut ms_offer) -> c_int {
    call(|| {
        OFFERS.with(number(offer), |offer| {
            offer.drain();
            Ok(0)
        })
    })
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_offer_state(offer: *mut ms_offer, text: *mut *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { state(&OFFERS, offer, text, Offer::state) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_offer_close(offer: *mut ms_offer) {
    call_silently(|| drop(OFFERS.remove(number(offer))));
}

/// The body of a function that returns a state, and a text.
///
/// # Safety
/// `text` is NULL or points to a place for a text.
pub(super) unsafe fn state<T, H>(
    table: &Table<T>,
    handle: *mut H,
    text: *mut *const c_char,
    of: impl FnOnce(&mut T) -> (State, *const c_char),
) -> c_int {
    call(|| {
        table.with(number(handle), |it| {
            let (state, said) = of(it);
            // SAFETY: as the caller promises.
            unsafe { raw::put(text, said) };
            Ok(state as c_int)
        })
    })
}

/// The body of a function that returns a state, and a holder.
///
/// # Safety
/// `holder` is NULL or points to a struct that says its size.
unsafe fn poll<T, H>(
    table: &Table<T>,
    handle: *mut H,
    holder: *mut ms_holder,
    of: impl FnOnce(&mut T) -> (State, Holder),
) -> c_int {
    call(|| {
        table.with(number(handle), |it| {
            if !holder.is_null() {
                // SAFETY: as the caller promises.
                unsafe { raw::check(holder)? };
            }
            let (state, now) = of(it);
            if !holder.is_null() {
                // SAFETY: as the caller promises.
                unsafe { raw::fill(holder, now.into())? };
            }
            Ok(state as c_int)
        })
    })
}
