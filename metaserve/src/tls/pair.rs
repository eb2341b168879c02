//! A certificate and its key in files that may be replaced while a program runs.

use super::{FileError, Identity, certificate::Certificate};
use crate::{
    files::{Look, looks},
    time::wall_clock,
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// A certificate chain and its key in two files, PEM or DER, which may be replaced at any time.
#[derive(Debug)]
pub struct CertificateFiles {
    chain: PathBuf,
    key: PathBuf,
    found: Mutex<Found>,
}

/// The state of the files when they were last read.
#[derive(Debug, Default)]
struct Found {
    look: Option<Look>,
    /// When the certificate becomes valid, if it is not valid yet.
    begins: Option<SystemTime>,
}

/// Why a certificate cannot be used now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read or parsed, or the two do not belong together.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate has expired.
    #[error(
        "the certificate in {} expired on {}: renew it, then try again",
        path.display(),
        humantime::format_rfc3339_seconds(*end)
    )]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it expired.
        end: SystemTime,
    },
    /// The certificate is not valid yet.
    #[error(
        "the certificate in {} is not valid before {}: provide one that is valid now, or set this \
         machine's clock if that is wrong",
        path.display(),
        humantime::format_rfc3339_seconds(*begin)
    )]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it becomes valid.
        begin: SystemTime,
    },
}

impl CertificateFiles {
    /// Names the two files. Neither is read yet.
    #[must_use]
    pub fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self {
            chain,
            key,
            found: Mutex::default(),
        }
    }

    /// The file of the chain.
    #[must_use]
    pub fn chain(&self) -> &Path {
        &self.chain
    }

    /// Loads the files, if the certificate is valid at this time.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn load(&self, now: SystemTime) -> Result<Identity, CertificateError> {
        let look = self.look();
        let loaded = Identity::load(&self.chain, &self.key).map_err(CertificateError::from);
        let loaded = loaded.and_then(|identity| {
            valid(&self.chain, &identity, now)?;
            Ok(identity)
        });
        let begins = match &loaded {
            Err(CertificateError::NotYetValid { begin, .. }) => Some(*begin),
            _ => None,
        };
        let look = Some(look);
        *self.found() = Found { look, begins };
        loaded
    }

    /// Calls `changed` whenever the files differ from those that were last [loaded](Self::load),
    /// and when a certificate that was refused because it was not valid yet becomes valid.
    /// `changed` must load the files. Never returns.
    ///
    /// Cancel-safe: no change is missed, since watching continues from what was last loaded.
    pub async fn watch(&self, mut changed: impl FnMut()) {
        let mut looks = looks();
        loop {
            looks.tick().await;
            if self.has_changed() || self.is_due(wall_clock()) {
                changed();
            }
        }
    }

    fn has_changed(&self) -> bool {
        self.found().look != Some(self.look())
    }

    fn is_due(&self, now: SystemTime) -> bool {
        self.found().begins.is_some_and(|begin| begin <= now)
    }

    fn look(&self) -> Look {
        Look::new(vec![self.chain.clone(), self.key.clone()])
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the dates of a certificate. One whose dates cannot be read is accepted.
fn valid(chain: &Path, identity: &Identity, now: SystemTime) -> Result<(), CertificateError> {
    let Some(certificate) = Certificate::of_identity(identity) else {
        return Ok(());
    };
    let path = chain.to_owned();
    match (certificate.valid_from, certificate.valid_until) {
        (_, Some(end)) if end < now => Err(CertificateError::Expired { path, end }),
        (Some(begin), _) if begin > now => Err(CertificateError::NotYetValid { path, begin }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::Validity;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_certificate_is_accepted_only_between_its_dates() {
        let directory = tempfile::tempdir().unwrap();
        let [chain, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
        let begin = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let validity = Validity::from(begin, DAY);
        Identity::create(&chain, &key, &["localhost".into()], validity).unwrap();
        let files = CertificateFiles::new(chain, key);

        let early = files.load(begin - DAY).unwrap_err();
        assert!(matches!(early, CertificateError::NotYetValid { begin: it, .. } if it == begin));
        assert!(
            early
                .to_string()
                .contains("not valid before 2024-10-04T00:00:00Z"),
            "{early}"
        );
        // Its validity is awaited without a change of the files.
        assert!(!files.is_due(begin - DAY));
        assert!(files.is_due(begin));
        files.load(begin).unwrap();
        assert!(!files.is_due(begin));

        assert!(!files.has_changed());
        let other = Validity::from(begin, DAY);
        Identity::create(&files.chain, &files.key, &["other".into()], other).unwrap();
        assert!(
            files.has_changed(),
            "a change counts even before the files are watched"
        );

        files.load(begin + DAY).unwrap();
        let late = files.load(begin + DAY * 2).unwrap_err();
        assert!(matches!(late, CertificateError::Expired { .. }), "{late}");
        assert!(!files.is_due(begin + DAY * 2));
    }
}
