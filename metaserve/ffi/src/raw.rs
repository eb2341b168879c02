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

/// These run under Miri, too, where a toolchain has it: `cargo +nightly miri test -p metaserve-ffi raw`.
#[cfg(test)]
mod tests {
    use super::*;

    /// A struct as a header has it, and the same in a newer one.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Given {
        size: u32,
        number: u32,
        text: *const c_char,
    }

    #[repr(C)]
    struct Newer {
        it: Given,
        added: u64,
    }

    // SAFETY: `repr(C)`, begins with a `u32`, and zero is a number and NULL.
    unsafe impl Sized32 for Given {
        const NAME: &str = "given";
        const LEAST: usize = 8;
    }

    fn newer(size: usize, added: u64) -> Newer {
        let size = u32::try_from(size).unwrap();
        let (number, text) = (7, c"text".as_ptr());
        let it = Given { size, number, text };
        Newer { it, added }
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().text
    }

    #[test]
    fn what_an_older_struct_does_not_have_is_zero_and_a_newer_one_may_add_zeros() {
        let read = |it: &Newer| unsafe { read(&raw const *it as *const Given) };
        let older = read(&newer(8, 9)).unwrap();
        assert_eq!((older.number, older.text), (7, ptr::null()));
        assert_eq!(read(&newer(16, 9)).unwrap(), newer(16, 0).it);
        assert_eq!(read(&newer(24, 0)).unwrap().number, 7);
        assert!(refused(read(&newer(24, 9))).contains("install a newer one"));
        for size in [0, 7, 4097] {
            assert!(refused(read(&newer(size, 0))).contains("sizeof(given), which is 16"));
        }
        assert_eq!(
            refused(unsafe { super::read::<Given>(ptr::null()) }),
            "given is NULL"
        );
    }

    #[test]
    fn a_struct_is_filled_in_as_far_as_it_goes_and_zeroed_beyond_ours() {
        let ours = Given {
            size: 0,
            number: 1,
            text: ptr::null(),
        };
        let fill = |it: &mut Newer| unsafe { fill((&raw mut *it).cast::<Given>(), ours) };
        let mut older = newer(8, 9);
        fill(&mut older).unwrap();
        assert_eq!((older.it.size, older.it.number, older.added), (8, 1, 9));
        assert!(!older.it.text.is_null(), "it is beyond the end");
        let mut ample = newer(24, 9);
        fill(&mut ample).unwrap();
        assert_eq!(
            (ample.it.size, ample.it.text, ample.added),
            (24, ptr::null(), 0)
        );
        assert!(refused(fill(&mut newer(4, 9))).contains("sizeof(given)"));
    }

    #[test]
    fn a_struct_that_is_not_aligned_is_read_and_filled_in() {
        let mut bytes = [0u8; 40];
        bytes[1..5].copy_from_slice(&16u32.to_ne_bytes());
        bytes[5] = 7;
        let at = bytes[1..].as_mut_ptr().cast::<Given>();
        let mut given = unsafe { read(at.cast_const()) }.unwrap();
        given.number += 1;
        unsafe { fill(at, given) }.unwrap();
        assert_eq!(bytes[5..9], 8u32.to_ne_bytes());
    }

    #[test]
    fn text_and_bytes_are_what_they_point_to_and_null_is_none() {
        let text = |at| unsafe { text("it", at) };
        assert_eq!(
            text(c"Dusty's".as_ptr()).unwrap().as_deref(),
            Some("Dusty's")
        );
        assert_eq!(text(ptr::null()).unwrap(), None);
        assert_eq!(refused(text(c"\xff".as_ptr())), "it is not UTF-8");
        let bytes = |at, length| unsafe { bytes("it", at, length, 8, |it| Ok(it.to_vec())) };
        assert_eq!(bytes(b"abc".as_ptr(), 2).unwrap(), b"ab");
        assert_eq!(bytes(ptr::null(), 0).unwrap(), b"");
        assert!(refused(bytes(ptr::null(), 1)).contains("NULL"));
        assert!(refused(bytes(b"abc".as_ptr(), usize::MAX)).contains("at most 8"));
        let mut place = 1;
        unsafe { put(&raw mut place, 2) };
        unsafe { put(ptr::null_mut(), 3) };
        assert_eq!(place, 2);
    }
}
