//! A list that is made when it has changed, once for all who fetch it.

use std::{
    io::Write,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use metaserve::time::now;
use ring::digest::{SHA256, digest};
use tokio::{sync::watch, time::sleep};

/// The least time between two times that a list is made. It is also at most a fifth of the time in
/// which lists are made.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a request waits for a list with everything that was known when it came.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes below which a list is sent as it is: compression would save less time than it takes.
const SHORT: usize = 64 * 1024;

/// Where the state is stated from which the list is made. The number grows with each.
#[derive(Debug)]
pub(crate) struct Source<S>(watch::Sender<(u64, S)>);

/// The list, for those who answer requests.
#[derive(Debug)]
pub(crate) struct Page<S> {
    source: watch::Receiver<(u64, S)>,
    made: watch::Receiver<Made>,
    cached: &'static str,
}

impl<S> Clone for Page<S> {
    fn clone(&self) -> Self {
        let (source, made) = (self.source.clone(), self.made.clone());
        Self {
            source,
            made,
            cached: self.cached,
        }
    }
}

/// Makes the list.
pub(crate) struct Maker<S> {
    source: watch::Receiver<(u64, S)>,
    made: watch::Sender<Made>,
    make: fn(&S) -> Vec<u8>,
}

/// The list that was made of the state with this number.
#[derive(Clone, Debug, Default)]
struct Made {
    number: u64,
    content: Arc<Content>,
}

#[derive(Debug, Default)]
struct Content {
    plain: Bytes,
    tag: String,
    /// Made when it is asked for.
    gzip: OnceLock<Bytes>,
}

/// Makes a list, which begins as that of `state`. `make` makes the text of it, and `cached` is the
/// `Cache-Control` of answers.
pub(crate) fn page<S: Clone>(
    state: S,
    make: fn(&S) -> Vec<u8>,
    cached: &'static str,
) -> (Source<S>, Page<S>, Maker<S>) {
    let content = Arc::new(Content::new(make(&state)));
    let (made, made_last) = watch::channel(Made { number: 0, content });
    let (stated, source) = watch::channel((0, state));
    let maker = Maker {
        source: source.clone(),
        made,
        make,
    };
    let page = Page {
        source,
        made: made_last,
        cached,
    };
    (Source(stated), page, maker)
}

impl<S> Source<S> {
    /// States what the list is made from. Never waits.
    pub(crate) fn state(&self, state: S) {
        self.0
            .send_modify(|(number, current)| (*number, *current) = (*number + 1, state));
    }
}

impl<S: Clone + Send + Sync + 'static> Maker<S> {
    /// Makes the list again whenever its source has changed, until that ends.
    pub(crate) async fn run(mut self) {
        while self.source.changed().await.is_ok() {
            let ((number, state), make) = (self.source.borrow_and_update().clone(), self.make);
            let began = now();
            let making = tokio::task::spawn_blocking(move || Arc::new(Content::new(make(&state))));
            let Ok(content) = making.await else {
                return;
            };
            self.made.send_replace(Made { number, content });
            sleep(PAUSE.max(began.elapsed() * 4)).await;
        }
    }
}

impl<S> Page<S> {
    /// Answers a request with these headers. The list contains all that was stated before.
    pub(crate) async fn answer(&self, headers: &HeaderMap) -> Response {
        let mut made = self.made.clone();
        let wanted = self.source.borrow().0;
        let newest = made.wait_for(|made| made.number >= wanted);
        // A list that takes longer to make is shown as it was.
        let _ = tokio::time::timeout(PATIENCE, newest).await;
        let content = Arc::clone(&made.borrow().content);
        let tag = format!("W/\"{}\"", content.tag);
        let kept = [
            (header::ETAG, tag),
            (header::CACHE_CONTROL, self.cached.to_owned()),
            (header::VARY, "accept-encoding".to_owned()),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        ];
        if is_known(headers, &content.tag) {
            return (StatusCode::NOT_MODIFIED, kept).into_response();
        }
        let kind = [(header::CONTENT_TYPE, "application/json")];
        if content.plain.len() >= SHORT && takes_gzip(headers) {
            let packing = tokio::task::spawn_blocking(move || content.packed());
            if let Ok(Some(packed)) = packing.await {
                let encoded = [(header::CONTENT_ENCODING, "gzip")];
                return (kept, kind, encoded, Body::from(packed)).into_response();
            }
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        (kept, kind, Body::from(content.plain.clone())).into_response()
    }
}

impl Content {
    fn new(plain: Vec<u8>) -> Self {
        let hash = digest(&SHA256, &plain);
        let tag = hash.as_ref()[..16].iter().map(|it| format!("{it:02x}"));
        Self {
            tag: tag.collect(),
            plain: plain.into(),
            gzip: OnceLock::new(),
        }
    }

    fn packed(&self) -> Option<Bytes> {
        if let Some(packed) = self.gzip.get() {
            return Some(packed.clone());
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&self.plain).ok()?;
        let packed = packer.finish().ok()?;
        Some(self.gzip.get_or_init(|| packed.into()).clone())
    }
}

/// Whether the client has the list with this tag.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let known = known.filter_map(|it| it.to_str().ok());
    known.flat_map(|it| it.split(',')).any(|it| {
        let it = it.trim();
        let quoted = it.strip_prefix("W/").unwrap_or(it);
        it == "*" || quoted.trim_matches('"') == tag
    })
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let taken = taken.filter_map(|it| it.to_str().ok());
    taken.flat_map(|it| it.split(',')).any(|it| {
        let (coding, weight) = it.split_once(';').unwrap_or((it, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>();
        coding.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|it| it > 0.0)
    })
}
