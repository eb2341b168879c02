//! `check`: tries each NATS server, and what this daemon may do there.

use super::{super::LEAST_MAX_PAYLOAD, Key, Signs, explain, options, words};
use crate::settings::{Cluster, ClusterRole, NatsUrl};
use anyhow::{Context, anyhow};
use async_nats::{Client, ConnectOptions};
use bytes::Bytes;
use futures::{StreamExt, stream::SelectAll};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a server may take for all that it is asked.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what is published may take to come back.
const ECHO_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to each NATS server, and subscribes and publishes as a member or an edge does. What is
/// published is empty: others ignore it. Returns what was found, in lines, and what has to be
/// changed. A server that cannot be reached is no mistake: daemons start without it.
pub(crate) fn trial(settings: &Cluster) -> Vec<anyhow::Result<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(all(settings)),
        Err(error) => vec![Err(error).context("cannot start the runtime")],
    }
}

async fn all(settings: &Cluster) -> Vec<anyhow::Result<String>> {
    let mut found = Vec::new();
    match settings.key.as_deref().map(Key::read) {
        Some(Ok(key)) => found.push(Ok(format!("key: {}", key.public()))),
        Some(Err(mistake)) => return vec![Err(anyhow::Error::msg(mistake))],
        None => {}
    }
    for url in &settings.servers {
        found.extend(one(settings, url).await);
    }
    found
}

/// What one server says.
async fn one(settings: &Cluster, url: &NatsUrl) -> Vec<anyhow::Result<String>> {
    let (complain, complaints) = mpsc::channel(super::COMPLAINTS);
    let options = Signs::default().given_by(options(settings), complain);
    match connect(options, url).await {
        Ok(client) => {
            let async_nats::ServerInfo {
                version,
                max_payload,
                ..
            } = client.server_info();
            let narrow = (max_payload < LEAST_MAX_PAYLOAD).then(|| {
                Err(anyhow!(
                    "{url}: it takes messages of {max_payload} bytes at most: set max_payload to 1MB in its \
                     configuration"
                ))
            });
            let missing = rights(client, settings, complaints).await;
            let missing = missing.iter().map(|right| Err(anyhow!("{url}: {right}")));
            let answers = format!("{url}: nats-server {version} answers");
            let answers = std::iter::once(Ok(answers));
            answers.chain(narrow).chain(missing).collect()
        }
        Err(why) => {
            let explained = explain(&why, settings);
            vec![match words::is_mistake(&why) {
                true => Err(anyhow!("{url}: {explained}")),
                false => Ok(format!("note: {url} cannot be reached now: {explained}")),
            }]
        }
    }
}

async fn connect(options: ConnectOptions, url: &NatsUrl) -> Result<Client, String> {
    let connected = tokio::time::timeout(ANSWER_TIMEOUT, options.connect(url.as_str())).await;
    match connected {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}

/// The rights that are missing, in words.
async fn rights(
    client: Client,
    settings: &Cluster,
    mut complaints: mpsc::Receiver<String>,
) -> Vec<String> {
    let subjects = Subjects::of(settings);
    let own = subjects.own;
    let exchange = async {
        let mut received = SelectAll::new();
        for subject in subjects.subscribed {
            received.push(client.subscribe(subject).await.ok()?);
        }
        for subject in subjects.published {
            client.publish(subject, Bytes::new()).await.ok()?;
        }
        client.publish(own.clone(), Bytes::new()).await.ok()?;
        // When this comes back, the server has seen, and complained of, all that was before.
        while received.next().await?.subject.as_str() != own {}
        Some(())
    };
    // It does not come back where the right to it is missing.
    let _ = tokio::time::timeout(ECHO_TIMEOUT, exchange).await;
    // The complaints end when the client has ended.
    drop(client);
    let mut missing = Vec::new();
    while let Some(complaint) = complaints.recv().await {
        let right = words::missing_right(&complaint);
        missing.extend(right.filter(|right| !missing.contains(right)));
    }
    missing
}

/// What a daemon subscribes and publishes to.
struct Subjects {
    subscribed: Vec<String>,
    published: Vec<String>,
    /// Published, and received by everybody, itself included.
    own: String,
}

impl Subjects {
    fn of(settings: &Cluster) -> Self {
        let prefix = format!("ms.{}", settings.name);
        let name = settings.member.as_ref().map_or("", |it| it.as_str());
        let is_member = settings.role == ClusterRole::Member;
        let all = |parts: &[&str]| parts.iter().map(|it| format!("{prefix}.{it}")).collect();
        let [inbox, sync, back] = [
            format!("inbox.{name}.>"),
            format!("sync.{name}"),
            format!("inbox.{name}.check"),
        ];
        Self {
            subscribed: match is_member {
                true => all(&["m.*", "e.*", &inbox, "hello", &sync]),
                false => all(&["m.*", "e.*", &inbox]),
            },
            published: match is_member {
                true => all(&["hello", &sync, &back]),
                false => all(&["hello", &sync]),
            },
            own: format!("{prefix}.{}.{name}", if is_member { "m" } else { "e" }),
        }
    }
}
