//! The types of the header.

use crate::{
    core::{Asks, Error, Holder, Options, Ordered, Row},
    raw::{self, Sized32},
};
use metaserve::{names::MAX_VALUE_BYTES, protocol::names::MAX_TICKET_BYTES};
use std::{
    ffi::{c_char, c_void},
    mem::offset_of,
    ptr,
    time::Duration,
};

macro_rules! opaque {
    ($($name:ident $what:literal)+) => {$(
        #[doc = $what]
        #[derive(Debug)]
        pub struct $name {
            _private: (),
        }
    )+};
}

opaque! {
    ms_server "A handle of a game server."
    ms_list "A handle of a list."
    ms_names "A handle of a connection for names."
    ms_claim "A handle of a claim."
    ms_resolve "A handle of a question who holds a name."
    ms_watch "A handle of a watch."
    ms_offer "A handle of an offer."
}

/// See the header.
#[expect(missing_docs, reason = "the header says what each field is")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ms_options {
    pub size: u32,
    pub port: u16,
    pub reserved: u16,
    pub daemon: *const c_char,
    pub game: *const c_char,
    pub fingerprint: *const c_char,
    pub ca_file: *const c_char,
    pub identity_dir: *const c_char,
}

/// See the header.
#[expect(missing_docs, reason = "the header says what each field is")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ms_entry {
    pub size: u32,
    pub heartbeat_len: u32,
    pub id: u64,
    pub heartbeat: *const u8,
    pub game: *const c_char,
    pub address: *const c_char,
    pub second_address: *const c_char,
    pub identity: *const c_char,
}

/// See the header.
#[expect(missing_docs, reason = "the header says what each field is")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ms_request {
    pub size: u32,
    pub within_ms: u32,
    pub key: *const c_char,
    pub value: *const c_void,
    pub value_len: usize,
    pub ticket: *const c_void,
    pub ticket_len: usize,
    pub start: u32,
    pub slots: u32,
}

/// See the header.
#[expect(missing_docs, reason = "the header says what each field is")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ms_holder {
    pub size: u32,
    pub value_len: u32,
    pub epoch: u64,
    pub value: *const u8,
    pub key: *const c_char,
    pub address: *const c_char,
}

/// See the header.
#[expect(missing_docs, reason = "the header says what each field is")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ms_order {
    pub size: u32,
    pub payload_len: u32,
    pub id: u64,
    pub payload: *const u8,
    pub key: *const c_char,
    pub left_ms: u32,
    pub reserved: u32,
}

/// The first bytes of a struct, up to the end of this field, which has as many bytes.
macro_rules! through {
    ($of:ty, $field:ident: $type:ty) => {
        offset_of!($of, $field) + size_of::<$type>()
    };
}

// SAFETY, for all five: they are `repr(C)` and begin with a `u32`; zero is a number, and NULL.

unsafe impl Sized32 for ms_options {
    const NAME: &str = "ms_options";
    const LEAST: usize = through!(Self, daemon: *const c_char);
}

unsafe impl Sized32 for ms_entry {
    const NAME: &str = "ms_entry";
    const LEAST: usize = through!(Self, heartbeat: *const u8);
}

unsafe impl Sized32 for ms_request {
    const NAME: &str = "ms_request";
    const LEAST: usize = through!(Self, key: *const c_char);
}

unsafe impl Sized32 for ms_holder {
    const NAME: &str = "ms_holder";
    const LEAST: usize = through!(Self, value: *const u8);
}

unsafe impl Sized32 for ms_order {
    const NAME: &str = "ms_order";
    const LEAST: usize = through!(Self, key: *const c_char);
}

/// Reads options.
///
/// # Safety
/// As the header says.
pub(super) unsafe fn options(from: *const ms_options) -> Result<Options, Error> {
    // SAFETY: as the caller promises.
    let it = unsafe { raw::read(from)? };
    if it.reserved != 0 {
        return Err(Error::argument("reserved is not 0: zero ms_options first"));
    }
    // SAFETY: as the caller promises.
    let text = |what, from| unsafe { raw::text(what, from) };
    Ok(Options {
        port: it.port,
        daemon: text("daemon", it.daemon)?,
        game: text("game", it.game)?,
        fingerprint: text("fingerprint", it.fingerprint)?,
        ca_file: text("ca_file", it.ca_file)?,
        identity_dir: text("identity_dir", it.identity_dir)?,
    })
}

/// Reads a request. An order has its key already.
///
/// # Safety
/// As the header says.
pub(super) unsafe fn asks(from: *const ms_request, needs_key: bool) -> Result<Asks, Error> {
    // SAFETY: as the caller promises.
    let it = unsafe { raw::read(from)? };
    // SAFETY: as the caller promises.
    let key = unsafe { raw::text("key", it.key)? };
    if needs_key && key.is_none() {
        return Err(Error::argument("key is NULL"));
    }
    let copy = |what, from: *const c_void, length, most| {
        // SAFETY: as the caller promises.
        unsafe { raw::bytes(what, from.cast(), length, most, |it| Ok(it.to_vec())) }
    };
    let value = copy("value", it.value, it.value_len, MAX_VALUE_BYTES)?;
    let ticket = copy("ticket", it.ticket, it.ticket_len, MAX_TICKET_BYTES)?;
    let within = Duration::from_millis(it.within_ms.into());
    Ok(Asks {
        key: key.unwrap_or_default(),
        value,
        ticket: Some(ticket).filter(|it| !it.is_empty()),
        within: Some(within).filter(|it| !it.is_zero()),
        start: it.start != 0,
        slots: it.slots,
    })
}

impl From<Row> for ms_entry {
    fn from(row: Row) -> Self {
        Self {
            size: 0,
            heartbeat_len: row.heartbeat_len,
            id: row.id,
            heartbeat: row.heartbeat,
            game: row.game,
            address: row.address,
            second_address: row.second_address,
            identity: row.identity,
        }
    }
}

impl From<Holder> for ms_holder {
    fn from(holder: Holder) -> Self {
        Self {
            size: 0,
            value_len: holder.value_len,
            epoch: holder.epoch,
            value: holder.value,
            key: holder.key,
            address: holder.address,
        }
    }
}

impl From<Ordered> for ms_order {
    fn from(order: Ordered) -> Self {
        Self {
            size: 0,
            payload_len: order.payload_len,
            id: order.id,
            payload: order.payload,
            key: order.key,
            left_ms: order.left_ms,
            reserved: 0,
        }
    }
}

impl ms_entry {
    /// No server: what is filled in at the end of a list.
    pub(super) const NONE: Self = Self {
        size: 0,
        heartbeat_len: 0,
        id: 0,
        heartbeat: ptr::null(),
        game: ptr::null(),
        address: ptr::null(),
        second_address: ptr::null(),
        identity: ptr::null(),
    };
}

impl ms_holder {
    /// Nobody: what is filled in at the end of a watch.
    pub(super) const NONE: Self = Self {
        size: 0,
        value_len: 0,
        epoch: 0,
        value: ptr::null(),
        key: ptr::null(),
        address: ptr::null(),
    };
}

impl ms_order {
    /// No order.
    pub(super) const NONE: Self = Self {
        size: 0,
        payload_len: 0,
        id: 0,
        payload: ptr::null(),
        key: ptr::null(),
        left_ms: 0,
        reserved: 0,
    };
}
