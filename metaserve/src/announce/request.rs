//! What a request says.

use super::{DEFAULT_TTL, Outcome, Refusal, TTLS};
use crate::Game;
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, ORIGIN},
};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// What the paths of announcements begin with; the game and the port follow.
pub const PATH: &str = "/api/v1/servers/";

/// Which server a request is about, and for how long it is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The game to be listed in.
    pub game: Game,
    /// The port that players join by.
    pub port: u16,
    /// How long the server stays listed without another announcement.
    pub ttl: Duration,
}

impl Announcement {
    /// Reads the path and the query of a request, as they are in its first line.
    ///
    /// # Errors
    /// When they are malformed; the refusal names the parameter.
    pub fn read(path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let parts = path.strip_prefix(PATH).and_then(|it| it.split_once('/'));
        let Some((game, port)) = parts else {
            return Err(Refusal::malformed(
                "port",
                "the path has no port: use /api/v1/servers/{game}/{port}",
            ));
        };
        Ok(Self {
            game: self::game(game)?,
            port: self::port(port)?,
            ttl: ttl(query)?,
        })
    }

    /// After which time the server should be announced again; see
    /// [`announce_every`](super::announce_every).
    #[must_use]
    pub const fn announce_every(&self) -> Duration {
        super::announce_every(self.ttl)
    }
}

fn game(text: &str) -> Result<Game, Refusal> {
    let tag = percent_decode_str(text).decode_utf8();
    let tag = tag.map_err(|_| Refusal::malformed("game", "the game is not UTF-8"))?;
    Game::new(&tag).map_err(|error| Refusal::malformed("game", error.to_string()))
}

fn port(text: &str) -> Result<u16, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| {
        let reason = "the port that players join by is a number from 1 to 65535";
        Refusal::malformed("port", reason)
    })
}

fn ttl(query: Option<&str>) -> Result<Duration, Refusal> {
    let mut ttl = DEFAULT_TTL;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name != "ttl" {
            let reason = "unknown parameter: use ttl";
            return Err(Refusal::new(Outcome::Malformed, reason));
        }
        let seconds = value.parse().map(Duration::from_secs);
        let allowed = seconds.ok().filter(|it| TTLS.contains(it));
        ttl = allowed.ok_or_else(|| {
            let [shortest, longest] = [TTLS.start(), TTLS.end()].map(Duration::as_secs);
            let reason = format!("choose a TTL from {shortest} to {longest} seconds");
            Refusal::malformed("ttl", reason)
        })?;
    }
    Ok(ttl)
}

/// Refuses what a browser sends on behalf of a page: otherwise any page could list its visitors'
/// addresses. Browsers send `Origin` with every `PUT`, and pages cannot leave it out.
///
/// # Errors
/// When the request has `Origin` or `Sec-Fetch-Site`.
pub fn no_browser(headers: &HeaderMap) -> Result<(), Refusal> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    match headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE) {
        false => Ok(()),
        true => Err(Refusal::new(
            Outcome::Browser,
            "web pages cannot announce servers (the request has Origin or Sec-Fetch-Site): \
             announce from the server itself",
        )),
    }
}

/// Checks what the headers of a `PUT` say about its body, before that is read.
///
/// # Errors
/// When it is of another type than JSON or bytes, encoded, or longer than `max_bytes`.
pub fn check_body(headers: &HeaderMap, max_bytes: usize) -> Result<(), Refusal> {
    let kind = |reason: &str| Refusal::new(Outcome::Type, reason);
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(kind(
            "send the heartbeat as it is, without Content-Encoding",
        ));
    }
    let given = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let given = given
        .and_then(|it| it.split(';').next())
        .unwrap_or_default();
    let known = ["application/json", "application/octet-stream"];
    if !known.iter().any(|it| it.eq_ignore_ascii_case(given.trim())) {
        return Err(kind(
            "send the heartbeat as Content-Type application/json or application/octet-stream",
        ));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    match length.and_then(|it| it.parse::<u64>().ok()) {
        Some(length) if length > max_bytes as u64 => Err(oversize(max_bytes)),
        _ => Ok(()),
    }
}

/// Accepts the body of a `PUT`: its first `max_bytes` and one more, if it is longer. The heartbeat
/// owns its bytes, and keeps no buffer of the connection in memory.
///
/// # Errors
/// When it is empty or too long.
pub fn whole_body(body: &[u8], max_bytes: usize) -> Result<Bytes, Refusal> {
    match body.len() {
        0 => {
            let reason = "the body is empty: send the heartbeat, such as {\"name\":\"My server\"}";
            Err(Refusal::malformed("body", reason))
        }
        length if length > max_bytes => Err(oversize(max_bytes)),
        _ => Ok(Bytes::copy_from_slice(body)),
    }
}

/// The refusal of a heartbeat that has more bytes than this.
#[must_use]
pub fn oversize(max_bytes: usize) -> Refusal {
    let reason = format!("a heartbeat has at most {max_bytes} bytes (--max-heartbeat)");
    Refusal::new(Outcome::Oversize, reason)
}
