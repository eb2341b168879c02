//! The gateway: the page, players' connections, and the way to the accounts role.

use crate::{
    page,
    play::{self, Play, Serves},
    shared::Shared,
};
use anyhow::Context as _;
use axum::{Router, http::header, response::IntoResponse, routing::get};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Settings of a gateway.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where the page and players' connections are served
    #[arg(
        id = "gateway-listen",
        long = "listen",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// Bounds of what is served.
    #[command(flatten)]
    pub play: play::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            play: play::Settings::default(),
        }
    }
}

/// A gateway whose socket is open.
#[derive(Debug)]
#[must_use = "a gateway serves only while it runs"]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    play: Arc<Play>,
}

impl Gateway {
    /// Opens its socket.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(settings: Settings, shared: Shared) -> anyhow::Result<Self> {
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve the page on {address}: choose another address with --listen")
        })?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            play: Play::with(shared, Serves::All, settings.play),
        })
    }

    /// Where it is served, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until then. Players are told that the gateway stops; their characters stay in the world
    /// and go on at another gateway.
    ///
    /// # Errors
    /// The socket fails.
    pub async fn run(self, until: CancellationToken) -> anyhow::Result<()> {
        let routes = pages().merge(play::router(self.play.clone()));
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let closed = async move {
            until.cancelled().await;
            self.play.close().await;
        };
        axum::serve(self.listener, service)
            .with_graceful_shutdown(closed)
            .await?;
        Ok(())
    }
}

fn pages() -> Router {
    page::FILES.iter().fold(Router::new(), |routes, file| {
        let answer = || async {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, page::SECURITY_POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, file.text).into_response()
        };
        routes.route(file.path, get(answer))
    })
}
