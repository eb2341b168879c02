//! How a request is refused.

use crate::accounts::{DatabaseError, password::NotHashed};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::time::Duration;

/// When to try again if nothing else is known.
const LATER: Duration = Duration::from_secs(5);

/// When to try again what was done too often.
const OFTEN: Duration = Duration::from_secs(60);

/// A refusal: a status, a sentence, and the field that is wrong, if it is one.
#[derive(Debug)]
pub(in crate::accounts) struct Problem {
    status: StatusCode,
    error: String,
    field: Option<&'static str>,
    retry_after: Option<Duration>,
}

/// Why a request was refused.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Error {
    /// A sentence.
    error: String,
    /// The field of the request that is wrong, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

impl Problem {
    pub(in crate::accounts) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            field: None,
            retry_after: None,
        }
    }

    /// Something that will pass.
    pub(in crate::accounts) fn later(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error).after(LATER)
    }

    /// Something that was done too often.
    pub(in crate::accounts) fn too_many(error: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, error).after(OFTEN)
    }

    /// Whether the same request may succeed later, whoever sends it.
    pub(super) fn is_later(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    pub(super) fn field(self, field: &'static str) -> Self {
        let field = Some(field);
        Self { field, ..self }
    }

    /// When to try again.
    pub(super) fn after(self, retry_after: Duration) -> Self {
        let retry_after = Some(retry_after);
        Self {
            retry_after,
            ..self
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self {
            status,
            error,
            field,
            retry_after,
        } = self;
        let mut response = (status, Json(Error { error, field })).into_response();
        let headers = response.headers_mut();
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        tracing::warn!("a request failed: {}", error.with_cause());
        Self::later("the database of accounts cannot be used now: try again in a few seconds")
    }
}

impl From<NotHashed> for Problem {
    fn from(why: NotHashed) -> Self {
        match why {
            NotHashed::Busy => Self::later(why.to_string()),
            NotHashed::Unusable(_) => {
                tracing::error!("{why}");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "the password cannot be checked: ask the operator")
            }
        }
    }
}
