//! The connection to NATS: the only use of its client.
//!
//! Nothing is queued here for a NATS that is slow or away: [`Nats::publish`] gives up, and what was
//! to be published is a gap to other members, which they close by asking.

mod key;
mod trial;
mod words;

pub(crate) use key::Key;
pub(crate) use trial::trial;
pub(crate) use words::{explain, missing_right};

use super::{LEAST_MAX_PAYLOAD, Message};
use crate::settings::{Cluster, NatsUrl};
use async_nats::{Client, ConnectOptions, Event, Subject, Subscriber, connection::State};
use futures::{StreamExt, stream::SelectAll};
use parking_lot::Mutex;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, mpsc};

/// How long handing over one message may take. A client that is not connected, or whose server does
/// not read, must not delay what comes after it.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// A server that sends nothing for this long is asked whether it is there; after two questions
/// without an answer another one is tried.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How long one attempt to connect to one address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The delays between attempts to connect: doubled from the first to the second.
const RECONNECT: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Messages that have arrived and are not taken yet, for each subscription. Further ones are lost,
/// and noticed as a gap.
const RECEIVED: usize = 16_384;

/// Messages that are handed over and not written yet.
const HANDED_OVER: usize = 256;

/// Complaints of the NATS server that are not logged yet. Further ones are lost.
const COMPLAINTS: usize = 64;

/// A connection to one of the NATS servers, which is made again whenever it is lost. Dropping it
/// ends it.
pub(crate) struct Nats {
    client: Client,
    messages: SelectAll<Subscriber>,
    signs: Signs,
    complaints: mpsc::Receiver<String>,
}

/// What the client's callbacks leave for the driver.
#[derive(Clone, Default)]
struct Signs {
    /// Something has happened to the connection.
    changed: Arc<Notify>,
    /// Why each server could not be reached at the last attempt.
    failures: Arc<Mutex<Vec<Failure>>>,
}

/// Why a NATS server could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) server: String,
    pub(crate) why: String,
}

/// How the connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// There is one, to a server that can be used.
    pub(crate) is_up: bool,
    /// There is one, but the server takes short messages only.
    pub(crate) is_narrow: bool,
    /// The longest message that the server takes, in bytes.
    pub(crate) max_payload: usize,
    /// How many connections there have been. With another number, messages may have been lost.
    pub(crate) connections: u64,
}

impl Nats {
    /// Begins to connect, and subscribes to these subjects as soon as it has. It does not wait for
    /// a server.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(crate) async fn open(settings: &Cluster, subjects: &[String]) -> anyhow::Result<Self> {
        let (signs, (complain, complaints)) = (Signs::default(), mpsc::channel(COMPLAINTS));
        let options = options(settings).no_echo().retry_on_initial_connect();
        let options = signs.clone().given_by(options, complain);
        let client = options.connect(urls(settings)).await?;
        let mut messages = SelectAll::new();
        for subject in subjects {
            messages.push(client.subscribe(subject.clone()).await?);
        }
        Ok(Self {
            client,
            messages,
            signs,
            complaints,
        })
    }

    /// How the connection is now.
    pub(crate) fn link(&self) -> Link {
        let connected = self.client.connection_state() == State::Connected;
        let max_payload = self.client.max_payload();
        let wide = max_payload >= LEAST_MAX_PAYLOAD;
        Link {
            is_up: connected && wide,
            is_narrow: connected && !wide,
            max_payload,
            connections: self.client.statistics().connects.load(Ordering::Relaxed),
        }
    }

    /// What the server that it is connected to calls itself.
    pub(crate) fn server_name(&self) -> String {
        self.client.server_info().server_name
    }

    /// Why no server could be reached at the last attempts.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.signs.failures.lock().clone()
    }

    /// Notifies whenever the connection may have changed.
    pub(crate) fn changes(&self) -> Arc<Notify> {
        self.signs.changed.clone()
    }

    /// What the server has complained of since the last call.
    pub(crate) fn complaints(&mut self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| self.complaints.try_recv().ok())
    }

    /// The next message. Pending forever when the client has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Message {
        match self.messages.next().await {
            Some(message) => Message {
                subject: message.subject.into_string(),
                reply: message.reply.map(Subject::into_string),
                payload: message.payload,
            },
            None => std::future::pending().await,
        }
    }

    /// Hands a message over to be sent, if that is possible until `due`.
    ///
    /// # Errors
    /// The message, when there is no connection, the server does not read, or it does not take
    /// messages of this length.
    pub(crate) async fn publish(&self, message: Message, due: Instant) -> Result<(), Message> {
        // Without a connection the client would keep it, and send it when it is old.
        if !self.link().is_up {
            return Err(message);
        }
        let Message {
            subject,
            reply,
            payload,
        } = message.clone();
        let publish = async {
            match reply {
                Some(reply) => {
                    self.client
                        .publish_with_reply(subject, reply, payload)
                        .await
                }
                None => self.client.publish(subject, payload).await,
            }
        };
        match tokio::time::timeout_at(due.into(), publish).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(message),
        }
    }

    /// Waits until everything that was handed over has left this process, or until `due`.
    pub(crate) async fn flush(&self, due: Instant) {
        if self.link().is_up {
            // What does not leave in time is lost: others hold our servers all the same.
            let _ = tokio::time::timeout_at(due.into(), self.client.flush()).await;
        }
    }
}

impl Signs {
    /// The options, with callbacks that leave signs.
    fn given_by(self, options: ConnectOptions, complain: mpsc::Sender<String>) -> ConnectOptions {
        let Self { changed, failures } = self;
        let noticed = changed.clone();
        let options = options.reconnect_to_server_callback(move |servers, _| {
            let failed = servers.iter().filter_map(|server| {
                let why = server.last_error.clone()?;
                let server = server.to_string();
                Some(Failure { server, why })
            });
            *failures.lock() = failed.collect();
            noticed.notify_one();
            // The client chooses the server.
            std::future::ready(None)
        });
        options.event_callback(move |event| {
            let complaint = match event {
                Event::ServerError(error) => Some(error.to_string()),
                Event::SlowConsumer(_) => Some(words::SLOW.to_owned()),
                _ => None,
            };
            if let Some(complaint) = complaint {
                let _ = complain.try_send(complaint);
            }
            changed.notify_one();
            std::future::ready(())
        })
    }
}

fn urls(settings: &Cluster) -> Vec<&str> {
    let urls = settings.servers.iter();
    urls.map(NatsUrl::as_str).collect()
}

/// The options of every connection of this daemon.
fn options(settings: &Cluster) -> ConnectOptions {
    let member = settings.member.as_ref().map_or("", |it| it.as_str());
    let prefix = format!("ms.{}.inbox.{member}", settings.name);
    let mut options = key::options(settings.key.clone())
        .name(format!("metaserve {member}"))
        .custom_inbox_prefix(prefix)
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .subscription_capacity(RECEIVED)
        .client_capacity(HANDED_OVER)
        .reconnect_delay_callback(reconnect_delay)
        // Servers that others name would be asked without TLS, or under names that nobody checks.
        .ignore_discovered_servers()
        .require_tls(settings.servers.iter().any(|url| url.is_tls()));
    if let Some(ca) = &settings.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&settings.cert, &settings.cert_key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    options
}

/// How long to wait before this attempt: longer each time, and different for each daemon, so that
/// not all of them come back to a server at once.
fn reconnect_delay(attempt: usize) -> Duration {
    let [first, longest] = RECONNECT;
    let doubled = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(8);
    let delay = (first * 2_u32.pow(doubled)).min(longest);
    delay.mul_f64(0.5 + fastrand::f64() / 2.0)
}
