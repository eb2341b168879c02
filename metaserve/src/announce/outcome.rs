//! What came of a request.

use http::StatusCode;

/// What came of a request to announce a server: its status, and its name in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The server is listed now.
    Listed,
    /// It was listed, and stays.
    Kept,
    /// It is off the list, as was asked.
    Unlisted,
    /// A part of the path or of the query is malformed, or the body is empty.
    Malformed,
    /// There is no secret, or one that is not acceptable.
    NoSecret,
    /// The server may not be announced here: the operator has not turned announcing on, or the
    /// daemon lists no servers of its own.
    Off,
    /// The address is banned.
    Banned,
    /// A browser made the request on behalf of a page.
    Browser,
    /// The request came over plain TCP from another machine, so that others can read the secret.
    Plain,
    /// The request came through a proxy that the operator has not named, or that does not say for
    /// whom, so that the address of the server is not known.
    Proxied,
    /// Players cannot join at the address.
    Address,
    /// This secret does not list such a server.
    NotListed,
    /// The method is neither `PUT` nor `DELETE`.
    Method,
    /// The body did not arrive in time.
    Slow,
    /// Another secret lists this address and port.
    Taken,
    /// The heartbeat is too long.
    Oversize,
    /// The body is of another type, or encoded.
    Type,
    /// The heartbeat changes sooner than the list shows changes. It stays listed.
    TooSoon,
    /// The address has as many servers in the list as it may have.
    Rows,
    /// The address sends too many requests.
    Rate,
    /// There are too many announced servers.
    Full,
    /// There are too many games.
    Games,
    /// The program is stopping, or not complete yet.
    NotReady,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Listed,
        Self::Kept,
        Self::Unlisted,
        Self::Malformed,
        Self::NoSecret,
        Self::Off,
        Self::Banned,
        Self::Browser,
        Self::Plain,
        Self::Proxied,
        Self::Address,
        Self::NotListed,
        Self::Method,
        Self::Slow,
        Self::Taken,
        Self::Oversize,
        Self::Type,
        Self::TooSoon,
        Self::Rows,
        Self::Rate,
        Self::Full,
        Self::Games,
        Self::NotReady,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Kept => "kept",
            Self::Unlisted => "unlisted",
            Self::Malformed => "malformed",
            Self::NoSecret => "no_secret",
            Self::Off => "off",
            Self::Banned => "banned",
            Self::Browser => "browser",
            Self::Plain => "plain",
            Self::Proxied => "proxied",
            Self::Address => "address",
            Self::NotListed => "not_listed",
            Self::Method => "method",
            Self::Slow => "slow",
            Self::Taken => "taken",
            Self::Oversize => "oversize",
            Self::Type => "type",
            Self::TooSoon => "too_soon",
            Self::Rows => "rows",
            Self::Rate => "rate",
            Self::Full => "full",
            Self::Games => "games",
            Self::NotReady => "not_ready",
        }
    }

    /// Its status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Listed => StatusCode::CREATED,
            Self::Kept => StatusCode::OK,
            Self::Unlisted => StatusCode::NO_CONTENT,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NoSecret => StatusCode::UNAUTHORIZED,
            Self::Off
            | Self::Banned
            | Self::Browser
            | Self::Plain
            | Self::Proxied
            | Self::Address => StatusCode::FORBIDDEN,
            Self::NotListed => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Taken => StatusCode::CONFLICT,
            Self::Oversize => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSoon | Self::Rows | Self::Rate => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::Games | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
