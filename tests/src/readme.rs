//! The README's programs compile.

#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
pub struct Readme;
