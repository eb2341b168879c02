//! The functions of the header for tests, without pointers.

use crate::daemon::Daemon;
use metaserve_ffi::ffi::*;
use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr,
    time::Duration,
};

pub(crate) const ARGUMENT: c_int = -1;
pub(crate) const TRUST: c_int = -2;
pub(crate) const LIVE: c_int = 1;
pub(crate) const WAITING: c_int = 2;
pub(crate) const ENDED: c_int = 3;
pub(crate) const ADDED: c_int = 1;
pub(crate) const UPDATED: c_int = 2;
pub(crate) const REMOVED: c_int = 3;

/// Calls `try_it` until it gives something, as a game loop does.
pub(crate) fn until<T>(what: &str, mut try_it: impl FnMut() -> Option<T>) -> T {
    let begin = metaserve::time::now();
    loop {
        if let Some(found) = try_it() {
            return found;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(120),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A text of the library.
pub(crate) fn text(at: *const c_char) -> Option<String> {
    (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) }.to_str().unwrap().to_owned())
}

pub(crate) fn error() -> String {
    text(ms_error()).unwrap()
}

/// Options, with the texts that they point to.
pub(crate) struct Options {
    pub(crate) it: ms_options,
    _texts: Vec<CString>,
}

impl Options {
    pub(crate) fn new(daemon: &str, fingerprint: &str) -> Self {
        let texts = [daemon, fingerprint, "ffi"].map(|it| CString::new(it).unwrap());
        let it = ms_options {
            daemon: texts[0].as_ptr(),
            fingerprint: texts[1].as_ptr(),
            game: texts[2].as_ptr(),
            port: 7777,
            ..none()
        };
        let _texts = texts.into();
        Self { it, _texts }
    }

    pub(crate) fn of(daemon: &Daemon) -> Self {
        Self::new(&daemon.address, &daemon.fingerprint)
    }
}

/// No options but their size.
pub(crate) fn none() -> ms_options {
    ms_options {
        size: size_of::<ms_options>() as u32,
        port: 0,
        reserved: 0,
        daemon: ptr::null(),
        game: ptr::null(),
        fingerprint: ptr::null(),
        ca_file: ptr::null(),
        identity_dir: ptr::null(),
    }
}

pub(crate) fn no_entry() -> ms_entry {
    ms_entry {
        size: size_of::<ms_entry>() as u32,
        heartbeat_len: 0,
        id: 0,
        heartbeat: ptr::null(),
        game: ptr::null(),
        address: ptr::null(),
        second_address: ptr::null(),
        identity: ptr::null(),
    }
}

pub(crate) fn no_holder() -> ms_holder {
    ms_holder {
        size: size_of::<ms_holder>() as u32,
        value_len: 0,
        epoch: 0,
        value: ptr::null(),
        key: ptr::null(),
        address: ptr::null(),
    }
}

pub(crate) fn no_order() -> ms_order {
    ms_order {
        size: size_of::<ms_order>() as u32,
        payload_len: 0,
        id: 0,
        payload: ptr::null(),
        key: ptr::null(),
        left_ms: 0,
        reserved: 0,
    }
}

pub(crate) fn no_request() -> ms_request {
    ms_request {
        size: size_of::<ms_request>() as u32,
        within_ms: 0,
        key: ptr::null(),
        value: ptr::null(),
        value_len: 0,
        ticket: ptr::null(),
        ticket_len: 0,
        start: 0,
        slots: 0,
    }
}

/// Bytes of the library.
pub(crate) fn bytes(at: *const u8, length: u32) -> String {
    if length == 0 {
        return String::new();
    }
    let bytes = unsafe { std::slice::from_raw_parts(at, length as usize) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server that is closed when it is dropped.
pub(crate) struct Server(pub(crate) *mut ms_server);

impl Server {
    pub(crate) fn open(options: &ms_options) -> Self {
        let mut server = ptr::null_mut();
        assert_eq!(
            unsafe { ms_server_open(options, &mut server) },
            0,
            "{}",
            error()
        );
        Self(server)
    }

    pub(crate) fn says(&self, heartbeat: &str) -> c_int {
        unsafe { ms_server_heartbeat(self.0, heartbeat.as_ptr().cast(), heartbeat.len()) }
    }

    pub(crate) fn state(&self) -> (c_int, String) {
        let mut said = ptr::null();
        let state = unsafe { ms_server_state(self.0, &mut said) };
        (state, text(said).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        ms_server_close(self.0, 10_000);
    }
}

/// A list that is closed when it is dropped.
pub(crate) struct List(pub(crate) *mut ms_list);

/// A change: its kind, the server's id, its heartbeat.
pub(crate) type Change = (c_int, u64, String);

impl List {
    pub(crate) fn open(options: &ms_options) -> Self {
        let mut list = ptr::null_mut();
        assert_eq!(
            unsafe { ms_list_open(options, &mut list) },
            0,
            "{}",
            error()
        );
        Self(list)
    }

    /// Waits for a newer list, and gives its changes.
    pub(crate) fn changes(&self) -> Vec<Change> {
        until("a newer list", || (ms_list_poll(self.0) == 1).then_some(()));
        let mut entry = no_entry();
        let next = || match unsafe { ms_list_next_change(self.0, &mut entry) } {
            0 => None,
            kind => Some((kind, entry.id, bytes(entry.heartbeat, entry.heartbeat_len))),
        };
        std::iter::from_fn(next).collect()
    }

    /// All servers: their ids and heartbeats.
    pub(crate) fn all(&self) -> Vec<(u64, String)> {
        ms_list_rewind(self.0);
        let mut entry = no_entry();
        let next = || {
            let more = unsafe { ms_list_next(self.0, &mut entry) } == 1;
            more.then(|| (entry.id, bytes(entry.heartbeat, entry.heartbeat_len)))
        };
        std::iter::from_fn(next).collect()
    }

    pub(crate) fn state(&self) -> (c_int, String) {
        let mut said = ptr::null();
        let state = unsafe { ms_list_state(self.0, &mut said) };
        (state, text(said).unwrap())
    }
}

impl Drop for List {
    fn drop(&mut self) {
        ms_list_close(self.0);
    }
}
