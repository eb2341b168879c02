//! Whom a game trusts to be the daemon.

use super::{FileError, Fingerprint, Identity, files, provider};
use crate::{Role, sentence::debug_as_sentence, transport};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    CertificateError, OtherError, RootCertStore,
    client::{
        WebPkiServerVerifier,
        danger::{ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{fmt, path::Path, sync::Arc};

/// Whom a game trusts to be the daemon, in one line.
///
/// ```
/// use metaserve::Trust;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // The daemon prints its fingerprint when it starts.
/// let trust = Trust::Fingerprint("64 hexadecimal digits".parse()?);
/// // Or: a certificate of your own authority.
/// let trust = Trust::file("authorities.pem".as_ref())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trust {
    /// Trusts the certificates that the operating system trusts, for the daemon's name. For a
    /// daemon with a certificate from a public authority.
    #[cfg(feature = "system-roots")]
    SystemRoots,
    /// Trusts certificates from these authorities, and these certificates themselves, for the
    /// daemon's name.
    Authorities(Vec<CertificateDer<'static>>),
    /// Trusts the one certificate with this fingerprint, whatever its names and dates are. For a
    /// daemon with a self-signed certificate; the daemon prints the fingerprint when it starts.
    Fingerprint(Fingerprint),
    /// Trusts the certificates with these fingerprints, as [`Trust::Fingerprint`] trusts one. For
    /// several daemons of which each has its own, and for the time in which a daemon changes its
    /// certificate. Each is trusted wherever it is shown: daemons that are named together are
    /// trusted alike.
    Fingerprints(Vec<Fingerprint>),
}

/// A trust, or an identity, cannot be used on this machine.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// An authority's certificate cannot serve as one.
    #[error("an authority's certificate cannot be used: {0}")]
    Authority(rustls::Error),
    /// The operating system's roots cannot be read.
    #[error("the system's trusted certificates cannot be used: {0}")]
    SystemRoots(rustls::Error),
    /// The identity's certificate cannot be presented.
    #[error("the identity cannot be used: {0}")]
    Identity(rustls::Error),
}

debug_as_sentence!(TrustError);

impl Trust {
    /// The certificates in a file (PEM or DER), as [`Trust::Authorities`].
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn file(path: &Path) -> Result<Self, FileError> {
        Ok(Self::Authorities(files::certificates(path)?))
    }
}

/// The quinn settings of a connection to the daemon in the given role: trust, the identity of this
/// side if it has one, ALPN, and [`transport::client`].
///
/// # Errors
/// When the trust or the identity cannot be used; see [`TrustError`].
pub fn client_config(
    role: Role,
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<quinn::ClientConfig, TrustError> {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 ciphers");
    let builder = match trust {
        Trust::Authorities(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots
                    .add(authority.clone())
                    .map_err(TrustError::Authority)?;
            }
            let verifier = Vouched::new(authorities, roots).map_err(TrustError::Authority)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Fingerprint(fingerprint) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(vec![*fingerprint]))),
        Trust::Fingerprints(fingerprints) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(fingerprints.clone()))),
        #[cfg(feature = "system-roots")]
        Trust::SystemRoots => {
            let verifier = rustls_platform_verifier::Verifier::new(provider());
            let verifier = verifier.map_err(TrustError::SystemRoots)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let mut tls = match identity {
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(TrustError::Identity)?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![role.alpn().to_vec()];
    let tls = QuicClientConfig::try_from(tls).expect("the provider has QUIC's initial cipher");
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport::client(role)));
    Ok(config)
}

/// Why the peer of a failed handshake was not trusted.
pub(crate) struct Distrust {
    /// In words, with what to do about it.
    pub(crate) reason: String,
    /// Whether it may end without other settings here or another certificate there: clocks are set,
    /// and certificates are renewed.
    pub(crate) heals: bool,
}

/// Why the peer of a failed handshake was not trusted; none when it failed for another reason.
///
/// QUIC hands on no more than the text of rustls' error, with its names around ours.
pub(crate) fn distrust(error: &quinn::ConnectionError) -> Option<Distrust> {
    const HEALS: &str = "according to this machine's clock: check the date here; if it is right, \
                         the daemon's operator has to renew the certificate";
    let quinn::ConnectionError::TransportError(error) = error else {
        return None;
    };
    let reason = error.reason.strip_prefix("invalid peer certificate: ")?;
    let healing = [
        ("certificate expired", "its certificate has expired"),
        ("Expired", "its certificate has expired"),
        (
            "certificate not valid yet",
            "its certificate is not valid yet",
        ),
        ("NotValidYet", "its certificate is not valid yet"),
    ];
    if let Some((_, words)) = healing.iter().find(|(text, _)| reason.starts_with(text)) {
        let reason = format!("{words}, {HEALS}");
        return Some(Distrust {
            reason,
            heals: true,
        });
    }
    let ours = reason.strip_prefix("Other(OtherError(");
    let reason = match ours.and_then(|ours| ours.strip_suffix("))")) {
        Some(ours) => ours.to_owned(),
        None => {
            let trust = "trust a self-signed certificate by its fingerprint (--fingerprint), or \
                         the authority that signed it (--ca)";
            let name = "connect by a name that the certificate has, or trust the certificate by \
                        its fingerprint (--fingerprint)";
            match reason {
                "UnknownIssuer" => {
                    format!("no authority that is trusted here has signed its certificate; {trust}")
                }
                "NotValidForName" => format!("its certificate is for another name; {name}"),
                other if other.starts_with("certificate not valid for name") => {
                    format!("{other}; {name}")
                }
                other => format!("{other}; {trust}"),
            }
        }
    };
    Some(Distrust {
        reason,
        heals: false,
    })
}

