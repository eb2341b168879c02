//! The files of the page.

use crate::page::{FILES, File, SECURITY_POLICY};
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ring::digest::{SHA256, digest};

/// The routes of the page's files.
pub(super) fn router() -> Router {
    FILES.iter().fold(Router::new(), |routes, file| {
        let tag = tag(file.text);
        let answer = move |headers: HeaderMap| {
            let answer = answer(file, &tag, &headers);
            async move { answer }
        };
        routes.route(file.path, get(answer))
    })
}

/// Differs for each text.
fn tag(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter().take(8);
    let digits: Vec<_> = bytes.map(|it| format!("{it:02x}")).collect();
    format!("\"{}\"", digits.concat())
}

fn answer(file: &'static File, tag: &str, asked: &HeaderMap) -> Response {
    let known = asked.get(header::IF_NONE_MATCH);
    let is_known = known.is_some_and(|it| it.as_bytes() == tag.as_bytes());
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file.text.into_response(),
    };
    let headers = response.headers_mut();
    let mut insert = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    insert(header::CONTENT_TYPE, file.content_type);
    insert(header::CONTENT_SECURITY_POLICY, SECURITY_POLICY);
    insert(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(header::REFERRER_POLICY, "no-referrer");
    // Kept, and asked for each time: a new version is seen at once.
    insert(header::CACHE_CONTROL, "no-cache");
    insert(header::ETAG, tag);
    response
}
