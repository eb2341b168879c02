//! Certificates and keys in files: PEM or DER in, PEM out.

use crate::text;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    io,
    path::{Path, PathBuf},
};

/// A file of ours is not there, not readable, or not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// What about it.
    #[source]
    pub problem: FileProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
    /// It holds something else.
    #[error("the file holds no {0}, neither as PEM nor as DER")]
    Holds(&'static str),
    /// It holds other things in PEM.
    #[error("the file holds no {0}, but {1}")]
    HoldsOther(&'static str, String),
    /// Nobody can type the password of a key that a program reads.
    #[error(
        "the private key is encrypted, and nothing can ask for its password: write a plain one \
         with `openssl pkey -in FILE -out NEW`, readable by the program's user only"
    )]
    Encrypted,
    /// The key is in order, but of no kind that works.
    #[error(
        "keys of this kind do not work ({0}): use RSA with 2048 to 4096 bits, ECDSA with P-256 or \
         P-384, or Ed25519, as PKCS#8, SEC1 or PKCS#1"
    )]
    KeyKind(String),
    /// It cannot be written.
    #[error("cannot be written ({0}): choose a directory that this user may write to")]
    Write(io::Error),
    /// Certificate and key are each in order, but not made for each other.
    #[error("the key does not belong to the certificate in {}", .0.display())]
    Mismatch(PathBuf),
    /// It holds what it should in a form that cannot be used.
    #[error("the file cannot be used: {0}")]
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

/// The file, with PEM as its parser expects it: editors of some systems begin it with a mark, or
/// save it as UTF-16.
fn read_pem_or_der(path: &Path) -> Result<Vec<u8>, FileError> {
    let bytes = read(path)?;
    match text::is_marked(&bytes) {
        true => Ok(text::decode(bytes.clone()).map_or(bytes, String::into_bytes)),
        false => Ok(bytes),
    }
}

/// A file that does not hold what it should.
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

/// Who may read a file of ours.
#[cfg(feature = "identity")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    Owner,
    #[cfg(feature = "server")]
    Everybody,
}

/// Writes all of a file or nothing.
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
        // What a run that was killed has left.
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        options.write(true).create_new(true);
        #[cfg(unix)]
        if readers == Readers::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
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

/// The certificates in a file, in its order: any number as PEM, or one as DER.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read_pem_or_der(path)?;
    let certificates = match is_pem(&bytes) {
        true => CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>(),
        false => Ok(vec![CertificateDer::from(bytes.clone())]),
    };
    // Each is parsed, so that a text or a key is not taken for a certificate.
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
    fn certificates_and_keys_are_read_in_every_form_that_people_have_them() {
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
    fn what_holds_something_else_is_refused_and_named() {
        let directory = tempfile::tempdir().unwrap();
        super::super::Identity::load_or_create(directory.path(), &[]).unwrap();
        let [chain, key, other] =
            ["cert.pem", "key.pem", "other"].map(|name| directory.path().join(name));
        let said = |error: FileError| error.problem.to_string();
        assert_eq!(
            said(certificates(&key).unwrap_err()),
            "the file holds no certificate, but PRIVATE KEY"
        );
        assert_eq!(
            said(super::key(&chain).unwrap_err()),
            "the file holds no private key, but CERTIFICATE"
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
            assert!(said.starts_with("the file holds no certificate"), "{said}");
        }
    }
}
