//! What the fuzz targets of the lobby bridge do with an input. Each target in `targets/` calls one of
//! these; `lobby-bridge/tests/fuzz` compiles them as well, and runs them over the corpus and over
//! mutations of it.

#![forbid(unsafe_code)]

pub mod aleph_one_frames;
pub mod ddnet;
pub mod frames;
pub mod hall;
pub mod lobby;
pub mod luanti;
pub mod parts;
pub mod quake;

/// A target: its name, and what it does with an input. It panics if a promise is broken.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("aleph_one_frames", aleph_one_frames::fuzz),
    ("ddnet", ddnet::fuzz),
    ("frames", frames::fuzz),
    ("hall", hall::fuzz),
    ("lobby", lobby::fuzz),
    ("luanti", luanti::fuzz),
    ("quake", quake::fuzz),
];
