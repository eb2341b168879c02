//! Drives the node: the one task through which everything of the cluster goes, in order.

use super::{
    Banned, Config, Node, Role, View,
    nats::{self, Link, Nats},
    report::Report,
};
use crate::{settings::Settings, shared::Shared};
use futures::FutureExt;
use metaserve::{
    Role as PeerRole,
    bans::{Ban, Bans, Whom},
    time::{now, sleep_until, wall_clock},
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long messages are applied at a time, before other tasks get their turn.
const BUDGET: Duration = Duration::from_millis(5);

/// The longest tick of the feed of own servers, whatever `--tick` is.
const MAX_TICK: Duration = Duration::from_millis(100);

/// How often addresses are compared with bans that end by themselves.
const RECHECK: Duration = Duration::from_secs(10);

/// How to end the driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaving {
    asked: CancellationToken,
    done: CancellationToken,
}

/// How long saying goodbye may take altogether.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

impl Leaving {
    /// Says goodbye to the cluster, and publishes nothing afterwards: what closes then stays in the
    /// lists of other members until it is stated elsewhere. Returns when that is done, after 1 s at
    /// most.
    pub(crate) async fn leave(&self) {
        self.asked.cancel();
        let _ = tokio::time::timeout(LEAVE_TIMEOUT, self.done.cancelled()).await;
    }
}

/// Drives the node until the driver is asked to leave, or `closing` asks it to end at once.
pub(crate) async fn run(
    shared: Arc<Shared>,
    view: Arc<View>,
    leaving: Leaving,
    closing: CancellationToken,
) -> anyhow::Result<()> {
    let _done = leaving.done.clone().drop_guard();
    let mut driver = Driver::open(shared, view).await?;
    let registry = driver.shared.registry.clone();
    let tick = driver.shared.settings.tick.min(MAX_TICK);
    let driving = async {
        driver.drive(&leaving.asked).await;
        driver.leave().await;
    };
    tokio::select! {
        biased;
        // A daemon that is dropped: to the others it is lost.
        () = closing.cancelled() => {}
        () = driving => {}
        () = registry.run_own(tick) => {}
    }
    Ok(())
}

struct Driver {
    node: Node,
    nats: Nats,
    link: Link,
    shared: Arc<Shared>,
    view: Arc<View>,
    report: Report,
    /// The own bans that the node was told last.
    bans: Arc<Bans>,
    recheck: Instant,
    /// The bans that hide servers of others.
    hides: Vec<Ban>,
    /// Whether the rest of the daemon has been shown the cluster at all.
    has_looked: bool,
}

impl Driver {
    async fn open(shared: Arc<Shared>, view: Arc<View>) -> anyhow::Result<Self> {
        let node = Node::new(
            config(&shared.settings),
            shared.registry.clone(),
            shared.feeds.clone(),
            fastrand::u64(..),
        );
        let nats = Nats::open(&shared.settings.cluster, &node.subscriptions()).await?;
        let report = Report::new(&shared);
        let mut driver = Self {
            node,
            nats,
            link: Link::default(),
            shared,
            view,
            report,
            bans: Arc::default(),
            recheck: now(),
            hides: Vec::new(),
            has_looked: false,
        };
        driver.mind_bans(now());
        Ok(driver)
    }

    /// Runs until it is asked to leave.
    async fn drive(&mut self, leaving: &CancellationToken) {
        let changes = self.nats.changes();
        let mut own = self.shared.registry.own().subscribe(None);
        let mut rules = self.shared.rules.subscribe();
        loop {
            let due = self.step().await;
            tokio::select! {
                biased;
                () = leaving.cancelled() => return,
                message = self.nats.next() => self.hear(message),
                // The node takes the frame itself, which is the same for all.
                frame = own.next() => drop(frame),
                () = changes.notified() => {}
                // The sender is in what we share.
                _ = rules.changed() => {}
                () = sleep_until(Some(due)) => {}
            }
            tokio::task::yield_now().await;
        }
    }

    /// Applies this message, and those that have arrived as well, within the budget.
    fn hear(&mut self, message: super::Message) {
        let begin = now();
        self.node.heard(begin, message);
        while now().saturating_duration_since(begin) < BUDGET {
            let Some(message) = self.nats.next().now_or_never() else {
                break;
            };
            self.node.heard(now(), message);
        }
    }

