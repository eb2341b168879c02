//! Asks a game server again and again.

use super::{Servers, Shared};
use crate::settings::{Overrides, Server};
use bytes::Bytes;
use metaserve::{ServerInfo, time};
use metaserve_query::Target;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::task::AbortOnDropHandle;

/// The longest heartbeat to publish: what a daemon accepts by default.
const MAX_HEARTBEAT_BYTES: usize = 8 * 1024;

/// Asks a server at its interval until the agent ends, the first time after a delay.
pub(super) async fn ask(
    servers: Weak<Shared>,
    server: Arc<Server>,
    target: Target,
    delay: Duration,
) {
    tokio::time::sleep(delay).await;
    loop {
        let asked = time::now();
        let answer = answer(&server, &target).await;
        let Some(servers) = servers.upgrade().map(Servers) else {
            return;
        };
        servers.answered(&server, answer);
        drop(servers);
        // Servers that are asked at the same time by chance do not stay together.
        let pause = server.interval.mul_f64(0.9 + 0.2 * fastrand::f64());
        time::sleep_until(Some(asked + pause)).await;
    }
}

/// The heartbeat that follows from the server's answer, or why there is none.
async fn answer(server: &Server, target: &Target) -> Result<Bytes, String> {
    let target = target.clone();
    // A task of its own: a defect in the query of one protocol must not end this one.
    let query = tokio::spawn(async move { metaserve_query::query(&target).await });
    let info = match AbortOnDropHandle::new(query).await {
        Ok(answer) => answer.map_err(|error| crate::chain(&error))?,
        Err(_) => return Err("a defect of the agent, which the log has".to_owned()),
    };
    let record = record(info, &server.overrides);
    Ok(record.to_json().into())
}

/// What is published of an answer.
pub(crate) fn record(info: ServerInfo, overrides: &Overrides) -> ServerInfo {
    overrides.apply_to(info).fit(MAX_HEARTBEAT_BYTES)
}
