//! Game servers.

use super::{call, call_silently, number, open, types};
use super::{ms_options, ms_server};
use crate::{
    core::{Server, Table},
    raw,
};
use metaserve::Limits;
use std::{
    ffi::{c_char, c_int, c_void},
    time::Duration,
};

static SERVERS: Table<Server> = Table::new(1, "server");

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_server_open(
    options: *const ms_options,
    server: *mut *mut ms_server,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open(&SERVERS, server, || Server::open(&types::options(options)?)) }
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_server_heartbeat(
    server: *mut ms_server,
    bytes: *const c_void,
    length: usize,
) -> c_int {
    let most = Limits::MAX_HEARTBEAT_BYTES;
    call(|| {
        SERVERS.with(number(server), |server| {
            let publish = |bytes: &[u8]| Ok(server.heartbeat(bytes) as c_int);
            // SAFETY: as the caller promises.
            unsafe { raw::bytes("the heartbeat", bytes.cast(), length, most, publish) }
        })
    })
}

/// See the header.
///
/// # Safety
/// As the module says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ms_server_state(
    server: *mut ms_server,
    text: *mut *const c_char,
) -> c_int {
    call(|| {
        SERVERS.with(number(server), |server| {
            let (state, said) = server.state();
            // SAFETY: as the caller promises.
            unsafe { raw::put(text, said) };
            Ok(state as c_int)
        })
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn ms_server_close(server: *mut ms_server, wait_ms: u32) {
    call_silently(|| {
        if let Some(server) = SERVERS.remove(number(server)) {
            server.close(Duration::from_millis(wait_ms.into()));
        }
    });
}
