//! Certificates and keys in files: read as PEM or DER, written as PEM.

use crate::{sentence::debug_as_sentence, text};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    io,
    path::{Path, PathBuf},
};

/// One of our files does not exist, cannot be read, or has the wrong content.
#[derive(thiserror::Error)]
#[error("{}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: FileProblem,
}

debug_as_sentence!(FileError);

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Read(io::Error),
    /// It contains something else.
    #[error("the file contains no {0}, neither as PEM nor as DER")]
    Holds(&'static str),
    /// It contains other things in PEM.
    #[error("the file contains no {0}, but {1}")]
    HoldsOther(&'static str, String),
    /// The key is encrypted, and a service has no way to ask for its password.
    #[error(
        "the private key is encrypted, and a service cannot ask for its password: write a plain one \
         with `openssl pkey -in FILE -out NEW`, readable only by the program's user"
    )]
    Encrypted,
    /// The key is valid, but of an unsupported kind.
    #[error(
        "keys of this kind are not supported ({0}): use RSA with 2048 to 4096 bits, ECDSA with P-256 or \
         P-384, or Ed25519, as PKCS#8, SEC1 or PKCS#1"
    )]
    KeyKind(String),
    /// It cannot be written.
    #[error("cannot be written ({0}): choose a directory that this user may write to")]
    Write(io::Error),
    /// Certificate and key are valid, but do not belong together.
    #[error("the key does not belong to the certificate in {}", .0.display())]
    Mismatch(PathBuf),
    /// It has the right content in a form that cannot be used.
    #[error("cannot use the file: {0}")]
    Unusable(String),
}

impl FileProblem {
    pub(crate) fn at(self, path: &Path) -> FileError {
        FileError {
            path: path.to_owned(),
            problem: self,
        }
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|error| FileProblem::Read(error).at(path))
}

/// Reads the file as the PEM parser expects it: the editors of some systems begin files with a
/// byte-order mark, or save them as UTF-16.
fn read_pem_or_der(path: &Path) -> Result<Vec<u8>, FileError> {
    let bytes = read(path)?;
    match text::is_marked(&bytes) {
        true => Ok(text::decode(bytes.clone()).map_or(bytes, String::into_bytes)),
        false => Ok(bytes),
    }
}

/// The problem of a file with other content.
fn holds_no(wanted: &'static str, bytes: &[u8]) -> FileProblem {
    let text = String::from_utf8_lossy(bytes);
    let labels = text.lines().filter_map(|line| {
        let label = line.trim().strip_prefix("-----BEGIN ")?;
        label.strip_suffix("-----")
    });
    let mut labels: Vec<_> = labels.map(crate::printable).collect();
    labels.sort();
    labels.dedup();
    labels.truncate(5);
    match labels.is_empty() {
        true => FileProblem::Holds(wanted),
        false => FileProblem::HoldsOther(wanted, labels.join(", ")),
    }
}

/// The users that may read one of our files.
#[cfg(feature = "identity")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    Owner,
    #[cfg(feature = "server")]
    Everybody,
}

/// Writes a file atomically.
#[cfg(feature = "identity")]
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), FileError> {
    use std::io::Write;
    let write = || {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(format!(".{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        // A run that was killed may have left this file.
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        options.write(true).create_new(true);
        #[cfg(unix)]
        if readers == Readers::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = readers; // Elsewhere, the directory's permissions apply.
        let mut file = options.open(&unfinished)?;
        crate::files::give_to_owner_of_directory(&file, path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|error| FileProblem::Write(error).at(path))
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

/// The certificates in a file, in order: any number as PEM, or one as DER.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read_pem_or_der(path)?;
    let certificates = match is_pem(&bytes) {
        true => CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>(),
        false => Ok(vec![CertificateDer::from(bytes.clone())]),
    };
    // Each is parsed, so that other text or a key is not mistaken for a certificate.
    let parse = |der| rustls::server::ParsedCertificate::try_from(der).is_ok();
    match certificates {
        Ok(all) if !all.is_empty() && all.iter().all(parse) => Ok(all),
        _ => Err(holds_no("certificate", &bytes).at(path)),
    }
}

/// The private key in a file: the first one as PEM (PKCS#8, PKCS#1 or SEC1), or one as DER.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read_pem_or_der(path)?;
    let encrypted = [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "Proc-Type: 4,ENCRYPTED",
    ];
    let has = |mark: &&str| bytes.windows(mark.len()).any(|it| it == mark.as_bytes());
    if encrypted.iter().any(has) {
        return Err(FileProblem::Encrypted.at(path));
    }
    let key = match is_pem(&bytes) {
        true => PrivateKeyDer::from_pem_slice(&bytes).ok(),
        false => PrivateKeyDer::try_from(bytes.clone()).ok(),
    };
    key.ok_or_else(|| holds_no("private key", &bytes).at(path))
}

#[cfg(all(test, feature = "identity"))]
mod tests {
    use super::*;

    #[test]
    fn certificates_and_keys_are_read_in_every_common_form() {
        let directory = tempfile::tempdir().unwrap();
        super::super::Identity::load_or_create(directory.path(), &[]).unwrap();
        let [chain, key, other] =
            ["cert.pem", "key.pem", "other"].map(|name| directory.path().join(name));
        let certificate = certificates(&chain).unwrap().remove(0);
        let secret = super::key(&key).unwrap();
        let put = |bytes: &[u8]| std::fs::write(&other, bytes).unwrap();
        put(&certificate);
        assert_eq!(
            certificates(&other).unwrap(),
            std::slice::from_ref(&certificate)
        );
        put(secret.secret_der());
        assert_eq!(super::key(&other).unwrap(), secret);
        let pem = std::fs::read_to_string(&chain).unwrap();
        let units = format!("\u{feff}{pem}");
        let utf16: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for marked in [units.as_bytes(), &utf16] {
            put(marked);
            assert_eq!(
                certificates(&other).unwrap(),
                std::slice::from_ref(&certificate)
            );
        }
        put(pem.repeat(2).as_bytes());
        assert_eq!(certificates(&other).unwrap().len(), 2);
    }

    #[test]
    fn a_file_with_other_content_is_refused_and_its_content_named() {
        let directory = tempfile::tempdir().unwrap();
        super::super::Identity::load_or_create(directory.path(), &[]).unwrap();
        let [chain, key, other] =
            ["cert.pem", "key.pem", "other"].map(|name| directory.path().join(name));
        let said = |error: FileError| error.problem.to_string();
        assert_eq!(
            said(certificates(&key).unwrap_err()),
            "the file contains no certificate, but PRIVATE KEY"
        );
        assert_eq!(
            said(super::key(&chain).unwrap_err()),
            "the file contains no private key, but CERTIFICATE"
        );
        let label = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        let no_certificate = [
            String::new(),
            "a text".into(),
            label("CERTIFICATE"),
            std::fs::read_to_string(&chain).unwrap() + &label("CERTIFICATE"),
        ];
        for text in no_certificate {
            std::fs::write(&other, &text).unwrap();
            let said = said(certificates(&other).unwrap_err());
            assert!(
                said.starts_with("the file contains no certificate"),
                "{said}"
            );
        }
    }
}
