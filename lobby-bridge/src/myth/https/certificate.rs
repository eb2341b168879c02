//! The service's certificate: from files, read again when they change, or its own.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use metaserve::{
    Fingerprint, Identity, files,
    tls::{
        FileError,
        certificate::{self, Validity},
        server,
    },
};
use tokio_rustls::TlsAcceptor;

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
    /// Loads the files, or the service's own certificate, which is made if missing, and made again
    /// if it is not for all `hosts`.
    pub(super) fn load(
        files: Option<(PathBuf, PathBuf)>,
        state_dir: &Path,
        hosts: &[String],
    ) -> Result<Self, CertificateError> {
        let identity = match &files {
            Some((chain, key)) => from_files(chain, key)?,
            // Apart from the identity that the daemon knows the bridge by.
            None => own(&state_dir.join("https"), hosts)?,
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
        let pair = self.files.iter();
        let paths = pair.flat_map(|(chain, key)| [chain.clone(), key.clone()]);
        files::watch(paths.collect(), async move || self.reload()).await;
    }

    fn reload(&self) {
        let Some((chain, key)) = &self.files else {
            return;
        };
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

/// The service's own certificate.
fn own(directory: &Path, hosts: &[String]) -> Result<Identity, CertificateError> {
    let names = [server::own_names(), hosts.to_vec()].concat();
    let identity = Identity::load_or_create(directory, &names)?;
    let certificate = certificate::Certificate::of_identity(&identity);
    let named = certificate.map_or_else(Vec::new, |certificate| certificate.names);
    let is_named = |host: &&String| named.iter().any(|name| name.eq_ignore_ascii_case(host));
    let Some(missing) = hosts.iter().find(|host| !is_named(host)) else {
        return Ok(identity);
    };
    tracing::warn!(
        host = missing,
        directory = %directory.display(),
        "the HTTPS certificate is made again: it was not for this host name"
    );
    let [chain, key] = ["cert.pem", "key.pem"].map(|file| directory.join(file));
    Ok(Identity::create(&chain, &key, &names, Validity::Always)?)
}

fn from_files(chain: &Path, key: &Path) -> Result<Identity, CertificateError> {
    let identity = Identity::load(chain, key)?;
    #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
    let now = SystemTime::now();
    let certificate = certificate::Certificate::of_identity(&identity);
    match certificate.and_then(|certificate| certificate.valid_until) {
        Some(end) if end < now => Err(CertificateError::Expired {
            path: chain.to_owned(),
            end,
        }),
        _ => Ok(identity),
    }
}
