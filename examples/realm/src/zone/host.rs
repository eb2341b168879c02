//! A host: takes orders, has a task for each zone, and drains.

use super::{
    Settings,
    quarantine::Quarantine,
    running::Scripts,
    served::Served,
    sessions::{self, Sessions},
    slots::Slots,
    task::carry_out,
    web::Web,
};
use crate::{
    clock::Clock,
    content::Content,
    ids::ZoneId,
    roles::{Owner, is_final},
    shared::Shared,
    world::physics::Physics,
};
use anyhow::{Context, bail};
use futures::{Stream, StreamExt, stream};
use metaserve_client::names::{Failed, Order};
use std::{fmt, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long zones have to end when the host is drained.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a host waits before it offers again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// A zone host whose address is open. [`run`](Self::run) takes orders.
#[derive(Debug)]
#[must_use = "a host starts zones only while it runs"]
pub struct Host {
    pub(super) crew: Crew,
    listener: TcpListener,
    sessions: watch::Sender<Sessions>,
}

/// What the tasks of all zones of a host share.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) settings: Settings,
    pub(super) shared: Shared,
    pub(super) content: Content,
    pub(super) scripts: Scripts,
    pub(super) physics: Physics,
    pub(super) clock: Clock,
    pub(super) url: String,
    pub(super) slots: Slots,
    pub(super) quarantine: Arc<Quarantine>,
    pub(super) served: Arc<Served>,
    pub(super) sessions: watch::Receiver<Sessions>,
}

impl Host {
    /// Opens the address. Call it inside a runtime.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(
        settings: Settings,
        shared: Shared,
        content: Content,
    ) -> anyhow::Result<Self> {
        let listen = settings.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}: choose another --zone-listen"))?;
        let url = match &settings.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", listener.local_addr()?),
        };
        let (sessions, known) = watch::channel(None);
        let scripts = content.clone();
        let crew = Crew {
            scripts: Arc::new(move || scripts.hooks()),
            physics: match settings.no_physics {
                true => Physics::Off,
                false => Physics::On,
            },
            clock: Clock::system(),
            url,
            slots: Slots::new(settings.slots),
            quarantine: Arc::default(),
            served: Arc::default(),
            sessions: known,
            settings,
            shared,
            content,
        };
        Ok(Self {
            crew,
            listener,
            sessions,
        })
    }

    /// Where its zones are served.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.crew.url
    }

    /// Takes orders until `until`, then drains: its zones finish what they do, commit and are
    /// released, within 10 s. So call [`Names::close`](metaserve_client::names::Names::close) after
    /// it.
    ///
    /// Dropping it ends all zones at once, as a crash would.
    ///
    /// # Errors
    /// The daemon does not permit the offer, or is none that keeps names.
    pub async fn run(self, until: CancellationToken) -> anyhow::Result<()> {
        let Self {
            crew,
            listener,
            sessions,
        } = self;
        let follow = sessions::follow(crew.shared.names.clone(), sessions);
        let _sessions = AbortOnDropHandle::new(tokio::spawn(follow));
        let crew = Arc::new(crew);
        let mut zones = Zones {
            crew: crew.clone(),
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        let mut web = Web::serve(listener, &crew);
        let ended = tokio::select! {
            ended = web.ended() => ended,
            ended = zones.take_orders(&until) => ended,
        };
        let (_, ()) = tokio::join!(timeout(DRAIN, web.close()), zones.drain());
        ended
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("url", &self.url)
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}

impl Crew {
    /// What the claim of a zone says.
    pub(super) fn owner(&self, players: usize) -> Owner {
        Owner {
            url: self.url.clone(),
            host: self.settings.name.clone(),
            players,
        }
    }
}

/// The tasks of a host.
struct Zones {
    crew: Arc<Crew>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Zones {
    /// Takes orders until `until`. The offer is withdrawn then.
    async fn take_orders(&mut self, until: &CancellationToken) -> anyhow::Result<()> {
        let mut orders = pin!(orders(self.crew.clone()));
        loop {
            tokio::select! {
                () = until.cancelled() => return Ok(()),
                Some(ended) = self.tasks.join_next() => said(&ended),
                order = orders.next() => match order {
                    Some(order) => self.start(order.context("cannot offer to start zones")?),
                    None => bail!("the offer to start zones has ended"),
                },
            }
        }
    }

    /// Each order has a task: a slow start delays no other zone.
    fn start(&mut self, order: Order) {
        let task = carry_out(order, self.crew.clone(), self.stop.clone());
        self.tasks.spawn(task);
    }

    /// Has all zones end, and waits for them.
    async fn drain(mut self) {
        self.stop.cancel();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                said(&ended);
            }
        };
        if timeout(DRAIN, all).await.is_err() {
            let left = self.tasks.len();
            tracing::warn!(
                left,
                "zones did not end in time: others go on behind their last commits"
            );
            self.tasks.shutdown().await;
        }
    }
}

/// Says how a task has ended, if it has failed beside its zone: it has released what it held.
fn said(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("an order to start a zone was not carried out: {error}");
    }
}

/// Orders to start zones. Offers again after a failure, unless that cannot help.
fn orders(crew: Arc<Crew>) -> impl Stream<Item = Result<Order, Failed>> {
    let offer = move || {
        let offer = crew.shared.names.offer(ZoneId::PREFIX, crew.settings.slots);
        offer.ticket(crew.shared.ticket.clone())
    };
    stream::unfold(Some(offer()), move |open| {
        let offer = offer.clone();
        async move {
            let mut open = open?;
            loop {
                match open.next().await? {
                    Ok(order) => return Some((Ok(order), Some(open))),
                    Err(error) if is_final(&error) => return Some((Err(error), None)),
                    Err(error) => {
                        tracing::warn!("cannot offer to start zones yet: {error}");
                        sleep(AGAIN).await;
                        open = offer();
                    }
                }
            }
        }
    })
}
