//! The service's certificate: from files, read again when they change, or its own.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use metaserve::{
    Fingerprint, Identity,
    tls::{FileError, server},
};
use tokio_rustls::TlsAcceptor;

/// How often certificate files are looked at, as the daemon does.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read, made or understood.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is too old.
    #[error("the certificate in {path} expired on {}: renew it", humantime::format_rfc3339_seconds(*.end))]
    Expired {
        /// Which file.
        path: PathBuf,
        /// When it ended.
        end: SystemTime,
    },
    /// rustls does not take it.
    #[error("the certificate cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// What new connections are shown.
pub(super) struct Certificate {
    files: Option<(PathBuf, PathBuf)>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    acceptor: TlsAcceptor,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Loads the files, or the service's own certificate, which is made if missing.
    pub(super) fn load(
        files: Option<(PathBuf, PathBuf)>,
        state_dir: &Path,
    ) -> Result<Self, CertificateError> {
        let identity = match &files {
            Some((chain, key)) => from_files(chain, key)?,
            // Apart from the identity that the daemon knows the bridge by.
            None => Identity::load_or_create(&state_dir.join("https"), &own_names())?,
        };
        let current = Mutex::new(Current::new(&identity)?);
        Ok(Self { files, current })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current().acceptor.clone()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.current().fingerprint
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the files again whenever they have changed, until it is dropped. Existing
    /// connections go on as they are.
    pub(super) async fn watch(self: Arc<Self>) {
        let Some((chain, key)) = &self.files else {
            return;
        };
        let look = || [stamp(chain), stamp(key)];
        let mut seen = look();
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            every.tick().await;
            let now = look();
            if now != seen {
                seen = now;
                self.reload(chain, key);
            }
        }
    }

    fn reload(&self, chain: &Path, key: &Path) {
        let loaded = from_files(chain, key).and_then(|it| Current::new(&it));
        match loaded {
            Ok(current) => {
                let fingerprint = current.fingerprint;
                *self.current() = current;
                tracing::info!(%fingerprint, "the HTTPS certificate was reloaded");
            }
            Err(error) => tracing::error!("the old HTTPS certificate stays in use: {error}"),
        }
    }
}

impl Current {
    fn new(identity: &Identity) -> Result<Self, CertificateError> {
        let acceptor = TlsAcceptor::from(Arc::new(server::https_config(identity)?));
        let fingerprint = identity.fingerprint();
        Ok(Self {
            acceptor,
            fingerprint,
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.fingerprint())
            .finish()
    }
}

/// What changes when a file does; none while it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn from_files(chain: &Path, key: &Path) -> Result<Identity, CertificateError> {
    let identity = Identity::load(chain, key)?;
    #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
    let now = SystemTime::now();
    match server::valid_until(&identity) {
        Some(end) if end < now => Err(CertificateError::Expired {
            path: chain.to_owned(),
            end,
        }),
        _ => Ok(identity),
    }
}

/// Names that the service's own certificate is valid for, for those who trust it as a CA file.
fn own_names() -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let names = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .chain((!host.is_empty()).then_some(host));
    names.map(str::to_owned).collect()
}
