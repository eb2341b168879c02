//! The metrics over HTTP, on a listener apart from those of players and game servers.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metaserve::{
    program::{Http, listen, metrics::CONTENT_TYPE},
    time::wall_clock,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Metrics, Present};
use crate::{
    bans::Guard,
    peers::Entrance,
    publish::Listings,
    web::{Listener, Patience},
};

/// The most connections at one time. Prometheus and a health check need one each.
const CONNECTIONS: usize = 64;

/// How slow a peer may be.
const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    stall: Duration::from_secs(10),
    connection: Duration::from_secs(3_600),
};

/// The metrics cannot be served.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot serve metrics on {address}: choose an address of this machine and a free port with \
     --metrics, or use --metrics off"
)]
pub struct EndpointError {
    /// The address that was asked for.
    address: SocketAddr,
    /// The system's error.
    source: io::Error,
}

/// A listener that serves nobody yet.
#[derive(Debug)]
pub(crate) struct Endpoint(TcpListener);

impl Endpoint {
    /// Listens. None when metrics are off, or when the default address is not free: another bridge
    /// on this machine may use it. Must be called within a tokio runtime.
    pub(crate) fn open(http: Http) -> Result<Option<Self>, EndpointError> {
        let opened = http.open(|address, error| {
            tracing::warn!(
                "metrics are off: cannot bind {address} ({error}); choose another address with \
                 --metrics, or use --metrics off"
            );
        });
        let opened = opened.and_then(|listener| {
            let Some(listener) = listener else {
                return Ok(None);
            };
            let address = listener.local_addr();
            let address = address.unwrap_or_else(|_| SocketAddr::from(([0; 8], 0)));
            let listener = TcpListener::from_std(listener).map_err(|error| (address, error))?;
            tracing::info!(%address, "serving metrics");
            Ok(Some(Self(listener)))
        });
        opened.map_err(|(address, source)| EndpointError { address, source })
    }

    /// Serves until `closing` is cancelled.
    pub(crate) async fn run(
        self,
        metrics: Metrics,
        (listings, bans): (Listings, Guard),
        closing: CancellationToken,
    ) {
        let text = async move || {
            let present = Present {
                listings: &listings,
                bans: &bans,
                now: wall_clock(),
            };
            (
                [(header::CONTENT_TYPE, CONTENT_TYPE)],
                metrics.text(&present),
            )
        };
        let stopping = closing.clone();
        let ready = async move || match stopping.is_cancelled() {
            true => (StatusCode::SERVICE_UNAVAILABLE, "the bridge is stopping\n"),
            false => (StatusCode::OK, "ready\n"),
        };
        let routes = Router::new()
            .route("/metrics", get(text))
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .fallback(nothing);
        let listener = Listener {
            listener: self.0,
            // The operator reads them, and bans hold for players and game servers.
            bans: Guard::none(),
            banned: |_| StatusCode::FORBIDDEN.into_response(),
            tls: None,
            entrance: Entrance::new("metrics (--metrics)", CONNECTIONS, CONNECTIONS),
            proxies: None,
            patience: PATIENCE,
            routes,
        };
        let tasks = TaskTracker::new();
        listener.run(&tasks, &closing).await;
        tasks.close();
        tasks.wait().await;
    }
}

async fn nothing() -> Response {
    let why = "not found: metrics are at /metrics, health at /healthz and /readyz\n";
    (StatusCode::NOT_FOUND, why).into_response()
}

/// Describes where metrics are served, for `check`.
pub(crate) fn described(http: Http) -> Result<String, EndpointError> {
    let (address, needed) = match http {
        Http::Off => return Ok("metrics: off\n".to_owned()),
        Http::IfFree(address) => (address, false),
        Http::At(address) => (address, true),
    };
    match listen::tcp(address) {
        Ok(_) => Ok(format!("metrics: {address} (TCP)\n")),
        // The running bridge may use it.
        Err(error) if !needed || error.kind() == io::ErrorKind::AddrInUse => Ok(format!(
            "metrics: {address} (TCP), which is in use now, perhaps by the bridge\n"
        )),
        Err(source) => Err(EndpointError { address, source }),
    }
}
