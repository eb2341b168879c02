//! How a request over HTTP is refused, whatever it asked for.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use std::time::Duration;

/// Why a request is refused: `{"error":"...","parameter":"..."}`, with a status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong, in a sentence, and what to do.
    pub reason: String,
    /// Which parameter of the request is wrong, if one is.
    pub parameter: Option<&'static str>,
    /// After which time the same request may succeed.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Shown<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
}

impl Problem {
    /// A refusal with this status, for this reason.
    #[must_use]
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            parameter: None,
            retry_after: None,
        }
    }

    /// A refusal because this parameter of the request is malformed: status 400.
    #[must_use]
    pub fn parameter(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter),
            ..Self::new(StatusCode::BAD_REQUEST, reason)
        }
    }

    /// A refusal for now, with the seconds after which to try again: status 503.
    #[must_use]
    pub fn for_now(seconds: u32, reason: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, reason);
        problem.retry_after(Duration::from_secs(seconds.into()))
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
        let shown = Shown {
            error: &self.reason,
            parameter: self.parameter,
        };
        let mut response = json(self.status, &shown);
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        response
    }
}

/// An answer that no cache keeps.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<String> {
    let body = serde_json::to_string(body);
    let mut response = Response::new(body.expect("a record of texts and numbers is always JSON"));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