    /// Everything that is due. Returns when more is.
    async fn step(&mut self) -> Instant {
        let now = now();
        self.mind_link(now);
        self.mind_terms();
        self.mind_bans(now);
        let clients = self.shared.metrics.connected_now(PeerRole::Client);
        self.node.set_clients(u32::try_from(clients).unwrap_or(0));
        let due = self.node.turn(now);
        self.publish().await;
        // Clients begin with all that was applied, and not with what the last tick has shown.
        if self.node.joined() && !self.view.is_joined() && self.shared.feeds.settle() {
            self.view.join();
        }
        // Each beat is an event. To look at all members after each of their changes as well would
        // cost as much as to apply one.
        let events = self.node.take_events();
        if !events.is_empty() || !std::mem::replace(&mut self.has_looked, true) {
            let status = self.node.status();
            let bans = self.report.tell(events, &self.shared, &status);
            if bans {
                self.adopt_bans(now);
            }
            self.view.see(status, now);
        }
        due.min(self.recheck)
    }

    /// Tells the node, and the operator, about the connection.
    fn mind_link(&mut self, now: Instant) {
        let link = self.nats.link();
        let settings = &self.shared.settings.cluster;
        if link != self.link {
            if self.link.is_up {
                self.node.connected(now, false);
            }
            if link.is_up {
                self.node.set_max_payload(link.max_payload);
                self.node.connected(now, true);
            }
            self.shared.metrics.cluster().connected(link.is_up);
            self.report.link(link, &self.nats);
            self.link = link;
        }
        if !link.is_up {
            self.report.failures(&self.nats.failures(), settings);
        }
        let complaints: Vec<_> = self.nats.complaints().collect();
        self.report.complaints(&complaints);
    }

    /// Hands over what the node has to say. After the first message that cannot be handed over in
    /// time, the others have no time at all: all are for the same server.
    async fn publish(&mut self) {
        let mut patience = nats::PATIENCE;
        let outbox: Vec<_> = self.node.outbox().collect();
        for message in outbox {
            if let Err(message) = self.nats.publish(message, now() + patience).await {
                patience = Duration::ZERO;
                self.shared.metrics.cluster().skipped();
                self.node.skipped(&message);
            }
        }
    }

    /// Tells the node the settings that have changed.
    fn mind_terms(&mut self) {
        let terms = self.shared.rules().terms;
        if terms != self.report.terms {
            self.node.set_terms(terms);
            self.view.set_keep(terms.keep);
            self.report.terms = terms;
        }
    }

    /// Tells the node the bans of this daemon when they have changed, and looks again which
    /// servers of others they cover.
    fn mind_bans(&mut self, now: Instant) {
        let bans = self.shared.rules().bans.clone();
        if !Arc::ptr_eq(&bans, &self.bans) {
            let wall = wall_clock();
            let holding = bans.iter().filter(|ban| ban.holds(wall));
            let left = |ban: Ban| Banned {
                prefix: ban.prefix,
                left: ban
                    .until
                    .map(|until| until.duration_since(wall).unwrap_or_default()),
            };
            let bans_left: Vec<_> = holding.map(left).collect();
            self.node.set_bans(now, &bans_left);
            self.bans = bans;
            self.recheck = now;
        }
        if self.recheck <= now {
            self.recheck = now + RECHECK;
            let rules = self.shared.rules();
            let in_force = rules.bans_in_force();
            // To look at every server again takes long with a long list.
            if in_force != self.hides {
                self.hides = in_force;
                let now = wall_clock();
                // As of this time: what is hidden must not change before others are told.
                let hidden = move |address| rules.banned_at(address, now).is_some();
                let which = which(&self.hides);
                self.shared.registry.set_hidden(&which, hidden);
            }
        }
    }

    /// The bans of others have changed.
    fn adopt_bans(&mut self, now: Instant) {
        let wall = wall_clock();
        let bans = self.node.bans(now).into_iter().map(|banned| Ban {
            prefix: banned.prefix,
            whom: Whom::Everybody,
            until: banned.left.and_then(|left| wall.checked_add(left)),
        });
        self.shared.adopt_bans_of_others(bans.collect());
        self.recheck = now;
    }

    async fn leave(&mut self) {
        let now = now();
        self.node.leave(now);
        self.publish().await;
        self.nats.flush(now + nats::PATIENCE).await;
        tracing::info!(
            "left the cluster: its other members keep the servers of this one for a while"
        );
    }
}

/// The prefixes that bans cover, in one order at all members.
fn which(bans: &[Ban]) -> String {
    let prefixes: BTreeSet<_> = bans.iter().map(|ban| ban.prefix.to_string()).collect();
    prefixes.into_iter().map(|prefix| prefix + " ").collect()
}

fn config(settings: &Settings) -> Config {
    let cluster = &settings.cluster;
    let member = cluster.member.as_ref();
    let terms = cluster.terms(&settings.live.limits);
    Config {
        cluster: cluster.name.to_string(),
        name: member.map(ToString::to_string).unwrap_or_default(),
        role: Role::of(cluster.role),
        run: fastrand::u64(..),
        hold: terms.hold,
        keep: terms.keep,
        idle_timeout: settings.live.limits.idle_timeout,
        bans: terms.bans,
        list_bytes: terms.list_bytes,
    }
}
