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
    let mut elsewhere = Elsewhere::default();
    loop {
        let asked = time::now();
        let answer = answer(&server, &target).await;
        if let Ok((_, port)) = &answer
            && let Some(port) = elsewhere.news(&server, *port)
        {
            tracing::warn!(server = server.name, "{}", misdirected(&server, port));
        }
        let answer = answer.map(|(heartbeat, _)| heartbeat);
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

/// Whether a server has said that players join by another port than the one in the list.
#[derive(Default)]
struct Elsewhere(Option<u16>);

impl Elsewhere {
    /// The port that a server has told, if it is another one and was not told the last time.
    fn news(&mut self, server: &Server, told: Option<u16>) -> Option<u16> {
        let told = told.filter(|port| *port != server.port);
        let before = std::mem::replace(&mut self.0, told);
        told.filter(|_| told != before)
    }
}

/// What the operator is told of a server whose players join by another port, as it says.
pub(crate) fn misdirected(server: &Server, port: u16) -> String {
    let listed = server.port;
    format!(
        "the list sends players to port {listed}, but the game server says that they join by port \
         {port}: set `port = {port}`, unless a NAT maps the ports"
    )
}

/// The heartbeat that follows from the server's answer, with the port that players join by if it
/// says so; or why there is none.
async fn answer(server: &Server, target: &Target) -> Result<(Bytes, Option<u16>), String> {
    let target = target.clone();
    // A task of its own: a defect in the query of one protocol must not end this one.
    let query = tokio::spawn(async move { metaserve_query::query(&target).await });
    let answer = match AbortOnDropHandle::new(query).await {
        Ok(answer) => answer.map_err(|error| crate::chain(&error))?,
        Err(_) => return Err("a defect of the agent, which the log has".to_owned()),
    };
    let record = record(answer.info, &server.overrides);
    Ok((record.to_json().into(), answer.port))
}

/// What is published of an answer.
pub(crate) fn record(info: ServerInfo, overrides: &Overrides) -> ServerInfo {
    overrides.apply_to(info).fit(MAX_HEARTBEAT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::Game;

    #[test]
    fn another_port_is_told_once_and_again_when_it_has_changed() {
        let server = Server::pushed(Game::new("arena").unwrap(), 27015);
        let mut elsewhere = Elsewhere::default();
        let told = [
            None,
            Some(27015),
            Some(27016),
            Some(27016),
            Some(27017),
            Some(27015),
            Some(27017),
        ];
        let news = told.map(|port| elsewhere.news(&server, port));
        let expected = [
            None,
            None,
            Some(27016),
            None,
            Some(27017),
            None,
            Some(27017),
        ];
        assert_eq!(news, expected);
        let line = misdirected(&server, 27016);
        assert!(
            line.contains("port 27015") && line.contains("`port = 27016`"),
            "{line}"
        );
    }
}
