//! A certificate chain with its private key.

#[cfg(feature = "identity")]
use super::files::Readers;
#[cfg(feature = "server")]
use super::validity::Validity;
use super::{FileError, Fingerprint, files, files::FileProblem, provider};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};
#[cfg(feature = "server")]
use std::time::SystemTime;
use std::{path::Path, sync::Arc};

/// A certificate chain with its private key: the identity of a daemon, a relay or a game server.
///
/// A game server with an identity keeps its entry in the list: after a quick restart it replaces
/// the old entry instead of adding another, its IPv4 and IPv6 connections share one entry, and
/// nobody without the key can take the entry over. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "identity")]
/// # fn example() -> Result<(), metaserve::tls::FileError> {
/// use metaserve::Identity;
///
/// // Made on the first call, read from the directory on later ones.
/// let identity = Identity::load_or_create("server-identity".as_ref(), &[])?;
/// println!("listed as {}", identity.fingerprint());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Loads the certificate chain and the key from two files, PEM or DER.
    ///
    /// # Errors
    /// When a file cannot be read or contains something else, or the key belongs to another
    /// certificate.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, FileError> {
        let identity = Self {
            chain: files::certificates(chain)?,
            key: Arc::new(files::key(key)?),
        };
        let mismatch = || FileProblem::Mismatch(chain.to_owned()).at(key);
        match identity.certified_key() {
            Ok(_) => Ok(identity),
            Err(rustls::Error::InconsistentKeys(_)) => Err(mismatch()),
            Err(other) => Err(FileProblem::KeyKind(other.to_string()).at(key)),
        }
    }

    /// Loads the identity kept in `directory` (`cert.pem` and `key.pem`, readable only by their
    /// owner). If there is none, creates the directory and a self-signed identity.
    ///
    /// `names` are the host names and IP addresses that a new certificate is valid for. They
    /// matter to peers that trust it as a CA file, not to those that pin its fingerprint.
    ///
    /// # Errors
    /// When a file cannot be read or written, or contains something else. A partial or damaged
    /// identity is never overwritten.
    #[cfg(feature = "identity")]
    pub fn load_or_create(directory: &Path, names: &[String]) -> Result<Self, FileError> {
        let [chain, key] = [directory.join("cert.pem"), directory.join("key.pem")];
        let missing = |path: &Path| {
            let metadata = std::fs::symlink_metadata(path);
            metadata.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        if missing(&chain) && missing(&key) {
            let parameters = rcgen::CertificateParams::new(names);
            return Self::make(&chain, &key, parameters, Readers::Owner);
        }
        Self::load(&chain, &key)
    }

    /// Creates a self-signed identity for `names` (host names and IP addresses), and writes its
    /// certificate, readable by everybody, and its key, readable only by its owner. Replaces both
    /// files.
    ///
    /// # Errors
    /// When a name is not valid, a certificate cannot have these dates, or a file cannot be
    /// written.
    #[cfg(feature = "server")]
    pub fn create(
        chain: &Path,
        key: &Path,
        names: &[String],
        validity: Validity,
    ) -> Result<Self, FileError> {
        let no_name =
            |name: &&String| rustls::pki_types::ServerName::try_from(name.as_str()).is_err();
        if let Some(name) = names.iter().find(no_name) {
            let problem = format!("{name:?} is neither a host name nor an IP address");
            return Err(FileProblem::Unusable(problem).at(chain));
        }
        let mut parameters = rcgen::CertificateParams::new(names);
        if let (Ok(parameters), Validity::Between { begin, end }) = (&mut parameters, validity) {
            let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH);
            let [begin, end] = [begin, end].map(|time| since_1970(time).unwrap_or_default());
            parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + begin;
            parameters.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
        }
        Self::make(chain, key, parameters, Readers::Everybody)
    }

    #[cfg(feature = "identity")]
    fn make(
        chain: &Path,
        key: &Path,
        parameters: Result<rcgen::CertificateParams, rcgen::Error>,
        readers: Readers,
    ) -> Result<Self, FileError> {
        let make = || {
            let signing_key = rcgen::KeyPair::generate()?;
            let certificate = parameters?.self_signed(&signing_key)?;
            Ok((certificate, signing_key))
        };
        let (certificate, signing_key) = make()
            .map_err(|error: rcgen::Error| FileProblem::Unusable(error.to_string()).at(chain))?;
        files::write(key, signing_key.serialize_pem().as_bytes(), Readers::Owner)?;
        files::write(chain, certificate.pem().as_bytes(), readers)?;
        Self::load(chain, key)
    }

    /// The fingerprint of the certificate: others pin it, and it names the server in the list.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    /// The first certificate of the chain, in DER.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// Chain and key in rustls' form. Fails when they do not belong together.
    pub(crate) fn certified_key(&self) -> Result<CertifiedKey, rustls::Error> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &provider())
    }
}

#[cfg(all(test, feature = "identity"))]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_created_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let new = directory.path().join("new");
        let made = Identity::load_or_create(&new, &["localhost".into()]).unwrap();
        let kept = Identity::load_or_create(&new, &[]).unwrap();
        assert_eq!(made.fingerprint(), kept.fingerprint());
    }

    #[test]
    #[cfg(unix)]
    fn only_its_owner_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        Identity::load_or_create(directory.path(), &[]).unwrap();
        let metadata = std::fs::metadata(directory.path().join("key.pem")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        Identity::load_or_create(one.path(), &[]).unwrap();
        Identity::load_or_create(two.path(), &[]).unwrap();
        let error =
            Identity::load(&one.path().join("cert.pem"), &two.path().join("key.pem")).unwrap_err();
        assert!(
            matches!(error.problem, FileProblem::Mismatch(_)),
            "{error:?}"
        );
    }

    #[test]
    fn a_partial_identity_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("key.pem"), "mine").unwrap();
        assert!(Identity::load_or_create(directory.path(), &[]).is_err());
        assert_eq!(
            std::fs::read(directory.path().join("key.pem")).unwrap(),
            b"mine"
        );
    }
}
