//! Follows the registry for servers that publish themselves in game `alephone`, and shows them
//! to players as games.

use std::{collections::HashMap, time::Instant};

use futures::StreamExt;
use imbl::{OrdMap, ordmap::DiffItem};
use metaserve::{Connector, Fingerprint};
use metaserve_client::{ServerId, Snapshot, Snapshots};
use tokio::sync::watch;

use super::{
    GameId,
    description::Description,
    event::{Effect, NativeGame},
    hall::Hall,
    hidden::Hidden,
    listing::GAME,
    published,
};
use crate::net::now;

/// A clock that is off by less is not worth telling everybody.
const CLOCK_SECONDS: u32 = 5;

type Map = OrdMap<ServerId, Shown>;

/// A server, and when its clock was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    game: NativeGame,
    read: Instant,
}

/// What has changed about one server.
#[derive(Debug)]
pub(super) enum Change {
    Show(ServerId, NativeGame),
    Withdraw(ServerId),
}

/// The servers to show, for the hall's owner.
#[derive(Debug)]
pub struct Natives {
    current: watch::Receiver<Map>,
    told: Map,
    ids: HashMap<ServerId, GameId>,
}

/// Keeps [`Natives`] up to date.
#[derive(Debug)]
pub struct Follower {
    current: watch::Sender<Map>,
    connector: Connector,
    bridge: Fingerprint,
    hidden: Vec<Hidden>,
}

impl Natives {
    /// No servers, and there never will be any.
    #[must_use]
    pub fn none() -> Self {
        Self::of(watch::channel(Map::new()).1)
    }

    /// The servers that a follower finds by `connector`, but those that `bridge` publishes.
    #[must_use]
    pub fn of_registry(connector: Connector, bridge: Fingerprint) -> (Self, Follower) {
        let (current, natives) = watch::channel(Map::new());
        let follower = Follower {
            current,
            connector,
            bridge,
            hidden: Vec::new(),
        };
        (Self::of(natives), follower)
    }

    fn of(current: watch::Receiver<Map>) -> Self {
        let (told, ids) = (Map::new(), HashMap::new());
        Self { current, told, ids }
    }

    /// Waits for changes, and returns them as told from now on. Cancel safe.
    pub(super) async fn changes(&mut self) -> Vec<Change> {
        if self.current.changed().await.is_err() {
            return std::future::pending().await;
        }
        let current = self.current.borrow_and_update().clone();
        let changes = self.told.diff(&current).map(|item| match item {
            DiffItem::Add(id, shown) => Change::Show(*id, shown.game.clone()),
            DiffItem::Update {
                new: (id, shown), ..
            } => Change::Show(*id, shown.game.clone()),
            DiffItem::Remove(id, _) => Change::Withdraw(*id),
        });
        let changes = changes.collect();
        self.told = current;
        changes
    }

    /// Has the hall show a change.
    pub(super) fn apply(&mut self, change: Change, hall: &mut Hall, now: Instant) -> Vec<Effect> {
        match change {
            Change::Show(server, game) => self.show(server, game, hall, now),
            Change::Withdraw(server) => {
                let Some(id) = self.ids.remove(&server) else {
                    return Vec::new();
                };
                let mut effects = hall.withdraw(id, now);
                // Its place is free for one that was left out.
                let left_out = |(server, _): &(&ServerId, &Shown)| !self.ids.contains_key(*server);
                let next = match self.ids.len() < self.told.len() {
                    true => self.told.iter().find(left_out),
                    false => None,
                };
                if let Some((server, game)) = next.map(|(id, shown)| (*id, shown.game.clone())) {
                    effects.extend(self.show(server, game, hall, now));
                }
                effects
            }
        }
    }

    fn show(
        &mut self,
        server: ServerId,
        game: NativeGame,
        hall: &mut Hall,
        now: Instant,
    ) -> Vec<Effect> {
        let known = self.ids.get(&server).copied();
        let (id, effects) = hall.show(known, game, now);
        match id {
            Some(id) => {
                self.ids.insert(server, id);
            }
            None => tracing::warn!(%server, "not shown to players: there are too many servers"),
        }
        effects
    }
}

impl Follower {
    /// Leaves out these servers.
    #[must_use]
    pub fn hiding(self, hidden: Vec<Hidden>) -> Self {
        Self { hidden, ..self }
    }

    /// Follows the registry, through restarts of the daemon. It never ends by itself, and leaves
    /// the list as it is while there is no connection.
    pub async fn run(self) {
        let connector = self.connector.clone();
        let connect = move || {
            let connector = connector.clone();
            async move { connector.connect().await }
        };
        let mut list: Snapshots = metaserve_client::maintain(connect).game(GAME).run();
        while let Some(snapshot) = list.next().await {
            match snapshot {
                Ok(snapshot) => self.show(&snapshot),
                Err(error) => {
                    tracing::error!(%error, "servers of the registry are not shown any more");
                    break;
                }
            }
        }
        std::future::pending().await
    }

    fn show(&self, snapshot: &Snapshot) {
        let now = now().into_std();
        let changes = snapshot.changes();
        self.current.send_if_modified(|map| {
            let before = map.clone();
            for id in &changes.removed {
                map.remove(id);
            }
            for id in changes.added.iter().chain(&changes.updated) {
                let server = snapshot.get(*id);
                let server = server.filter(|it| !self.hidden.iter().any(|hide| hide.hides(it)));
                match server.and_then(|server| published::native(server, &self.bridge)) {
                    None => drop(map.remove(id)),
                    Some(game) if map.get(id).is_some_and(|it| it.tells(&game, now)) => {}
                    Some(game) => drop(map.insert(*id, Shown { game, read: now })),
                }
            }
            !map.ptr_eq(&before)
        });
    }
}

impl Shown {
    /// Whether players know all that `game` says, by what they were told and their clocks.
    fn tells(&self, game: &NativeGame, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.read).as_secs();
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        let clock = match (self.game.seconds_left, game.seconds_left) {
            (Some(told), Some(left)) => told.saturating_sub(elapsed).abs_diff(left) < CLOCK_SECONDS,
            (told, left) => told == left,
        };
        clock
            && self.game.address == game.address
            && timeless(&self.game.description) == timeless(&game.description)
    }
}

/// A description but for how long the game takes, which in one made from a server's record
/// changes all the time.
fn timeless(description: &[u8]) -> Option<Description> {
    let description = Description::parse(description).ok()?;
    let time_limit_ticks = match description.is_timed() {
        true => 1,
        false => 0,
    };
    Some(Description {
        time_limit_ticks,
        ..description
    })
}
