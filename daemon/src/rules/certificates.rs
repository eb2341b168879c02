//! The daemon's certificate: from files, or its own; read again without dropping anybody.

use crate::settings::Settings;
use anyhow::Context;
use metaserve::{
    Fingerprint, Identity, Limits,
    time::wall_clock,
    tls::{CertificateFiles, certificate::Certificate, secret::Secret, server},
    transport,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// The certificate that new connections are shown, and where it comes from.
pub(crate) struct Certificates {
    source: Source,
    secret: Arc<Secret>,
    segmentation_offload: bool,
    current: Mutex<Identity>,
}

enum Source {
    Files(CertificateFiles),
    Own,
}

impl Certificates {
    /// Loads the configured files, or the daemon's own certificate, which is made if missing.
    pub(crate) fn load(settings: &Settings) -> anyhow::Result<Self> {
        let state_dir = &settings.state_dir;
        let source = match settings.certificate() {
            Some((chain, key)) => Source::Files(CertificateFiles::new(chain.into(), key.into())),
            None => Source::Own,
        };
        let identity = match &source {
            Source::Files(files) => load(files)?,
            Source::Own => {
                Identity::load_or_create(state_dir, &server::own_names()).with_context(|| {
                    format!(
                        "the daemon's own certificate in {} cannot be used: choose another \
                     directory with --state-dir, or bring a certificate with --cert and --key",
                        state_dir.display()
                    )
                })?
            }
        };
        let secret = Secret::load_or_create(state_dir).with_context(|| {
            format!(
                "the state directory {} cannot be used: choose one with --state-dir",
                state_dir.display()
            )
        })?;
        Ok(Self {
            source,
            secret,
            segmentation_offload: settings.segmentation_offload,
            current: Mutex::new(identity),
        })
    }

    fn current(&self) -> MutexGuard<'_, Identity> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> Identity {
        self.current().clone()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.identity().fingerprint()
    }

    /// When the certificate ends to be valid; none when that is not readable.
    pub(crate) fn valid_until(&self) -> Option<SystemTime> {
        valid_until(&self.identity())
    }

    /// The settings of the endpoint itself.
    pub(crate) fn endpoint_config(&self) -> quinn::EndpointConfig {
        self.secret.endpoint_config()
    }

    /// The settings for new connections, with the current certificate.
    pub(crate) fn server_config(&self, limits: &Limits) -> quinn::ServerConfig {
        self.config(&self.identity(), limits)
    }

    /// Gives `set` the settings for new connections. One caller at a time, so that the newest
    /// certificate and the newest `limits` are set last.
    pub(crate) fn show(
        &self,
        limits: impl FnOnce() -> Limits,
        set: impl FnOnce(quinn::ServerConfig),
    ) {
        let current = self.current();
        set(self.config(&current, &limits()));
    }

    fn config(&self, identity: &Identity, limits: &Limits) -> quinn::ServerConfig {
        let mut transport = transport::server(limits);
        transport.enable_segmentation_offload(self.segmentation_offload);
        server::server_config(identity, &self.secret, transport)
            .expect("an identity's key was held against its certificate when it was loaded")
    }

    /// Reads the files again. Returns what is to be [shown](Self::show) now, if it could be read.
    /// One caller at a time: what was read last stays.
    pub(crate) fn reload(&self) -> Option<Fingerprint> {
        let Source::Files(files) = &self.source else {
            return None;
        };
        let mut current = self.current();
        match load(files) {
            Ok(identity) => {
                *current = identity;
                Some(current.fingerprint())
            }
            Err(error) => {
                tracing::error!("the old certificate stays in use: {error:#}");
                None
            }
        }
    }

    /// Calls `changed` whenever the files have changed, or the time of what is in them has come.
    pub(crate) async fn watch(&self, changed: impl FnMut()) {
        match &self.source {
            Source::Files(files) => files.watch(changed).await,
            Source::Own => std::future::pending().await,
        }
    }
}

fn valid_until(identity: &Identity) -> Option<SystemTime> {
    Certificate::of_identity(identity)?.valid_until
}

/// The certificate in the files, if the daemon can show it now. What peers will hold against it is
/// a line of the log.
fn load(files: &CertificateFiles) -> anyhow::Result<Identity> {
    let identity = from_files(files)?;
    let certificate = Certificate::of_identity(&identity);
    for remark in certificate.iter().flat_map(Certificate::remarks) {
        let file = files.chain().display();
        tracing::warn!("the certificate in {file}: {remark}");
    }
    Ok(identity)
}

/// A certificate and its key that the daemon could show now.
pub(crate) fn from_files(files: &CertificateFiles) -> anyhow::Result<Identity> {
    files
        .load(wall_clock())
        .context("--cert and --key have to name a certificate chain and its key, PEM or DER")
}
