//! Lists.

use super::{call, call_silently, count, number, open, types};
use super::{ms_entry, ms_list, ms_options};
use crate::{
    core::{Change, Error, List, Row, Table},
    raw,
};
use std::ffi::{c_char, c_int};

static LISTS: Table<List> = Table::new(2, "list");

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_list_open(
    options: *const ms_options,
    list: *mut *mut ms_list,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open(&LISTS, list, || List::open(&types::options(options)?)) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_list_poll(list: *mut ms_list) -> c_int {
    call(|| LISTS.with(number(list), |list| Ok(list.poll().into())))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_list_count(list: *mut ms_list) -> c_int {
    call(|| LISTS.with(number(list), |list| Ok(count(list.count()))))
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_list_rewind(list: *mut ms_list) {
    call_silently(|| {
        let _ = LISTS.with(number(list), |list| {
            list.rewind();
            Ok(())
        });
    });
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_list_next(list: *mut ms_list, entry: *mut ms_entry) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { next(list, entry, |list| list.next().map(|row| (1, row))) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_list_next_change(list: *mut ms_list, entry: *mut ms_entry) -> c_int {
    let change = |(kind, row): (Change, Row)| (kind as c_int, row);
    // SAFETY: as the caller promises.
    unsafe { next(list, entry, |list| list.next_change().map(change)) }
}

/// A step of a walk: what it gives, or the end.
///
/// # Safety
/// As the module says.
unsafe fn next(
    list: *mut ms_list,
    entry: *mut ms_entry,
    step: impl FnOnce(&mut List) -> Option<(c_int, Row)>,
) -> c_int {
    call(|| {
        LISTS.with(number(list), |list| {
            // SAFETY: as the caller promises.
            unsafe { raw::check(entry)? };
            let (result, entry_now) = match step(list) {
                Some((result, row)) => (result, row.into()),
                None => (0, ms_entry::NONE),
            };
            // SAFETY: as the caller promises.
            unsafe { raw::fill(entry, entry_now)? };
            Ok::<_, Error>(result)
        })
    })
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_list_state(list: *mut ms_list, text: *mut *const c_char) -> c_int {
    call(|| {
        LISTS.with(number(list), |list| {
            let (state, said) = list.state();
            // SAFETY: as the caller promises.
            unsafe { raw::put(text, said) };
            Ok(state as c_int)
        })
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_list_close(list: *mut ms_list) {
    call_silently(|| drop(LISTS.remove(number(list))));
}
