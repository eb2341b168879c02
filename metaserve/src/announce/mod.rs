//! Announcing a server over HTTP: what a request says, and how it is answered. Pure.
//!
//! For games and scripts that do not speak QUIC. The daemon and the agent accept the same requests:
//!
//! ```text
//! PUT    /api/v1/servers/{game}/{port}?ttl=60    lists the server, or keeps it listed
//! DELETE /api/v1/servers/{game}/{port}           takes it off the list
//! ```
//!
//! The body of a `PUT` is the heartbeat. A server that is not announced again leaves the list when
//! its [TTL](Announcement::ttl) is over.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, header};
//! use metaserve::announce::{self, Announcement, Outcome};
//!
//! let announced = Announcement::read("/api/v1/servers/chess/7777", Some("ttl=30"))?;
//! assert_eq!((announced.game.as_str(), announced.port), ("chess", 7777));
//! assert_eq!(announced.announce_every().as_secs(), 10);
//!
//! let mut headers = HeaderMap::new();
//! headers.insert(header::ORIGIN, HeaderValue::from_static("https://example.org"));
//! let refusal = announce::no_browser(&headers).unwrap_err();
//! assert_eq!(refusal.outcome, Outcome::Browser);
//! assert_eq!(refusal.response().status(), 403);
//! # Ok::<(), announce::Refusal>(())
//! ```

mod answer;
mod client;
mod detour;
mod outcome;
mod problem;
mod request;
mod secret;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Refusal, unlisted};
pub use client::{FORWARDED_FOR, ProxyPrefix, forwarded_for};
pub use detour::{Detour, detour};
pub use outcome::Outcome;
pub use problem::Problem;
pub use request::{Announcement, PATH, check_body, no_browser, oversize, whole_body};
pub use secret::Secret;

use std::{ops::RangeInclusive, time::Duration};

/// How long a server stays listed without another announcement, if the request does not say.
pub const DEFAULT_TTL: Duration = Duration::from_secs(60);

/// The shortest and the longest TTL that a request may ask for.
pub const TTLS: RangeInclusive<Duration> = Duration::from_secs(15)..=Duration::from_secs(300);

/// How long the body of a request may take. It is one heartbeat.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a server with this TTL is to be announced: three times, so that it stays listed when
/// two announcements in a row are lost.
#[must_use]
pub const fn announce_every(ttl: Duration) -> Duration {
    Duration::from_secs(ttl.as_secs() / 3)
}

/// How many announcements per second this many servers send, if each has the shortest TTL.
///
/// ```
/// assert_eq!(metaserve::announce::per_second(64), 13); // one in five seconds for each
/// ```
#[must_use]
pub fn per_second(servers: usize) -> usize {
    let every = announce_every(*TTLS.start()).as_secs();
    servers.div_ceil(usize::try_from(every).unwrap_or(usize::MAX))
}
