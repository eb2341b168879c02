//! What a zone host serves over HTTP and WebSocket: its own zones.

use super::host::Crew;
use crate::play::{self, Play, Serves};
use anyhow::Context;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// The host's zones are served until this is dropped.
pub(super) struct Web {
    play: Arc<Play>,
    task: AbortOnDropHandle<std::io::Result<()>>,
}

impl Web {
    pub(super) fn serve(listener: TcpListener, crew: &Crew) -> Self {
        let serves = Serves::Zones(crew.served.follow());
        let play = Play::new(crew.shared.clone(), serves);
        let routes = play::router(play.clone());
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let serve = axum::serve(listener, service).into_future();
        let task = AbortOnDropHandle::new(tokio::spawn(serve));
        Self { play, task }
    }

    /// It ends only if something is wrong.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let ended = (&mut self.task).await?;
        ended.context("the zones of this host are not served over HTTP any more")
    }

    /// Tells those who are connected that they have to go elsewhere.
    pub(super) async fn close(&self) {
        self.play.close().await;
    }
}
