//! The content of a certificate.

pub use super::validity::Validity;

use super::{FileError, Fingerprint, Identity, files, files::FileProblem};
use rustls::pki_types::CertificateDer;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::{Duration, SystemTime},
};
use x509_parser::{extensions::GeneralName, time::ASN1Time};

/// The content of a certificate, for people. None of it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The host names and IP addresses that it is valid for.
    pub names: Vec<String>,
    /// When it becomes valid; `None` if that is before 1970 or cannot be read.
    pub valid_from: Option<SystemTime>,
    /// When it expires; `None` if that cannot be read.
    pub valid_until: Option<SystemTime>,
    /// Whether it claims to be the certificate of an authority (`CA:TRUE`).
    pub is_authority: bool,
}

impl Certificate {
    /// The certificates in a file (PEM or DER), in order: a daemon's own is the first.
    ///
    /// # Errors
    /// When the file cannot be read, or contains no certificate.
    pub fn read(path: &Path) -> Result<Vec<Self>, FileError> {
        let chain = files::certificates(path)?;
        let described = chain.iter().map(Self::of).collect::<Option<_>>();
        described.ok_or_else(|| FileProblem::Holds("certificate").at(path))
    }

    /// The content of the certificate of an identity; `None` if it cannot be read.
    #[must_use]
    pub fn of_identity(identity: &Identity) -> Option<Self> {
        Self::of(identity.certificate())
    }

    /// The reasons why peers may refuse it, in sentences for its operator.
    #[must_use]
    pub fn remarks(&self) -> Vec<&'static str> {
        let unnamed = "it names no host (no subjectAltName): only peers that pin its fingerprint \
                       accept it";
        let authority = "it is the certificate of an authority (CA:TRUE, as `openssl req -x509` makes it): \
                         peers accept it only by its fingerprint, or when their --ca file contains \
                         this very certificate";
        let remarks = [
            self.names.is_empty().then_some(unnamed),
            self.is_authority.then_some(authority),
        ];
        remarks.into_iter().flatten().collect()
    }

    fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
        let alternatives = parsed.subject_alternative_name().ok().flatten();
        let names = alternatives.map_or_else(Vec::new, |names| {
            names.value.general_names.iter().filter_map(name).collect()
        });
        let validity = parsed.validity();
        Some(Self {
            fingerprint: Fingerprint::of(der),
            names,
            valid_from: time(validity.not_before),
            valid_until: time(validity.not_after),
            is_authority: parsed.is_ca(),
        })
    }
}

/// A name that peers can connect to; other kinds are ignored.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
            let v6 = || <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).into());
            v4.or_else(|_| v6()).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

fn time(time: ASN1Time) -> Option<SystemTime> {
    let since_epoch = Duration::from_secs(u64::try_from(time.timestamp()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType};

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        Certificate::of(parameters.self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn only_names_that_peers_can_connect_to_are_listed() {
        let named = certificate(|it| {
            it.subject_alt_names = vec![
                SanType::DnsName("example.org".try_into().unwrap()),
                SanType::Rfc822Name("somebody@example.org".try_into().unwrap()),
                SanType::IpAddress([192, 0, 2, 1].into()),
                SanType::IpAddress("2001:db8::1".parse().unwrap()),
            ];
        });
        assert_eq!(named.names, ["example.org", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(named.remarks(), [""; 0]);
    }

    #[test]
    fn the_reasons_for_peers_to_refuse_a_certificate_are_named() {
        let remarks = certificate(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        let [unnamed, authority] = remarks.remarks()[..] else {
            panic!("{remarks:?}");
        };
        assert!(unnamed.contains("names no host"), "{unnamed}");
        assert!(authority.contains("CA:TRUE"), "{authority}");
    }

    #[test]
    fn a_file_is_described_from_its_first_certificate_to_its_last() {
        let directory = tempfile::tempdir().unwrap();
        let [chain, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
        let mut pem = String::new();
        let mut expected = Vec::new();
        for name in ["one", "two"] {
            let identity =
                Identity::create(&chain, &key, &[name.into()], Validity::Always).unwrap();
            pem += &std::fs::read_to_string(&chain).unwrap();
            expected.push(Certificate::of_identity(&identity).unwrap());
        }
        std::fs::write(&chain, pem).unwrap();
        assert_eq!(Certificate::read(&chain).unwrap(), expected);
        assert_eq!(expected[1].names, ["two"]);
    }
}
