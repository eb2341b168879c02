//! How a request is answered.

use super::{Outcome, Problem, problem::json};
use crate::Fingerprint;
use http::{
    HeaderValue, Response,
    header::{ALLOW, WWW_AUTHENTICATE},
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
    /// Whether it is in the list at this moment, if that is not certain: a program that publishes it
    /// elsewhere accepts it even while it has no connection.
    pub listed: Option<bool>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<bool>,
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
            listed: self.listed,
            ttl_seconds: self.ttl.as_secs(),
            announce_every_seconds: self.announce_every.as_secs(),
            min_interval_ms: self.min_interval.as_millis(),
        };
        json(self.outcome.status(), &shown)
    }
}

/// A refusal: what came of the request, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Refusal {
    /// What came of the request.
    pub outcome: Outcome,
    /// What the answer says; its status is that of the outcome.
    pub problem: Problem,
}

impl Refusal {
    /// A refusal for this reason: what is wrong, in a sentence, and what to do.
    #[must_use]
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        let problem = Problem::new(outcome.status(), reason);
        Self { outcome, problem }
    }

    /// A refusal because this part of the request is malformed: `game`, `port`, `ttl` or `body`.
    #[must_use]
    pub fn malformed(parameter: &'static str, reason: impl Into<String>) -> Self {
        let problem = Problem::parameter(parameter, reason);
        let outcome = Outcome::Malformed;
        Self { outcome, problem }
    }

    /// The same, with the time after which to try again.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        let problem = self.problem.retry_after(time);
        Self { problem, ..self }
    }

    /// The refusal as it is sent.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let mut response = self.problem.response();
        let headers = response.headers_mut();
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
