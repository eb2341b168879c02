//! The functions of `include/metaserve.h`, under their names there; it says what they do.
//!
//! # Safety
//! What a pointer is for is in the header: it is NULL, or points to that. Handles can be anything.
#![expect(
    unsafe_code,
    reason = "functions get their names for C, and hand pointers to `raw`"
)]
#![expect(non_camel_case_types, reason = "types have their names in C")]

mod list;
mod names;
mod server;
mod types;
mod watch;

pub use list::{
    ms_list_close, ms_list_count, ms_list_next, ms_list_next_change, ms_list_open, ms_list_poll,
    ms_list_rewind, ms_list_state,
};
pub use names::{
    ms_claim_close, ms_claim_open, ms_claim_poll, ms_claim_state, ms_claim_update, ms_names_close,
    ms_names_open, ms_names_state, ms_offer_claim, ms_offer_close, ms_offer_drain, ms_offer_open,
    ms_offer_poll, ms_offer_refuse, ms_offer_state, ms_resolve_close, ms_resolve_open,
    ms_resolve_poll, ms_resolve_state,
};
pub use server::{ms_server_close, ms_server_heartbeat, ms_server_open, ms_server_state};
pub use types::{
    ms_claim, ms_entry, ms_holder, ms_list, ms_names, ms_offer, ms_options, ms_order, ms_request,
    ms_resolve, ms_server, ms_watch,
};
pub use watch::{
    ms_watch_close, ms_watch_count, ms_watch_next, ms_watch_next_change, ms_watch_open,
    ms_watch_poll, ms_watch_rewind, ms_watch_state,
};

use crate::{
    core::{Error, Handle, Table, is_forked},
    raw,
};
use std::{
    cell::RefCell,
    ffi::{c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// `MS_ABI_VERSION` of the header that belongs to this library.
const ABI_VERSION: u32 = 1;

/// The longest sentence, with its NUL.
const MAX_ERROR_BYTES: usize = 1024;

thread_local! {
    /// Why the last call of this thread that failed has failed. It never moves.
    static ERROR: RefCell<[u8; MAX_ERROR_BYTES]> = const { RefCell::new([0; MAX_ERROR_BYTES]) };
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_abi_version() -> u32 {
    ABI_VERSION
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_error() -> *const c_char {
    // A thread that is ending has none.
    let text = ERROR.try_with(|error| error.borrow().as_ptr().cast());
    text.unwrap_or(c"".as_ptr())
}

fn failed(error: &Error) -> c_int {
    let text = error.text.replace('\0', " ");
    let length = text.floor_char_boundary(MAX_ERROR_BYTES - 1);
    // A thread that is ending keeps none.
    let _ = ERROR.try_with(|last| {
        let mut last = last.borrow_mut();
        last.fill(0);
        last[..length].copy_from_slice(&text.as_bytes()[..length]);
    });
    error.code as c_int
}

/// The body of every function: nothing happens in a forked child, and no panic reaches C.
fn call(act: impl FnOnce() -> Result<c_int, Error>) -> c_int {
    if is_forked() {
        return failed(&Error::system(
            "this process was forked from one that has open handles of libmetaserve: fork before \
             the first open, or exec",
        ));
    }
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => failed(&error),
        Err(_) => failed(&Error::system(
            "a fault of libmetaserve, which standard error has described",
        )),
    }
}

/// A function that returns nothing.
fn call_silently(act: impl FnOnce()) {
    if !is_forked() {
        // A panic has been reported on standard error.
        let _ = catch_unwind(AssertUnwindSafe(act));
    }
}

/// The body of a function that opens something.
///
/// # Safety
/// `to` is NULL or points to a place for a handle.
unsafe fn open<T, H>(
    table: &Table<T>,
    to: *mut *mut H,
    make: impl FnOnce() -> Result<T, Error>,
) -> c_int {
    call(|| {
        if to.is_null() {
            return Err(Error::argument("the place for the handle is NULL"));
        }
        let handle = make().and_then(|made| table.insert(made));
        let value = handle.as_ref().copied().unwrap_or_default();
        // SAFETY: as the caller promises.
        unsafe { raw::put(to, std::ptr::without_provenance_mut(value)) };
        handle.map(|_| 0)
    })
}

/// What a caller's handle is: a number.
fn number<H>(handle: *mut H) -> Handle {
    handle.addr()
}

/// A count that C can have.
fn count(length: usize) -> c_int {
    c_int::try_from(length).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Change, Code, State};

    /// cbindgen sees the functions and structs; these it does not.
    #[test]
    fn the_numbers_of_the_header_are_those_of_the_library() {
        let header = include_str!("../../include/metaserve.h");
        let is = |name: &str, number: i32| {
            let line = format!("{name} = {number}");
            let whole = |at: usize| {
                let next = header[at + line.len()..].chars().next();
                next.is_some_and(|it| !it.is_ascii_digit())
            };
            let found = header.match_indices(&line).any(|(at, _)| whole(at));
            assert!(found, "{line}");
        };
        is("MS_E_ARGUMENT", Code::Argument as i32);
        is("MS_E_TRUST", Code::Trust as i32);
        is("MS_E_SYSTEM", Code::System as i32);
        is("MS_CONNECTING", State::Connecting as i32);
        is("MS_LIVE", State::Live as i32);
        is("MS_WAITING", State::Waiting as i32);
        is("MS_ENDED", State::Ended as i32);
        is("MS_ADDED", Change::Added as i32);
        is("MS_UPDATED", Change::Updated as i32);
        is("MS_REMOVED", Change::Removed as i32);
        assert!(header.contains(&format!("#define MS_ABI_VERSION {ABI_VERSION}\n")));
        assert_eq!(ms_abi_version(), ABI_VERSION);
    }

    #[test]
    fn a_panic_is_an_error_and_a_long_sentence_is_cut_between_letters() {
        assert_eq!(call(|| panic!("on purpose")), Code::System as i32);
        let said = |text: &str| {
            assert_eq!(failed(&Error::argument(text)), Code::Argument as i32);
            ERROR.with(|last| {
                let last = last.borrow();
                let end = last.iter().position(|it| *it == 0).unwrap();
                String::from_utf8(last[..end].to_vec()).unwrap()
            })
        };
        assert_eq!(said("é".repeat(600).as_str()), "é".repeat(511));
        assert_eq!(said("a\0b"), "a b");
    }
}
