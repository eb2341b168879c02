//! What a zone host serves over HTTP and WebSocket: its own zones.

use super::host::Crew;
use crate::{
    http::{self, Bounds},
    play::{self, Play, Serves},
};
use anyhow::bail;
use axum::Router;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The host's zones are served until this is dropped.
pub(super) struct Web {
    play: Arc<Play>,
    task: AbortOnDropHandle<()>,
}

impl Web {
    pub(super) fn serve(listener: TcpListener, crew: &Crew) -> Self {
        let serves = Serves::Zones(crew.served.follow());
        let play = Play::new(crew.shared.clone(), serves);
        let routes = play::router(play.clone(), Router::new());
        // It ends with the host.
        let serve = http::serve(
            listener,
            routes,
            Bounds::default(),
            CancellationToken::new(),
        );
        let task = AbortOnDropHandle::new(tokio::spawn(serve));
        Self { play, task }
    }

    /// It ends only if something is wrong.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task).await?;
        bail!("the zones of this host are not served over HTTP any more")
    }

    /// Tells those who are connected that they have to go elsewhere.
    pub(super) async fn close(&self) {
        self.play.close().await;
    }
}
