//! See `src/aleph_one_frames.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| metaserve_lobby_bridge_fuzz::aleph_one_frames::fuzz(input));