/// The daemon shows another certificate than the pinned ones.
#[derive(thiserror::Error)]
#[error(
    "its certificate has the fingerprint {shown}, expected {}; if the certificate was replaced, \
     ask the daemon's operator for the new fingerprint",
    any_of(.expected)
)]
struct WrongFingerprint {
    expected: Vec<Fingerprint>,
    shown: Fingerprint,
}

fn any_of(fingerprints: &[Fingerprint]) -> String {
    let all: Vec<_> = fingerprints.iter().map(ToString::to_string).collect();
    all.join(" or ")
}

/// rustls shows it so.
impl fmt::Debug for WrongFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Accepts what authorities vouch for, and these very certificates. The second differs where one
/// of them is an authority's (`CA:TRUE`), as everything is that `openssl req -x509` makes.
#[derive(Debug)]
struct Vouched {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Vouched {
    fn new(
        certificates: &[CertificateDer<'static>],
        roots: RootCertStore,
    ) -> Result<Self, rustls::Error> {
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let authorities = authorities.map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(Self {
            authorities,
            certificates: certificates.to_vec(),
        })
    }
}

impl ServerCertVerifier for Vouched {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match &verified {
            // Its dates were looked at before, its name was not.
            Err(error) if is_authority(error) && self.certificates.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            _ => verified,
        }
    }

    verify_signatures!();
}

/// Whether a certificate was refused only because it is an authority's.
fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Accepts the certificates with known fingerprints. The signature over the handshake is verified
/// as usual; name, dates and issuer add nothing to a certificate that is known itself.
#[derive(Debug)]
struct Pinned(Vec<Fingerprint>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if self.0.contains(&shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let expected = self.0.clone();
        let wrong = WrongFingerprint { expected, shown };
        Err(CertificateError::Other(OtherError(Arc::new(wrong))).into())
    }

    verify_signatures!();
}

#[cfg(all(test, feature = "identity"))]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::Error::InvalidCertificate;
    use std::time::Duration;

    /// A self-signed certificate for `localhost`.
    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut parameters = CertificateParams::new(vec!["localhost".into()]).expect("a name");
        change(&mut parameters);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        certificate.der().clone()
    }

    fn authority(parameters: &mut CertificateParams) {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }

    fn verify(
        verifier: &dyn ServerCertVerifier,
        shown: &CertificateDer<'_>,
        name: &str,
    ) -> Result<(), rustls::Error> {
        let name = ServerName::try_from(name).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        let verified = verifier.verify_server_cert(shown, &[], &name, &[], now);
        verified.map(drop)
    }

    /// What `openssl req -x509` makes is an authority's, and was refused as a server's own.
    #[test]
    fn the_very_certificate_of_a_ca_file_is_accepted_for_its_names_and_dates() {
        let own = certificate(authority);
        let over = certificate(|it| {
            authority(it);
            it.not_after = date_time_ymd(2020, 1, 1);
        });
        let listed = [own.clone(), over.clone()];
        let mut roots = RootCertStore::empty();
        listed.iter().for_each(|it| roots.add(it.clone()).unwrap());
        let verifier = Vouched::new(&listed, roots).unwrap();
        assert_eq!(verify(&verifier, &own, "localhost"), Ok(()));
        for (shown, name) in [
            (&own, "example.org"),
            (&over, "localhost"),
            (&certificate(authority), "localhost"),
            (&certificate(|_| {}), "localhost"),
        ] {
            let refused = verify(&verifier, shown, name);
            assert!(matches!(refused, Err(InvalidCertificate(_))), "{refused:?}");
        }
    }

    #[test]
    fn a_pinned_certificate_is_accepted_under_any_name_and_no_other_is() {
        let [own, second, other] = [(); 3].map(|()| certificate(|_| {}));
        let verifier = Pinned([&own, &second].map(|it| Fingerprint::of(it)).to_vec());
        assert_eq!(verify(&verifier, &own, "example.org"), Ok(()));
        assert_eq!(verify(&verifier, &second, "example.org"), Ok(()));
        let refused = verify(&verifier, &other, "localhost").unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains(&Fingerprint::of(&other).to_string()),
            "{said}"
        );
    }
}
