//! Starts the lists of DDNet and Luanti on one free port.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::{net::SocketAddr, path::Path, time::Duration};

use metaserve::program::Vital;
use metaserve_lobby_bridge::{
    bans::Guard,
    ddnet, luanti,
    metrics::Metrics,
    protocol::{House, Protocol},
    publish::Listings,
    web::{self, Sites},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far more than anything takes, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Both lists, which run in this process.
pub(crate) struct Lists {
    pub(crate) port: u16,
    pub(crate) address: SocketAddr,
    pub(crate) listings: Listings,
    pub(crate) state: tempfile::TempDir,
    vital: Vital,
    closing: CancellationToken,
}

impl Lists {
    pub(crate) async fn open() -> Self {
        let state = tempfile::tempdir().expect("a folder");
        Self::with(state, web::Settings::default(), Guard::none()).await
    }

    /// Opens lists with the state of an earlier run.
    pub(crate) async fn with(state: tempfile::TempDir, web: web::Settings, bans: Guard) -> Self {
        let path = state.path().to_owned();
        Self::at(state, &path, web, bans).await
    }

    /// Opens lists whose state is in this folder.
    pub(crate) async fn at(
        state: tempfile::TempDir,
        path: &Path,
        web: web::Settings,
        bans: Guard,
    ) -> Self {
        let listings = Listings::default();
        let metrics = Metrics::default();
        let house = House {
            bans: bans.clone(),
            listings: listings.clone(),
            state_dir: path.to_owned(),
            registry: None,
            web: Sites::new(web, bans, metrics.clone()),
            metrics,
        };
        let listen = SocketAddr::from(([0; 8], 0));
        let ddnet = ddnet::Settings {
            listen,
            ..ddnet::Settings::default()
        };
        let luanti = luanti::Settings {
            listen,
            ..luanti::Settings::default()
        };
        let (vital, closing) = (Vital::default(), CancellationToken::new());
        let protocols: [&dyn Protocol; 2] = [&ddnet, &luanti];
        let mut opened = Vec::new();
        for protocol in protocols {
            opened.push(protocol.open(&house).await.expect("a free port"));
        }
        let port = house.web.local_addresses()[0].port();
        house.web.serve(&vital, &closing).expect("no certificate");
        for opened in opened {
            opened.serve(&vital, &closing);
        }
        Self {
            port,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            listings,
            state,
            vital,
            closing,
        }
    }

    /// Closes the lists, and returns the folder with their state.
    pub(crate) async fn close(self) -> tempfile::TempDir {
        self.closing.cancel();
        let ended = timeout(PATIENCE, self.vital.join()).await;
        ended.expect("it ends").expect("nothing has stopped");
        self.state
    }
}
