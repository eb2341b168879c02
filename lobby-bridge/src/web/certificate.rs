//! The certificate of a listener: from files, which are read again when they change, or its own.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use metaserve::{
    Fingerprint, Identity,
    tls::{
        self, CertificateFiles, FileError,
        certificate::{self, Validity},
        server,
    },
};
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read, written or parsed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The files contain no certificate that is valid now.
    #[error(transparent)]
    Files(#[from] tls::CertificateError),
    /// rustls does not accept it.
    #[error("cannot use the certificate")]
    Unusable(#[from] rustls::Error),
}

/// The certificate that new connections are shown.
pub(crate) struct Certificate {
    files: Option<CertificateFiles>,
    /// The host names that games have built in.
    hosts: Vec<String>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    acceptor: TlsAcceptor,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Loads the files, or else the service's own certificate. That is made if it is missing, and
    /// made again if it does not cover all `hosts`.
    pub(crate) fn load(
        files: Option<(PathBuf, PathBuf)>,
        state_dir: &Path,
        hosts: &[String],
    ) -> Result<Self, CertificateError> {
        let files = files.map(|(chain, key)| CertificateFiles::new(chain, key));
        let identity = match &files {
            Some(files) => from_files(files, hosts)?,
            // It is separate from the identity by which the daemon knows the bridge.
            None => own(&state_dir.join("https"), hosts)?,
        };
        let current = Mutex::new(Current::new(&identity)?);
        let hosts = hosts.to_vec();
        Ok(Self {
            files,
            hosts,
            current,
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.current().acceptor.clone()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.current().fingerprint
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the files again whenever they change, or when a certificate in them becomes valid,
    /// until the future is dropped. Existing connections go on as they are.
    pub(crate) async fn watch(self: Arc<Self>) {
        match &self.files {
            Some(files) => files.watch(|| self.reload()).await,
            None => std::future::pending().await,
        }
    }

    fn reload(&self) {
        let Some(files) = &self.files else {
            return;
        };
        let loaded = from_files(files, &self.hosts).and_then(|it| Current::new(&it));
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

/// Returns the service's own certificate.
fn own(directory: &Path, hosts: &[String]) -> Result<Identity, CertificateError> {
    let names = [server::own_names(), hosts.to_vec()].concat();
    let identity = Identity::load_or_create(directory, &names)?;
    let Some(missing) = not_named(&identity, hosts) else {
        return Ok(identity);
    };
    tracing::warn!(
        host = missing,
        directory = %directory.display(),
        "making a new HTTPS certificate: the old one does not cover this host name"
    );
    let [chain, key] = own_files(directory);
    Ok(Identity::create(&chain, &key, &names, Validity::Always)?)
}

/// Returns the paths of the chain and the key of the service's own certificate.
fn own_files(directory: &Path) -> [PathBuf; 2] {
    ["cert.pem", "key.pem"].map(|file| directory.join(file))
}

/// Describes the certificate that would be used, in lines for the operator. Makes and changes
/// nothing.
///
/// # Errors
/// It cannot be used.
pub fn described(
    files: Option<&(PathBuf, PathBuf)>,
    state_dir: &Path,
    hosts: &[String],
) -> Result<String, CertificateError> {
    let [own_chain, own_key] = own_files(&state_dir.join("https"));
    let missing = |path: &Path| matches!(path.try_exists(), Ok(false));
    let (chain, identity) = match files {
        Some((chain, key)) => (
            chain,
            loaded(&CertificateFiles::new(chain.into(), key.into()))?,
        ),
        None if missing(&own_chain) && missing(&own_key) => {
            return Ok(
                "HTTPS certificate: its own, which will be made at the first start\n".to_owned(),
            );
        }
        None => (&own_chain, Identity::load(&own_chain, &own_key)?),
    };
    Current::new(&identity)?;
    let mut text = format!("HTTPS certificate: {}\n", chain.display());
    if let Some(certificate) = certificate::Certificate::of_identity(&identity) {
        let names = certificate.names.join(", ");
        text += &format!("  fingerprint (SHA-256): {}\n", identity.fingerprint());
        text += &format!("  names: {names}\n");
        for remark in certificate.remarks().iter().filter(|_| files.is_some()) {
            text += &format!("  note: {remark}\n");
        }
    }
    if let Some(host) = not_named(&identity, hosts) {
        text += &match files {
            Some(_) => format!(
                "  note: it does not cover {host}: games with this host name built in refuse it, and \
                their players cannot log in to accounts\n"
            ),
            None => format!(
                "  note: it does not cover {host}, and will be made again at the next start\n"
            ),
        };
    }
    Ok(text)
}

/// Returns the first of `hosts` that the certificate does not cover.
fn not_named<'a>(identity: &Identity, hosts: &'a [String]) -> Option<&'a String> {
    let certificate = certificate::Certificate::of_identity(identity);
    let names = certificate.map_or_else(Vec::new, |it| it.names);
    let is_for = |host: &str| names.iter().any(|name| covers(name, host));
    hosts.iter().find(|host| !is_for(host))
}

/// Whether a certificate for `name` covers `host`. A `*` stands for the first label.
fn covers(name: &str, host: &str) -> bool {
    let below = name.strip_prefix("*.").zip(host.split_once('.'));
    let below = below.is_some_and(|(name, (_, host))| name.eq_ignore_ascii_case(host));
    below || name.eq_ignore_ascii_case(host)
}

/// Loads the certificate in the files, if it is valid now.
fn loaded(files: &CertificateFiles) -> Result<Identity, CertificateError> {
    #[expect(clippy::disallowed_methods, reason = "the edge that brings the time")]
    let now = SystemTime::now();
    Ok(files.load(now)?)
}

/// Loads the certificate in the files, if it is valid now. Logs reasons for which peers will refuse
/// it.
fn from_files(files: &CertificateFiles, hosts: &[String]) -> Result<Identity, CertificateError> {
    let identity = loaded(files)?;
    let certificate = certificate::Certificate::of_identity(&identity);
    for remark in certificate.iter().flat_map(|it| it.remarks()) {
        tracing::warn!(
            "the HTTPS certificate in {}: {remark}",
            files.chain().display()
        );
    }
    if let Some(host) = not_named(&identity, hosts) {
        tracing::warn!(
            "the HTTPS certificate in {} does not cover {host}: games with this host name built in \
            refuse it, and their players cannot log in to accounts",
            files.chain().display()
        );
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_covers_its_names_and_wildcards() {
        let table = [
            ("games.example.org", "games.example.org", true),
            ("Games.Example.org", "games.example.org", true),
            ("*.example.org", "games.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.games.example.org", false),
            ("example.org", "games.example.org", false),
            ("*", "org", false),
        ];
        for (name, host, is_for) in table {
            assert_eq!(covers(name, host), is_for, "{name} for {host}");
        }
    }
}
