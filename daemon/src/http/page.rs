//! `GET /`: the page that shows the list live. It is part of the binary.

use super::web::Web;
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Nothing from other sites, nothing inline, and no text becomes a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// A file of the npm package `@metaserve/list`.
macro_rules! module {
    ($name:literal) => {
        include_str!(concat!("../../../metaserve-client/js/", $name))
    };
}

pub(super) fn routes() -> Router<Web> {
    let html = "text/html; charset=utf-8";
    let css = "text/css; charset=utf-8";
    let js = "text/javascript; charset=utf-8";
    Router::new()
        .route(
            "/",
            get(async move || serve(html, include_str!("page.html"))),
        )
        .route(
            "/page.css",
            get(async move || serve(css, include_str!("page.css"))),
        )
        .route(
            "/page.js",
            get(async move || serve(js, include_str!("page.js"))),
        )
        .route("/page.json", get(settings))
}

/// The modules for other sites: `<metaserve-list>`, minified as `npm run build` makes it, and those
/// that the page uses as well.
pub(super) fn modules() -> Router<Web> {
    let js = "text/javascript; charset=utf-8";
    Router::new()
        .route(
            "/metaserve-list.js",
            get(async move || serve(js, module!("metaserve-list.min.js"))),
        )
        .route(
            "/server-list.js",
            get(async move || serve(js, module!("server-list.js"))),
        )
        .route(
            "/columns.js",
            get(async move || serve(js, module!("columns.js"))),
        )
}

/// The operator's settings for the page.
async fn settings(State(web): State<Web>) -> Response {
    let rules = web.shared.rules();
    let links = rules.join_links.iter();
    let links: BTreeMap<_, _> = links.map(|(game, link)| (game.as_str(), link)).collect();
    let json = json!({ "join_links": links }).to_string();
    serve("application/json", json)
}

fn serve(kind: &'static str, text: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
