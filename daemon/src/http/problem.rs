//! How a request is refused.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A refusal: a status, and a JSON object with the reason and, if one is wrong, the parameter.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) parameter: Option<&'static str>,
    reason: String,
    /// After how many seconds the same request may succeed.
    retry_after: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            parameter: None,
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// A refusal for now, with the seconds after which to try again.
    pub(super) fn for_now(seconds: u32, reason: impl Into<String>) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        }
    }

    pub(super) fn parameter(parameter: &'static str, reason: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter),
            ..Self::new(StatusCode::BAD_REQUEST, reason)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = match self.parameter {
            Some(parameter) => json!({ "error": self.reason, "parameter": parameter }),
            None => json!({ "error": self.reason }),
        };
        let kind = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, kind, body.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
