//! See `src/frames.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| metaserve_lobby_bridge_fuzz::frames::fuzz(input));
