//! How a request is answered.

use super::Outcome;
use crate::Fingerprint;
use http::{
    HeaderValue, Response,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use std::{net::SocketAddr, time::Duration};

/// The answer to an announcement of a server that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the server is listed [now](Outcome::Listed), or [was already](Outcome::Kept).
    pub outcome: Outcome,
    /// The address that it is listed at. A program that lists it at another one's list does not
    /// know it.
    pub address: Option<SocketAddr>,
    /// The identity that it is listed with.
    pub identity: Option<Fingerprint>,
    /// How long it stays listed without another announcement.
    pub ttl: Duration,
    /// After which time it should be announced again.
    pub announce_every: Duration,
    /// The list changes no more often than once per this time.
    pub min_interval: Duration,
}

#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    ttl_seconds: u64,
    announce_every_seconds: u64,
    min_interval_ms: u128,
}

impl Answer {
    /// The answer as it is sent.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let shown = Shown {
            address: self.address,
            identity: self.identity.map(|identity| identity.to_string()),
            ttl_seconds: self.ttl.as_secs(),
            announce_every_seconds: self.announce_every.as_secs(),
            min_interval_ms: self.min_interval.as_millis(),
        };
        json(self.outcome, &shown)
    }
}

/// A refusal: what is wrong, in a sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What came of the request: its status follows from it.
    pub outcome: Outcome,
    /// The reason, for the people who run the server.
    pub reason: String,
    /// What in the request is wrong: `game`, `port`, `ttl` or `body`.
    pub parameter: Option<&'static str>,
    /// After which time the same request may succeed.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
}

impl Refusal {
    /// A refusal for this reason.
    #[must_use]
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            parameter: None,
            retry_after: None,
        }
    }

    /// A refusal because this part of the request is malformed.
    #[must_use]
    pub fn malformed(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter),
            ..Self::new(Outcome::Malformed, reason)
        }
    }

    /// The same, with the time after which to try again.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        Self {
            retry_after: Some(time),
            ..self
        }
    }

    /// The refusal as it is sent. `Retry-After` is in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let problem = Problem {
            error: &self.reason,
            parameter: self.parameter,
        };
        let mut response = json(self.outcome, &problem);
        let headers = response.headers_mut();
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        match self.outcome {
            Outcome::NoSecret => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Outcome::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("PUT, DELETE"));
            }
            _ => {}
        }
        response
    }
}

/// The answer to a `DELETE` of a server that is off the list now.
#[must_use]
pub fn unlisted() -> Response<String> {
    let mut response = Response::default();
    *response.status_mut() = Outcome::Unlisted.status();
    response
}

fn json(outcome: Outcome, body: &impl Serialize) -> Response<String> {
    let body = serde_json::to_string(body);
    let mut response = Response::new(body.expect("a record of texts and numbers is always JSON"));
    *response.status_mut() = outcome.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
