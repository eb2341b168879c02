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
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            parameter: None,
            reason: reason.into(),
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
        (self.status, kind, body.to_string()).into_response()
    }
}
