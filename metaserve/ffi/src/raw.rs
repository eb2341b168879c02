//! The only functions that follow pointers of the caller.
#![expect(
    unsafe_code,
    reason = "C passes pointers, which have to be followed somewhere"
)]

use crate::core::Error;
use std::{
    ffi::{CStr, c_char},
    mem::MaybeUninit,
    ptr,
};

/// A struct of the header: its first field is its size, a `u32`, and all its bytes can be zero.
///
/// # Safety
/// It is `repr(C)`, begins with a `u32`, has no padding that is read, and is valid when all its bytes
/// are zero.
pub(crate) unsafe trait Sized32: Copy {
    /// Its name in the header.
    const NAME: &str;
    /// The fewest bytes that make sense: up to the end of the last field that is always needed.
    const LEAST: usize;
}

/// No struct of a later header is longer.
const MOST: usize = 4096;

/// The size that a struct says it has.
///
/// # Safety
/// `from` is NULL or points to a `u32`.
unsafe fn size<T: Sized32>(from: *const T) -> Result<usize, Error> {
    let name = T::NAME;
    if from.is_null() {
        return Err(Error::argument(format!("{name} is NULL")));
    }
    // SAFETY: the struct begins with its size.
    let size = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    match size {
        it if (T::LEAST..=MOST).contains(&it) => Ok(it),
        it => Err(Error::argument(format!(
            "the size of {name} is {it}: set it to sizeof({name}), which is {} here",
            size_of::<T>()
        ))),
    }
}

/// Reads a struct that may be of an older or a newer header.
///
/// # Safety
/// `from` is NULL or points to as many bytes as its first field says.
pub(crate) unsafe fn read<T: Sized32>(from: *const T) -> Result<T, Error> {
    // SAFETY: as the caller promises.
    let size = unsafe { size(from)? };
    let ours = size.min(size_of::<T>());
    let mut read = MaybeUninit::<T>::zeroed();
    // SAFETY: there are as many bytes on both sides, and all zero is valid where none are copied.
    let read = unsafe {
        ptr::copy_nonoverlapping(from.cast::<u8>(), read.as_mut_ptr().cast(), ours);
        read.assume_init()
    };
    for at in ours..size {
        // SAFETY: within the size that the struct says.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            let name = T::NAME;
            return Err(Error::argument(format!(
                "{name} uses a field that this libmetaserve does not know: install a newer one"
            )));
        }
    }
    Ok(read)
}

/// Whether a struct can be filled in. NULL is refused.
///
/// # Safety
/// `to` is NULL or points to a `u32`.
pub(crate) unsafe fn check<T: Sized32>(to: *const T) -> Result<(), Error> {
    // SAFETY: as the caller promises.
    unsafe { size(to) }.map(drop)
}

/// Fills in a struct that may be of an older or a newer header. Its size stays.
///
/// # Safety
/// `to` is NULL or points to as many bytes as its first field says.
pub(crate) unsafe fn fill<T: Sized32>(to: *mut T, value: T) -> Result<(), Error> {
    // SAFETY: as the caller promises.
    let size = unsafe { size(to.cast_const())? };
    let ours = size.min(size_of::<T>());
    let begin = size_of::<u32>();
    let (from, to) = ((&raw const value).cast::<u8>(), to.cast::<u8>());
    // SAFETY: within both structs, which do not overlap: one is ours.
    unsafe {
        ptr::copy_nonoverlapping(from.add(begin), to.add(begin), ours - begin);
        ptr::write_bytes(to.add(ours), 0, size - ours);
    }
    Ok(())
}

/// Writes a value, unless `to` is NULL.
///
/// # Safety
/// `to` is NULL or points to a place for it.
pub(crate) unsafe fn put<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: as the caller promises.
        unsafe { to.write_unaligned(value) }
    }
}

/// Reads a text; none if it is NULL.
///
/// # Safety
/// `from` is NULL or points to a text that ends with NUL.
pub(crate) unsafe fn text(what: &str, from: *const c_char) -> Result<Option<String>, Error> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(from) };
    match text.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Error::argument(format!("{what} is not UTF-8"))),
    }
}

/// Gives `length` bytes to a function. NULL is no bytes, if none are promised.
///
/// # Safety
/// `from` is NULL or points to as many bytes, which nobody changes meanwhile.
pub(crate) unsafe fn bytes<R>(
    what: &str,
    from: *const u8,
    length: usize,
    most: usize,
    with: impl FnOnce(&[u8]) -> Result<R, Error>,
) -> Result<R, Error> {
    if length > most {
        return Err(Error::argument(format!(
            "{what} has {length} bytes, and at most {most} are possible"
        )));
    }
    match (from.is_null(), length) {
        (_, 0) => with(&[]),
        (true, _) => Err(Error::argument(format!(
            "{what} is NULL, and its length {length}"
        ))),
        // SAFETY: as the caller promises, and `length` is far below isize::MAX.
        (false, _) => with(unsafe { std::slice::from_raw_parts(from, length) }),
    }
}
