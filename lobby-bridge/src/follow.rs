//! Follows the daemon's list for servers that publish themselves, so that a legacy protocol can
//! show them to its players.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use futures::{Stream, StreamExt, stream};
use imbl::{OrdMap, ordmap::DiffItem};
use metaserve::{Game, address::canonical};
use metaserve_client::{Connector, Server, ServerId, Snapshot, Snapshots, Status};
use tokio::sync::watch;

use crate::{
    metrics::{Link, Purpose, Tally},
    publish::Others,
};

type Map<T> = OrdMap<ServerId, T>;

/// A change of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Show it like this.
    Show(ServerId, T),
    /// Do not show it any longer.
    Withdraw(ServerId),
}

/// The servers to show. Changes are always to the newest state, without a backlog.
#[derive(Debug)]
pub struct Natives<T> {
    current: watch::Receiver<Map<T>>,
    told: Map<T>,
}

/// Turns a server into what a protocol shows; `None` if it cannot show it.
type Reader<T> = Box<dyn Fn(&Server) -> Option<T> + Send + Sync>;

/// Keeps [`Natives`] up to date. `T` is what a protocol shows of a server.
pub struct Follower<T> {
    current: watch::Sender<Map<T>>,
    connector: Connector,
    game: Option<Game>,
    read: Reader<T>,
    tells: fn(&T, &T) -> bool,
    tally: Tally,
    /// Servers of others, and which ones those are.
    others: Option<(Others, OthersOf)>,
}

/// Whether another program publishes a server, and the bridge leaves it to that.
type OthersOf = Box<dyn Fn(&Server) -> bool + Send + Sync>;

/// Follows the servers of `game`, or those of all games, that `read` can show. A server is not shown
/// again if `tells(shown, newer)`: players know everything in `newer` already.
///
/// A protocol of one game names it. A protocol of several games follows all of them over the same
/// connection, and `read` leaves out the others: the list comes once, whatever the number of games.
pub fn follow<T: Clone + Eq>(
    connector: Connector,
    game: Option<Game>,
    read: impl Fn(&Server) -> Option<T> + Send + Sync + 'static,
    tells: fn(&T, &T) -> bool,
) -> (Natives<T>, Follower<T>) {
    let (current, natives) = watch::channel(Map::new());
    let follower = Follower {
        current,
        connector,
        game,
        read: Box::new(read),
        tells,
        tally: Tally::default(),
        others: None,
    };
    let natives = Natives {
        current: natives,
        told: Map::new(),
    };
    (natives, follower)
}

impl<T: Clone + Eq + Send + Sync + 'static> Natives<T> {
    /// Returns the changes, several at a time if they come together. Ends with the follower.
    pub fn changes(self) -> impl Stream<Item = Vec<Change<T>>> + Send {
        stream::unfold(self, async |mut natives| {
            natives.current.changed().await.ok()?;
            let current = natives.current.borrow_and_update().clone();
            let changes = natives.told.diff(&current).map(|item| match item {
                DiffItem::Add(id, shown) => Change::Show(*id, shown.clone()),
                DiffItem::Update {
                    new: (id, shown), ..
                } => Change::Show(*id, shown.clone()),
                DiffItem::Remove(id, _) => Change::Withdraw(*id),
            });
            let changes = changes.collect();
            natives.told = current;
            Some((changes, natives))
        })
    }
}

impl<T: Clone + Eq + Send + Sync + 'static> Natives<T> {
    /// Returns the changes as [`changes`](Self::changes) does, with a number of our own for each
    /// server, which no other one is given: `Some` says how to show it, and `None` to withdraw it.
    pub fn numbered(self) -> impl Stream<Item = Vec<(u64, Option<T>)>> + Send {
        let (mut numbers, mut last) = (HashMap::new(), 0);
        self.changes().map(move |changes| {
            let changes = changes.into_iter().filter_map(|change| match change {
                Change::Show(id, shown) => {
                    let number = numbers.entry(id).or_insert_with(|| {
                        last += 1;
                        last
                    });
                    Some((*number, Some(shown)))
                }
                Change::Withdraw(id) => Some((numbers.remove(&id)?, None)),
            });
            changes.collect()
        })
    }
}

