//! A game server on the list.

use super::{Error, Options, State, standing::Standing, text::Text, thread::Lease};
use bytes::Bytes;
use futures::{Stream, stream};
use metaserve_heartbeat::Connector;
use std::{ffi::c_char, sync::mpsc, time::Duration};
use tokio::sync::watch;

/// A game server: listed from its first heartbeat until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    newest: watch::Sender<Option<Bytes>>,
    standing: Standing,
    text: Text,
    /// It is closed by the task, when that ends.
    ended: mpsc::Receiver<()>,
    /// Dropped last.
    _lease: Lease,
}

/// The longest time to wait for the end.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Server {
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        if options.port == 0 {
            return Err(Error::argument(
                "port is 0: set the one that players join by",
            ));
        }
        let game = options.game()?;
        let mut connector: Connector = options.connector()?;
        if let Some(directory) = &options.identity_dir {
            connector = connector.identity_in(directory);
        }
        let lease = Lease::new()?;
        {
            let _inside = lease.enter();
            connector.ready()?;
        }
        let (newest, seen) = watch::channel(None);
        let standing = Standing::default();
        let (status, notices, end) = (standing.clone(), standing.clone(), standing.clone());
        let mut maintain = metaserve_heartbeat::maintain(connector)
            .port(options.port)
            .on_status(move |it| status.hear(it))
            .on_notice(move |it| notices.notice(&it.text));
        if let Some(game) = game {
            maintain = maintain.game(game.as_str());
        }
        let (ends, ended) = mpsc::channel();
        lease.spawn(async move {
            let _ends = ends;
            let run = async {
                match maintain.run(heartbeats(seen)).await {
                    Ok(()) => "the server has been closed".into(),
                    Err(error) => error.to_string(),
                }
            };
            end.until_end_of(run).await;
        });
        Ok(Self {
            newest,
            standing,
            text: Text::default(),
            ended,
            _lease: lease,
        })
    }

    /// Publishes this, if it differs from what is published.
    pub(crate) fn heartbeat(&self, bytes: &[u8]) -> State {
        let is_same = self.newest.borrow().as_ref().is_some_and(|it| *it == bytes);
        if !is_same {
            self.newest
                .send_replace(Some(Bytes::copy_from_slice(bytes)));
        }
        self.standing.state()
    }

    pub(crate) fn state(&mut self) -> (State, *const c_char) {
        let text = self.text.set(&self.standing.text());
        (self.standing.state(), text)
    }

    /// Takes the server off the list, and waits as long as that takes, at most `wait`.
    pub(crate) fn close(self, wait: Duration) {
        let Self {
            newest,
            ended,
            _lease,
            ..
        } = self;
        drop(newest);
        // It is closed when the task has ended; it never has anything inside.
        let _ = ended.recv_timeout(wait.min(LONGEST_WAIT));
    }
}

/// The newest heartbeat, each time there is another one.
fn heartbeats(seen: watch::Receiver<Option<Bytes>>) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(seen, async |mut seen| {
        seen.changed().await.ok()?;
        let newest = seen.borrow_and_update().clone()?;
        Some((newest, seen))
    })
}
