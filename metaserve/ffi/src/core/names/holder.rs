//! Who holds a key, for the program.

use crate::core::text::Text;
use bytes::Bytes;
use std::{ffi::c_char, net::SocketAddr, ptr};

/// A holder. Its pointers are good until the next call with what it is from.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) epoch: u64,
    pub(crate) value: *const u8,
    pub(crate) value_len: u32,
    pub(crate) key: *const c_char,
    pub(crate) address: *const c_char,
}

/// Where the texts of a holder are.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) text: Text,
    key: Text,
    address: Text,
}

impl Texts {
    pub(super) fn holder(
        &mut self,
        key: &str,
        epoch: u64,
        value: &Bytes,
        address: Option<SocketAddr>,
    ) -> Holder {
        Holder {
            epoch,
            value: value.as_ptr(),
            value_len: u32::try_from(value.len()).unwrap_or(u32::MAX),
            key: self.key.set(key),
            address: self.address.set_or_null(address),
        }
    }

    /// Nobody that is known.
    pub(super) fn nobody(&mut self, key: &str) -> Holder {
        Holder {
            epoch: 0,
            value: ptr::null(),
            value_len: 0,
            key: self.key.set(key),
            address: ptr::null(),
        }
    }
}
