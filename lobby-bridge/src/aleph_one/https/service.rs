//! The HTTPS service beside the login daemon: passwords for tokens, so that they need not travel
//! in clear (section 9).
//!
//! ```text
//!  client ──TLS──▶ listener.rs: places, deadlines ──▶ routes below ─▶ Accounts
//!                                                      └─ page.rs: /metaclient/settings
//! ```
//!
//! Tokens are not bound to the salt of a login (section 8.5 leaves that open): other programs
//! that store tokens in the same database know no salts.

mod certificate;
mod form;
mod listener;
mod page;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metaserve::bans::Ban;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{certificate::Certificate, form::Form, page::Pages};
use crate::{
    accounts::{Accounts, Refusal, SignUpError},
    bans::{self, Guard},
    peers::{Entrance, listen},
};

pub use certificate::CertificateError;

/// The name that released versions of Aleph One have built in. They check that a certificate is
/// for it even when players have switched verification off.
pub const HOST: &str = "metaserver.lhowon.org";

/// What the service does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens. Aleph One asks port 443.
    pub listen: SocketAddr,
    /// Who may not come in.
    pub bans: Guard,
    /// Files with the certificate chain and its key, PEM or DER, which are read again when they
    /// change. Without them the service makes a certificate of its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Where its own certificate is kept.
    pub state_dir: PathBuf,
    /// The host names that players' games have built in: its own certificate is for these.
    pub hosts: Vec<String>,
    /// Whether anybody may make an account from within the game.
    pub sign_up: bool,
    /// What peers may take.
    pub limits: Limits,
}

/// What peers may take. A connection costs about 50 kB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections. Default: 256.
    pub connections: usize,
    /// Of them, the most from one address (IPv6: /64). Default: 32.
    pub each_host: usize,
    /// How long the TLS handshake and the head of a request may take. Default: 10 s.
    pub handshake: Duration,
    /// How long a connection may last, whatever it does. Default: 60 s.
    pub connection: Duration,
    /// The longest body of a request. Default: 4 KiB.
    pub body_bytes: usize,
    /// How long a settings page can be used. Default: 10 minutes.
    pub page: Duration,
    /// The most settings pages that can be used at one time; then the oldest is void. Default:
    /// 1,000.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            each_host: 32,
            handshake: Duration::from_secs(10),
            connection: Duration::from_secs(60),
            body_bytes: 4 * 1024,
            page: Duration::from_secs(600),
            pages: 1_000,
        }
    }
}

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be had.
    #[error("cannot listen on {address} for HTTPS")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("the HTTPS service has no certificate")]
    Certificate(#[from] CertificateError),
}

/// The service, listening.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    bans: Guard,
    certificate: Arc<Certificate>,
    web: Web,
}

/// What every handler needs.
#[derive(Clone)]
struct Web {
    accounts: Accounts,
    pages: Arc<Pages>,
    sign_up: bool,
    limits: Limits,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

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
            certificate: Arc::new(certificate),
            web: Web {
                accounts,
                pages: Arc::new(Pages::new(limits.page, limits.pages)),
                sign_up: settings.sign_up,
                limits,
            },
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The fingerprint of the certificate, as it is now.
    #[must_use]
    pub fn fingerprint(&self) -> metaserve::Fingerprint {
        self.certificate.fingerprint()
    }

    /// Serves until `shutdown`; requests that have begun are answered.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let watch = Arc::clone(&self.certificate).watch();
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(watch));
        let Limits {
            connections,
            each_host,
            ..
        } = self.web.limits;
        let listener = listener::Listener {
            listener: self.listener,
            bans: self.bans,
            certificate: self.certificate,
            entrance: Entrance::new("HTTPS (--myth-https-connections)", connections, each_host),
            limits: self.web.limits,
            routes: routes(self.web),
        };
        listener.run(&tasks, &shutdown).await;
        tasks.close();
        tasks.wait().await;
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

fn routes(web: Web) -> Router {
    let limit = DefaultBodyLimit::max(web.limits.body_bytes);
    Router::new()
        .route("/metaclient/login", post(login))
        .route("/metaclient/signup", post(sign_up))
        .route("/metaclient/settings", get(page::show).post(page::change))
        .layer(limit)
        .with_state(web)
}

/// Password for token: exactly its 16 bytes, or nothing.
async fn login(State(web): State<Web>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let form = Form::parse(&body);
    let username = form.text("username").unwrap_or_default();
    let mut refusal = Refusal::Unknown;
    for password in form.texts("password") {
        match web.accounts.issue_token(&username, &password, peer.0).await {
            Ok(token) => {
                tracing::debug!(peer = %peer.0, ?username, "a token was given");
                return plain(StatusCode::OK, token);
            }
            Err(Refusal::WrongPassword) => refusal = Refusal::WrongPassword,
            Err(other) => {
                refusal = other;
                break;
            }
        }
    }
    report(&peer, &username, &refusal);
    let status = match refusal {
        Refusal::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    plain(status, "")
}

/// A new account, if anybody may make one. Anything but `OK` is shown to the player.
async fn sign_up(
    State(web): State<Web>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response {
    if !web.sign_up {
        let why = "Accounts are made by the operator of this server. Please ask there.";
        return plain(StatusCode::FORBIDDEN, why);
    }
    let form = Form::parse(&body);
    let username = form.text("username").unwrap_or_default();
    let password = form.text("password").unwrap_or_default();
    match web.accounts.sign_up(&username, &password, peer.0).await {
        Ok(()) => {
            tracing::info!(peer = %peer.0, username, "signed up");
            plain(StatusCode::OK, "OK")
        }
        Err(SignUpError::Refused(refusal)) => {
            report(&peer, &username, &refusal);
            let (status, why) = told(&refusal);
            plain(status, why)
        }
        Err(error) => plain(StatusCode::FORBIDDEN, format!("Sorry, {error}.")),
    }
}

/// What the operator reads about somebody who was refused.
fn report(peer: &Peer, username: &str, refusal: &Refusal) {
    let username: String = username.chars().take(40).collect();
    match refusal {
        Refusal::Database(error) => {
            let error = error.with_cause();
            tracing::warn!(peer = %peer.0, error, "refused over HTTPS: {refusal}");
        }
        Refusal::BadRecord(_) => {
            tracing::warn!(peer = %peer.0, ?username, "refused over HTTPS: {refusal}");
        }
        _ => tracing::info!(peer = %peer.0, ?username, "refused over HTTPS: {refusal}"),
    }
}

/// What a player is told.
fn told(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::TooManyAttempts => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts. Please come again later.",
        ),
        Refusal::Database(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Accounts are not available at the moment. Please come again later.",
        ),
        _ => (StatusCode::FORBIDDEN, "Sorry, that did not work."),
    }
}

/// What everything is answered with to somebody who is banned.
fn banned(ban: &Ban) -> Response {
    plain(StatusCode::FORBIDDEN, bans::told(ban))
}

/// An answer that is kept by nobody.
fn plain(status: StatusCode, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
