//! Answers that say what is wrong.

use crate::{log::LogError, play::sessions::Refusal};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// What is wrong, as the body of an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Wrong {
    /// A sentence.
    error: String,
}

/// An answer that says what is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    why: String,
    location: Option<HeaderValue>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self {
            status,
            why: why.into(),
            location: None,
        }
    }

    /// Sends the client to another URL with the same request.
    pub(super) fn elsewhere(url: &str) -> Self {
        Self {
            location: HeaderValue::from_str(url).ok(),
            ..Self::new(StatusCode::TEMPORARY_REDIRECT, format!("ask {url}"))
        }
    }

    pub(super) fn unauthorized(why: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, why)
    }

    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        let status = match &error {
            LogError::Away(_) | LogError::Refuses(_) | LogError::Full(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            LogError::Fenced(_) | LogError::Unknown(_) => StatusCode::CONFLICT,
            LogError::Absent(_) => StatusCode::NOT_FOUND,
            LogError::Foreign { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::No(_) => StatusCode::BAD_REQUEST,
            Refusal::NotYours(_) => StatusCode::FORBIDDEN,
            Refusal::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Over(_) => StatusCode::CONFLICT,
        };
        Self::new(status, refusal.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wrong = Wrong { error: self.why };
        let mut response = (self.status, Json(wrong)).into_response();
        let headers = response.headers_mut();
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, location);
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}
