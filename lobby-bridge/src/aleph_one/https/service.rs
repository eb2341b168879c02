//! Puts the service together, from its certificate to its routes.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    page,
    pages::Pages,
    settings::{Limits, Settings},
    tokens,
    web::{Web, banned},
};
use crate::{
    accounts::Accounts,
    bans::Guard,
    metrics::Metrics,
    peers::{Entrance, listen},
    web::{Certificate, CertificateError, Listener, Patience},
};

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address} for HTTPS: choose an address of this machine and a free port"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("cannot use the HTTPS certificate (--aleph-one-cert)")]
    Certificate(#[from] CertificateError),
}

/// The service, which listens but does not serve yet.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    bans: Guard,
    metrics: Metrics,
    certificate: Arc<Certificate>,
    web: Web,
}

impl Service {
    /// Loads the certificate and listens.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(settings: Settings, accounts: Accounts) -> Result<Self, BindError> {
        let address = settings.listen;
        let certificate =
            Certificate::load(settings.certificate, &settings.state_dir, &settings.hosts)?;
        let bound = listen(address).and_then(|it| Ok((it.local_addr()?, it)));
        let (address, listener) = bound.map_err(|source| BindError::Listen { address, source })?;
        let limits = settings.limits;
        Ok(Self {
            listener,
            address,
            bans: settings.bans,
            metrics: Metrics::default(),
            certificate: Arc::new(certificate),
            web: Web {
                accounts,
                pages: Arc::new(Pages::new(limits.page, limits.pages)),
                sign_up: settings.sign_up,
                limits,
            },
        })
    }

    /// Counts connections for which there is no place.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the fingerprint of the current certificate.
    #[must_use]
    pub fn fingerprint(&self) -> metaserve::Fingerprint {
        self.certificate.fingerprint()
    }

    /// Serves until `shutdown`. Requests in progress are answered.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let watch = Arc::clone(&self.certificate).watch();
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(watch));
        let Limits {
            connections,
            each_host,
            handshake,
            connection,
            ..
        } = self.web.limits;
        let certificate = self.certificate;
        let listener = Listener {
            listener: self.listener,
            bans: self.bans,
            banned,
            tls: Some(Arc::new(move || certificate.acceptor())),
            entrance: Entrance::new(
                "HTTPS (--aleph-one-https-connections)",
                connections,
                each_host,
            )
            .counting(&self.metrics),
            proxies: None,
            patience: Patience {
                head: handshake,
                stall: connection,
                connection,
            },
            routes: routes(self.web),
        };
        listener.run(&tasks, &shutdown).await;
        tasks.close();
        tasks.wait().await;
    }
}

fn routes(web: Web) -> Router {
    let limit = DefaultBodyLimit::max(web.limits.body_bytes);
    Router::new()
        .route("/metaclient/login", post(tokens::login))
        .route("/metaclient/signup", post(tokens::sign_up))
        .route("/metaclient/settings", get(page::show).post(page::change))
        .layer(limit)
        .with_state(web)
}
