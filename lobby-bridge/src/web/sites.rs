//! The listeners of all protocols: those that name the same address share one.

use std::{
    fmt, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use metaserve::{bans::Ban, program::Vital, time::every};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Certificate, CertificateError, Listener, Settings,
    client::{Gate, admit},
    listener::Patience,
};
use crate::{
    bans::Guard,
    metrics::{Metrics, Tally},
    peers::{Entrance, listen},
};

/// How often clients that have made no requests lately are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Why a protocol cannot be served over HTTP.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address} for HTTP: choose an address of this machine and a free port"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("cannot use the certificate for HTTP (--http-cert)")]
    Certificate(#[from] CertificateError),
}

/// What a protocol serves over HTTP.
pub(crate) struct Site {
    /// Counts its requests.
    pub(crate) tally: Tally,
    /// Its paths. It has no fallback, since other protocols may have further paths.
    pub(crate) routes: Router,
    /// How it answers those who are banned.
    pub(crate) banned: fn(&Ban) -> Response,
}

/// What protocols serve over HTTP: those at one address share a listener. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sites(Arc<Inner>);

#[derive(Default)]
struct Inner {
    settings: Settings,
    bans: Guard,
    metrics: Metrics,
    open: Mutex<Vec<Open>>,
}

/// A listener that serves nobody yet.
struct Open {
    /// The address that was asked for.
    asked: SocketAddr,
    local: SocketAddr,
    listener: TcpListener,
    sites: Vec<Site>,
}

impl fmt::Debug for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sites")
            .field(&self.local_addresses())
            .finish()
    }
}

impl Sites {
    /// No listeners yet. `bans` hold for all of them.
    #[must_use]
    pub fn new(settings: Settings, bans: Guard, metrics: Metrics) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Inner {
            settings,
            bans,
            metrics,
            open,
        }))
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a site at this address, which is listened on from now on. Returns the address with the
    /// port that the system chose for port 0.
    pub(crate) fn add(&self, asked: SocketAddr, site: Site) -> Result<SocketAddr, BindError> {
        let mut open = self.open();
        if let Some(shared) = open.iter_mut().find(|it| it.asked == asked) {
            shared.sites.push(site);
            return Ok(shared.local);
        }
        let bound = listen(asked).and_then(|it| Ok((it.local_addr()?, it)));
        let (local, listener) = bound.map_err(|source| BindError::Listen {
            address: asked,
            source,
        })?;
        open.push(Open {
            asked,
            local,
            listener,
            sites: vec![site],
        });
        Ok(local)
    }

    /// Returns the addresses that are listened on, until [`serve`](Self::serve) is called.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.open().iter().map(|it| it.local).collect()
    }

    /// Serves all sites in tasks of `vital`, until `closing` is cancelled.
    ///
    /// # Errors
    /// The certificate cannot be used. Nobody is served.
    pub fn serve(&self, vital: &Vital, closing: &CancellationToken) -> Result<(), BindError> {
        let open = std::mem::take(&mut *self.open());
        if open.is_empty() {
            return Ok(());
        }
        let Settings {
            certificate,
            proxies,
            client_header,
            limits,
        } = self.0.settings.clone();
        let files = certificate.is_some();
        // With files, nothing of its own is made.
        let certificate = files
            .then(|| Certificate::load(certificate, Path::new(""), &[]).map(Arc::new))
            .transpose()?;
        let gate = Arc::new(Gate {
            bans: self.0.bans.clone(),
            proxies: proxies.clone(),
            header: client_header,
            per_second: limits.requests_per_second,
            rates: Mutex::default(),
        });
        let sweeping = Arc::clone(&gate);
        let sweep = async move {
            let mut ticks = every(SWEEP_EVERY);
            loop {
                ticks.tick().await;
                sweeping.sweep();
            }
        };
        tokio::spawn(closing.clone().run_until_cancelled_owned(sweep));
        if let Some(certificate) = &certificate {
            let watch = Arc::clone(certificate).watch();
            tokio::spawn(closing.clone().run_until_cancelled_owned(watch));
        }
        let metrics = &self.0.metrics;
        let places =
            |name, each_host| Entrance::new(name, limits.connections, each_host).counting(metrics);
        let entrance = places("HTTP (--http-connections)", limits.each_host);
        let proxied = places("HTTP, proxies (--http-connections)", limits.connections);
        for Open {
            local,
            listener,
            sites,
            ..
        } in open
        {
            let tls = certificate
                .clone()
                .map(|certificate| Arc::new(move || certificate.acceptor()) as super::Tls);
            tracing::info!(address = %local, tls = files, "serving lists over HTTP");
            let listener = Listener {
                listener,
                // Each site answers the banned in its own way.
                bans: Guard::none(),
                banned: |_| StatusCode::FORBIDDEN.into_response(),
                tls,
                entrance: entrance.clone(),
                proxies: Some((proxies.clone(), proxied.clone())),
                patience: Patience {
                    head: limits.head,
                    stall: limits.stall,
                    connection: limits.connection,
                },
                routes: routes(sites, &gate),
            };
            let closing = closing.clone();
            vital.spawn(format!("HTTP at {local}"), async move {
                let tasks = TaskTracker::new();
                listener.run(&tasks, &closing).await;
                tasks.close();
                tasks.wait().await;
            });
        }
        Ok(())
    }
}

fn routes(sites: Vec<Site>, gate: &Arc<Gate>) -> Router {
    let admitted = sites.into_iter().map(|site| {
        let Site {
            tally,
            routes,
            banned,
        } = site;
        let admission = (Arc::clone(gate), banned, tally);
        routes.layer(middleware::from_fn_with_state(admission, admit))
    });
    let routes = admitted.fold(Router::new(), Router::merge);
    routes
        .route("/healthz", get(async || "alive\n"))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
}
