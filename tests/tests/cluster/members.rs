//! Daemons that are members of a cluster, and what the tests do with them.

use crate::DAEMON;
use metaserve_tests::{
    Daemon, Nats,
    http::{Answer, get},
};
use serde_json::Value;
use std::net::SocketAddr;

/// A daemon in the cluster.
pub(crate) struct Member {
    pub(crate) daemon: Daemon,
    pub(crate) http: SocketAddr,
}

/// Settings with which tests do not wait for long.
pub(crate) const QUICK: [&str; 4] = ["--idle-timeout", "6s", "--tick", "50ms"];

/// The arguments of a member.
pub(crate) fn arguments<'a>(urls: &'a str, name: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = ["--http", "127.0.0.1:0", "--cluster", urls];
    [&common[..], &["--cluster-member", name], &QUICK, more].concat()
}

impl Member {
    /// Starts a member of this name, and does not wait until it has joined.
    pub(crate) async fn start(nats: &Nats, name: &str, more: &[&str]) -> Self {
        Self::start_at(&nats.urls(), name, more).await
    }

    pub(crate) async fn start_at(urls: &str, name: &str, more: &[&str]) -> Self {
        let mut daemon = Daemon::start(DAEMON, &arguments(urls, name, more)).await;
        let http = daemon.http().await;
        Self { daemon, http }
    }

    /// Starts it, and waits until it has joined.
    pub(crate) async fn joined(nats: &Nats, name: &str, more: &[&str]) -> Self {
        let mut member = Self::start(nats, name, more).await;
        member.daemon.logged("joined the cluster").await;
        member
    }

    /// Its answer to `/readyz`.
    pub(crate) async fn ready(&self) -> Answer {
        get(self.http, "/readyz", &[]).await
    }

    /// Its metrics, as text.
    pub(crate) async fn metrics(&self) -> String {
        let answer = get(self.http, "/metrics", &[]).await;
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// What it says of its members.
    pub(crate) async fn members(&self) -> Value {
        get(self.http, "/api/v1/members", &[]).await.json()
    }

    /// The state of another member, as this one sees it; empty if it does not know it.
    pub(crate) async fn state_of(&self, name: &str) -> String {
        let members = self.members().await;
        let mut members = members["members"].as_array().unwrap().iter().rev();
        let member = members.find(|it| it["name"] == name);
        member.map_or(String::new(), |it| it["state"].as_str().unwrap().to_owned())
    }
}
