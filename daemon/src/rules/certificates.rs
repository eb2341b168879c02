//! The daemon's certificate, from files or self-signed. It is reloaded without dropping
//! connections.

use crate::settings::Settings;
use anyhow::Context;
use metaserve::{
    Fingerprint, Identity, Limits, Role,
    names::Proofs,
    time::wall_clock,
    tls::{
        CertificateFiles, certificate::Certificate, connection_ids::ConnectionIds, secret::Secret,
        server,
    },
    transport,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// The certificate that new connections are shown, and its source.
pub(crate) struct Certificates {
    source: Source,
    secret: Arc<Secret>,
    has_new_secret: bool,
    segmentation_offload: bool,
    /// The roles of peers that this daemon takes.
    roles: Vec<Role>,
    current: Mutex<Identity>,
}

enum Source {
    Files(CertificateFiles),
    Own,
}

impl Certificates {
    /// Loads the configured files, or the daemon's own certificate, which is created if missing.
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
                        "cannot use the daemon's own certificate in {}: choose another directory \
                     with --state-dir, or provide a certificate with --cert and --key",
                        state_dir.display()
                    )
                })?
            }
        };
        let cannot_use = || {
            format!(
                "cannot use the state directory {}: choose another one with --state-dir",
                state_dir.display()
            )
        };
        let earlier = Secret::load(state_dir).with_context(cannot_use)?;
        let secret = Secret::load_or_create(state_dir).with_context(cannot_use)?;
        Ok(Self {
            source,
            secret,
            has_new_secret: earlier.is_none(),
            segmentation_offload: settings.segmentation_offload,
            roles: settings.takes(),
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

    /// When the certificate expires; `None` if that cannot be read.
    pub(crate) fn valid_until(&self) -> Option<SystemTime> {
        valid_until(&self.identity())
    }

    /// The settings of the endpoint of one shard, of `running` that there are.
    pub(crate) fn endpoint_config(&self, shard: usize, running: usize) -> quinn::EndpointConfig {
        self.secret.endpoint_config(shard, running)
    }

    /// Which shard has handed out a connection id.
    pub(crate) fn connection_ids(&self) -> &ConnectionIds {
        self.secret.connection_ids()
    }

    /// What holders of names show to keep them through a restart.
    pub(crate) fn proofs(&self) -> Proofs {
        Proofs::new(self.secret.names())
    }

    /// The secret that the identities of announced servers are derived from.
    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether there are no proofs of earlier runs.
    pub(crate) const fn has_new_secret(&self) -> bool {
        self.has_new_secret
    }

    /// The settings for new connections, with the current certificate.
    pub(crate) fn server_config(&self, limits: &Limits) -> quinn::ServerConfig {
        self.config(&self.identity(), limits)
    }

    /// Passes the configuration for new connections to `set`. Callers take turns, so that the
    /// newest certificate and the newest `limits` are set last.
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
        server::server_config(identity, &self.secret, transport, &self.roles)
            .expect("loading an identity checks that its key belongs to its certificate")
    }

    /// Reads the files again. Returns the fingerprint of the certificate to [show](Self::show)
    /// now, if it could be read. Callers take turns: what was read last stays.
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
                tracing::error!("keeping the old certificate: {error:#}");
                None
            }
        }
    }

    /// Calls `changed` whenever the files have changed, or a certificate in them becomes valid.
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

/// Loads the certificate in the files, if it is valid now. Logs what may keep peers from accepting
/// it.
fn load(files: &CertificateFiles) -> anyhow::Result<Identity> {
    let identity = from_files(files)?;
    let certificate = Certificate::of_identity(&identity);
    for remark in certificate.iter().flat_map(Certificate::remarks) {
        let file = files.chain().display();
        tracing::warn!("the certificate in {file}: {remark}");
    }
    Ok(identity)
}

/// Loads a certificate and its key, if the certificate is valid now.
pub(crate) fn from_files(files: &CertificateFiles) -> anyhow::Result<Identity> {
    files
        .load(wall_clock())
        .context("--cert and --key must name a certificate chain and its key, PEM or DER")
}
