//! A refusal as an answer of axum.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use metaserve::announce::Problem;

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.response().map(Body::from)
    }
}
