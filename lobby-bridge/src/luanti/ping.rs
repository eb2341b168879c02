//! Asks servers whether they are there (`docs/specifications/luanti-serverlist.md`, section 5).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use metaserve::time::now;
use metaserve_query::{Protocol, Target, query_within};
use tokio::sync::Semaphore;

use super::list::{List, Ping, Pinged};
use crate::web::Worker;

/// How pings are made: so many at the same time, and each for so long.
#[derive(Clone, Debug)]
pub(crate) struct Pinger {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Pinger {
    pub(super) fn new(at_once: usize, patience: Duration) -> Self {
        let places = Arc::new(Semaphore::new(at_once));
        Self { places, patience }
    }

    /// Pings all targets, one after the other, and returns how long the slowest answer took in
    /// seconds; `None` if one did not answer.
    async fn ping(&self, ping: &Ping) -> Option<f64> {
        let _place = self.places.acquire().await.ok()?;
        let mut slowest = None;
        for target in &ping.targets {
            let took = self.answer(*target).await?.as_secs_f64();
            slowest = Some(slowest.map_or(took, |slowest: f64| slowest.max(took)));
        }
        slowest
    }

    async fn answer(&self, server: SocketAddr) -> Option<Duration> {
        let target = Target {
            protocol: Protocol::Luanti,
            host: server.ip().to_string(),
            port: server.port(),
        };
        let began = now();
        match query_within(&target, self.patience).await {
            Ok(_) => Some(began.elapsed()),
            Err(why) => {
                tracing::debug!(%server, "no answer to a ping: {why}");
                None
            }
        }
    }
}

impl Worker<List> for Pinger {
    fn run(&mut self, ping: Ping) -> Option<BoxFuture<'static, Pinged>> {
        let pinger = self.clone();
        let pinging = async move {
            let took = pinger.ping(&ping).await;
            Pinged { ping, took }
        };
        Some(pinging.boxed())
    }
}
