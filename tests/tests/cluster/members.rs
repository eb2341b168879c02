//! Daemons that are members of a cluster, and what the tests do with them.

use crate::DAEMON;
use futures::StreamExt;
use metaserve::{Role, Trust};
use metaserve_client::{Snapshot, Subscriber};
use metaserve_heartbeat::Connector;
use metaserve_tests::{
    Daemon, Nats,
    http::{Answer, Connection, get},
    patiently, words,
};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{sync::oneshot, task::JoinHandle};

/// A daemon in the cluster.
pub(crate) struct Member {
    pub(crate) daemon: Daemon,
    pub(crate) http: SocketAddr,
}

/// Settings with which tests do not wait for long.
pub(crate) const QUICK: [&str; 6] = [
    "--idle-timeout",
    "6s",
    "--tick",
    "50ms",
    "--min-interval",
    "50ms",
];

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
        Self::of(Daemon::start(DAEMON, &arguments(urls, name, more)).await).await
    }

    pub(crate) async fn of(mut daemon: Daemon) -> Self {
        let http = daemon.http().await;
        Self { daemon, http }
    }

    /// Starts it, and waits until it has joined.
    pub(crate) async fn joined(nats: &Nats, name: &str, more: &[&str]) -> Self {
        let mut member = Self::start(nats, name, more).await;
        member.daemon.logged("joined the cluster").await;
        member
    }

    /// Starts members of these names, which hear each other in the end.
    pub(crate) async fn all<const N: usize>(nats: &Nats, names: [&str; N]) -> [Self; N] {
        let mut members = Vec::new();
        for name in names {
            members.push(Self::start(nats, name, &[]).await);
        }
        for (here, member) in names.iter().zip(&mut members) {
            member.daemon.logged("joined the cluster").await;
            for other in names.iter().filter(|other| *other != here) {
                member.sees(other, "heard").await;
            }
        }
        let Ok(members) = members.try_into() else {
            unreachable!("there are as many members as names");
        };
        members
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

    /// Waits until it answers `/readyz` with this status.
    pub(crate) async fn ready_with(&self, status: u16) {
        self.asked("/readyz", |answer| answer.status == status)
            .await;
    }

    /// What it says of its members.
    pub(crate) async fn members(&self) -> Value {
        get(self.http, "/api/v1/members", &[]).await.json()
    }

    /// Waits until another member is in this state, as this one sees it.
    pub(crate) async fn sees(&self, name: &str, state: &str) {
        let sees = |answer: &Answer| {
            let answer = answer.json();
            let mut members = answer["members"].as_array().unwrap().iter();
            members.any(|it| it["name"] == name && it["state"] == state)
        };
        self.asked("/api/v1/members", sees).await;
    }

    /// Asks until the answer is as it should be, over one connection: each new one would take a
    /// port, perhaps that of a server that is restarted.
    pub(crate) async fn asked(&self, path: &str, wanted: impl Fn(&Answer) -> bool) {
        let asked = async {
            let from = Ipv4Addr::UNSPECIFIED.into();
            let mut connection = Connection::from(from, self.http).await.unwrap();
            while !wanted(&connection.get(path, &[]).await.unwrap()) {}
        };
        patiently(path, asked).await;
    }

    /// Waits until no server that it shows is stale.
    pub(crate) async fn shows_nothing_stale(&self) {
        let fresh = |answer: &Answer| {
            let page = answer.json();
            let mut servers = page["servers"].as_array().unwrap().iter();
            servers.all(|it| it["stale"].is_null())
        };
        self.asked("/api/v1/servers?limit=1000", fresh).await;
    }

    /// The servers that it shows over HTTP, and whether each is stale.
    pub(crate) async fn stale(&self) -> Vec<bool> {
        let page = get(self.http, "/api/v1/servers?limit=1000", &[])
            .await
            .json();
        let servers = page["servers"].as_array().unwrap().iter();
        servers.map(|it| it["stale"] == true).collect()
    }

    /// Watches its list from now on: every list that it shows must be right.
    pub(crate) async fn watch(
        &self,
        is_right: impl Fn(&Snapshot) -> bool + Send + Sync + 'static,
    ) -> Watch {
        let connection = self.daemon.connect(Role::Client, None).await;
        let mut lists = Subscriber::new(connection).run();
        let first = patiently("a list", lists.next()).await.unwrap().unwrap();
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut wrong = Vec::new();
            let mut look = |list: &Snapshot| {
                if !is_right(list) {
                    wrong.push(words(list));
                }
            };
            look(&first);
            loop {
                tokio::select! {
                    list = lists.next() => match list {
                        Some(Ok(list)) => look(&list),
                        _ => break,
                    },
                    _ = &mut stopped => break,
                }
            }
            wrong
        });
        Watch { task, stop }
    }
}

/// Watches the lists of a member.
pub(crate) struct Watch {
    task: JoinHandle<Vec<Vec<String>>>,
    stop: oneshot::Sender<()>,
}

impl Watch {
    /// Ends it: there must have been no wrong list.
    pub(crate) async fn saw_only_right_lists(self) {
        drop(self.stop);
        let wrong = self.task.await.unwrap();
        assert!(wrong.is_empty(), "wrong lists: {wrong:?}");
    }
}

/// The addresses of these daemons, and their fingerprints.
pub(crate) fn named(members: &[&Member]) -> (Vec<String>, Vec<String>) {
    let print = |it: &&Member| match it.daemon.trust() {
        Trust::Fingerprint(fingerprint) => fingerprint.to_string(),
        _ => unreachable!("daemons of tests are known by fingerprints"),
    };
    let address = |it: &&Member| it.daemon.address.to_string();
    let prints = members.iter().map(print).collect();
    (members.iter().map(address).collect(), prints)
}

/// Connects servers to one of these daemons.
pub(crate) fn to_one_of(members: &[&Member]) -> Connector {
    let (daemons, prints) = named(members);
    Connector::to_one_of(daemons).fingerprints(prints)
}
