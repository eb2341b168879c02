//! Watches: all names with a prefix.

use super::{call, call_silently, count, names::NAMES, number, open, types};
use super::{ms_holder, ms_names, ms_request, ms_watch};
use crate::{
    core::{Change, Error, Holder, Table, Watch},
    raw,
};
use std::ffi::{c_char, c_int};

static WATCHES: Table<Watch> = Table::new(6, "watch");

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_watch_open(
    names: *mut ms_names,
    request: *const ms_request,
    watch: *mut *mut ms_watch,
) -> c_int {
    // SAFETY: as the caller promises.
    let make = || unsafe {
        let asks = types::asks(request, true)?;
        NAMES.with(number(names), |names| Watch::open(names, asks))
    };
    // SAFETY: as the caller promises.
    unsafe { open(&WATCHES, watch, make) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_watch_poll(watch: *mut ms_watch) -> c_int {
    call(|| WATCHES.with(number(watch), |watch| Ok(watch.poll().into())))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_watch_count(watch: *mut ms_watch) -> c_int {
    call(|| WATCHES.with(number(watch), |watch| Ok(count(watch.count()))))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_watch_rewind(watch: *mut ms_watch) {
    call_silently(|| {
        let _ = WATCHES.with(number(watch), |watch| {
            watch.rewind();
            Ok(())
        });
    });
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_watch_next(watch: *mut ms_watch, holder: *mut ms_holder) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        next(watch, holder, |watch| {
            watch.next().map(|holder| (1, holder))
        })
    }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_watch_next_change(
    watch: *mut ms_watch,
    holder: *mut ms_holder,
) -> c_int {
    let change = |(kind, holder): (Change, Holder)| (kind as c_int, holder);
    // SAFETY: as the caller promises.
    unsafe { next(watch, holder, |watch| watch.next_change().map(change)) }
}

/// A step of a walk: what it gives, or the end.
///
/// # Safety
/// As the module says.
unsafe fn next(
    watch: *mut ms_watch,
    holder: *mut ms_holder,
    step: impl FnOnce(&mut Watch) -> Option<(c_int, Holder)>,
) -> c_int {
    call(|| {
        WATCHES.with(number(watch), |watch| {
            // SAFETY: as the caller promises.
            unsafe { raw::check(holder)? };
            let (result, holder_now) = match step(watch) {
                Some((result, holder)) => (result, holder.into()),
                None => (0, ms_holder::NONE),
            };
            // SAFETY: as the caller promises.
            unsafe { raw::fill(holder, holder_now)? };
            Ok::<_, Error>(result)
        })
    })
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_watch_state(watch: *mut ms_watch, text: *mut *const c_char) -> c_int {
    call(|| {
        WATCHES.with(number(watch), |watch| {
            let (state, said) = watch.state();
            // SAFETY: as the caller promises.
            unsafe { raw::put(text, said) };
            Ok(state as c_int)
        })
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_watch_close(watch: *mut ms_watch) {
    call_silently(|| drop(WATCHES.remove(number(watch))));
}