/// Returns the servers of the registry that an old list shows beside its own, so that players see
/// each address once: none that can be joined where one of the list's own is (`is_taken`), and of
/// several at one address the first.
pub fn once<'a, T: 'a, A: Iterator<Item = SocketAddr>>(
    natives: impl Iterator<Item = &'a T>,
    addresses: impl Fn(&'a T) -> A,
    is_taken: impl Fn(&SocketAddr) -> bool,
) -> impl Iterator<Item = &'a T> {
    let mut seen = HashSet::new();
    natives.filter(move |native| {
        let is_shown = |at: SocketAddr| is_taken(&at) || seen.contains(&at);
        let is_new = !addresses(native).any(is_shown);
        if is_new {
            seen.extend(addresses(native));
        }
        is_new
    })
}

impl<T: Clone> Follower<T> {
    /// Counts the servers and the connection for a protocol.
    #[must_use]
    pub fn counting(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// States in `others` where the servers are joined that are published by others, as `is_other`
    /// says, so that the bridge does not publish them as well.
    #[must_use]
    pub fn stating(
        self,
        others: Others,
        is_other: impl Fn(&Server) -> bool + Send + Sync + 'static,
    ) -> Self {
        let others = Some((others, Box::new(is_other) as OthersOf));
        Self { others, ..self }
    }

    /// Follows the list, through restarts of the daemon. Never completes. The servers stay as they
    /// are while there is no connection.
    pub async fn run(mut self) {
        let connector = self.connector.clone();
        // A closure: the bridge goes on whatever becomes of the list, so that no error may end this.
        let connect = move || {
            let connector = connector.clone();
            async move { connector.connect().await }
        };
        let mut link = Link::new(self.tally.metrics().clone(), Purpose::Follow);
        let list = metaserve_client::maintain(connect).on_status(move |status| {
            link.stands(&status);
            if let Status::Waiting { .. } = status {
                tracing::warn!("not connected to the daemon: {status}");
            }
        });
        let list = match &self.game {
            Some(game) => list.game(game.as_str()),
            None => list,
        };
        let mut list: Snapshots = list.run();
        while let Some(snapshot) = list.next().await {
            match snapshot {
                Ok(snapshot) => self.show(&snapshot),
                Err(error) => {
                    tracing::error!(%error, "no longer showing servers of the registry");
                    // Nothing is known of others now.
                    self.others = None;
                    break;
                }
            }
        }
        std::future::pending().await
    }

    fn show(&mut self, snapshot: &Snapshot) {
        let changes = snapshot.changes();
        if let Some((others, is_other)) = &mut self.others {
            for id in &changes.removed {
                others.state(*id, Vec::new());
            }
            for id in changes.added.iter().chain(&changes.updated) {
                let server = snapshot.get(*id).filter(|it| is_other(it));
                let places = server.map(|it| {
                    let addresses = it.addresses.iter();
                    let at = addresses.map(|at| (it.game.clone(), canonical(*at)));
                    at.collect()
                });
                others.state(*id, places.unwrap_or_default());
            }
        }
        self.current.send_if_modified(|map| {
            let before = map.clone();
            for id in &changes.removed {
                map.remove(id);
            }
            for id in changes.added.iter().chain(&changes.updated) {
                match snapshot.get(*id).and_then(|server| (self.read)(server)) {
                    None => drop(map.remove(id)),
                    Some(newer) if map.get(id).is_some_and(|it| (self.tells)(it, &newer)) => {}
                    Some(newer) => drop(map.insert(*id, newer)),
                }
            }
            !map.ptr_eq(&before)
        });
        self.tally.followed(self.current.borrow().len());
    }
}
