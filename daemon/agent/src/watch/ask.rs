//! Asks a game server again and again.

use super::{
    Servers, Shared,
    place::{self, OtherPort, misdirected},
};
use crate::settings::{Published, Server};
use metaserve::{printable, time};
use metaserve_query::Target;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::task::AbortOnDropHandle;

/// What an answer says of a server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) published: Published,
    /// It tells its name to no query, and nothing overrides that.
    pub(super) is_nameless: bool,
    /// The port that players join by, if it says so.
    port: Option<u16>,
}

/// Asks a server until the agent ends, the first time after a delay.
pub(super) async fn ask(
    servers: Weak<Shared>,
    server: Arc<Server>,
    target: Target,
    delay: Duration,
) {
    tokio::time::sleep(delay).await;
    let mut is_placed = false;
    let mut other_port = OtherPort::default();
    loop {
        let asked = time::now();
        if !is_placed {
            is_placed = warn_if_elsewhere(&server, &target).await;
        }
        let answer = answer(&server, &target).await;
        if let Ok(answer) = &answer
            && let Some(port) = other_port.news(&server, answer.port)
        {
            tracing::warn!(
                server = server.name,
                "the settings may need a correction: {}",
                misdirected(&server, port)
            );
        }
        let Some(servers) = servers.upgrade().map(Servers) else {
            return;
        };
        let pause = servers.answered(&server, answer, fastrand::f64());
        drop(servers);
        time::sleep_until(Some(asked + pause)).await;
    }
}

/// Warns the operator if players would be sent to the wrong machine. Returns whether that is known:
/// a name may be looked up in vain.
async fn warn_if_elsewhere(server: &Server, target: &Target) -> bool {
    match place::elsewhere(target).await {
        Ok(None) => true,
        Ok(Some(address)) => {
            let warning = place::warning(address, server.port);
            tracing::warn!(
                server = server.name,
                "the settings may need a correction: {warning}"
            );
            true
        }
        Err(_) => false,
    }
}

/// What is published after the server's answer, or why there is none.
async fn answer(server: &Server, target: &Target) -> Result<Answer, String> {
    let asked = target.clone();
    // A task of its own: a defect in the query of one protocol must not end this one.
    let query = tokio::spawn(async move { metaserve_query::query(&asked).await });
    let answer = match AbortOnDropHandle::new(query).await {
        Ok(answer) => answer.map_err(|error| printable(&crate::chain(&error)))?,
        Err(_) => return Err("a defect of the agent, which the log has".to_owned()),
    };
    let mut info = answer.info;
    let is_nameless = server.name_if_untold(&mut info);
    Ok(Answer {
        published: server.overrides.publish(info),
        is_nameless: is_nameless && !server.overrides.has("name"),
        port: answer.port,
    })
}
