//! The programs of the README and of the tutorials compile.

#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
pub struct Readme;

#[doc = include_str!("../../docs/guide/first-server.md")]
#[cfg(doctest)]
pub struct FirstServer;

#[doc = include_str!("../../docs/guide/first-client.md")]
#[cfg(doctest)]
pub struct FirstClient;

#[doc = include_str!("../../docs/guide/names.md")]
#[cfg(doctest)]
pub struct Names;

#[doc = include_str!("../../docs/guide/ten-lines.md")]
#[cfg(doctest)]
pub struct TenLines;
