//! See `src/luanti.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| metaserve_lobby_bridge_fuzz::luanti::fuzz(input));
