//! The gateway: the page, players' connections, and the way to the accounts role.

mod forward;
mod pages;

use crate::{
    http::{self, Bounds},
    play::{self, Play, Serves},
    shared::Shared,
};
use anyhow::Context as _;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Settings of a gateway.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub struct Settings {
    /// Serve the page and players' connections on this address (TCP). Port 0: any that is free
    #[arg(
        id = "gateway-listen",
        long = "gateway-listen",
        value_name = "ADDRESS:PORT",
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
    shared: Shared,
    play: Arc<Play>,
    bounds: Bounds,
}

impl Gateway {
    /// Opens its socket. Call it inside a runtime.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(settings: Settings, shared: Shared) -> anyhow::Result<Self> {
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}: choose another --gateway-listen")
        })?;
        let defaults = Bounds::default();
        Ok(Self {
            address: listener.local_addr()?,
            bounds: Bounds {
                connections: defaults.connections + settings.play.max_sockets,
                of_an_address: defaults.of_an_address + settings.play.max_sockets_per_address,
                ..defaults
            },
            listener,
            play: Play::with(shared.clone(), Serves::All, settings.play),
            shared,
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
    /// HTTP requests cannot be made from here.
    pub async fn run(self, until: CancellationToken) -> anyhow::Result<()> {
        let Self {
            listener,
            shared,
            play,
            bounds,
            ..
        } = self;
        // Dropping this future ends everything as well, as a crash would.
        let until = until.child_token();
        let _ended = until.clone().drop_guard();
        let beside = pages::router().merge(forward::router(&shared, play.clone())?);
        let routes = play::router(play.clone(), beside);
        let close = async {
            until.cancelled().await;
            play.close().await;
        };
        tokio::join!(http::serve(listener, routes, bounds, until.clone()), close);
        Ok(())
    }
}
