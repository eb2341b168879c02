//! Bodies of requests: bounded in bytes and in time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_ENCODING, header::CONTENT_LENGTH},
};
use bytes::Bytes;
use futures::StreamExt;
use metaserve::announce::BODY_TIMEOUT;

/// How much of a body that is too long is read and dropped, so that its sender reads the answer.
/// The connection of a longer one is closed.
const MOST_DROPPED: usize = 256 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Its length is not stated.
    #[error("the request needs a Content-Length")]
    NoLength,
    /// It is longer than allowed.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It is compressed.
    #[error("send the body without Content-Encoding")]
    Encoded,
    /// It has not arrived in time.
    #[error("the body has not arrived within {} seconds", BODY_TIMEOUT.as_secs())]
    Slow,
    /// The connection has ended before its end.
    #[error("the body is not complete")]
    Cut,
}

impl BodyError {
    /// The status of HTTP that says this.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::NoLength => 411,
            Self::TooLong(_) => 413,
            Self::Encoded => 415,
            Self::Slow => 408,
            Self::Cut => 400,
        }
    }
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// See [`BodyError`].
pub(crate) async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, BodyError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let length = length.and_then(|it| it.parse::<u64>().ok());
    let length = length.ok_or(BodyError::NoLength)?;
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(BodyError::Encoded);
    }
    if length > most as u64 {
        if length <= MOST_DROPPED as u64 {
            let _ = within(BODY_TIMEOUT, body, 0).await;
        }
        return Err(BodyError::TooLong(most));
    }
    within(BODY_TIMEOUT, body, most).await
}

/// Reads a whole body, and keeps its first `most` bytes.
async fn within(time: Duration, body: Body, most: usize) -> Result<Bytes, BodyError> {
    let whole = async {
        let (mut pieces, mut whole) = (body.into_data_stream(), Vec::new());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| BodyError::Cut)?;
            let room = most.saturating_sub(whole.len());
            whole.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        Ok(Bytes::from(whole))
    };
    let read = tokio::time::timeout(time, whole).await;
    read.map_err(|_| BodyError::Slow)?
}
