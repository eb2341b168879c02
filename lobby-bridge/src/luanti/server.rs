//! A running list: how its parts are put together.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Instant, SystemTime},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use metaserve::{
    Game,
    program::Vital,
    time::{now, wall_clock},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    GAME, PROTOCOL,
    limits::Limits,
    list::{Errand, Event, List, Listed, News, Ping},
    listing::record,
    native::Native,
    page::Shown,
    ping::Pinger,
    routes::{self, CACHED},
    stored::StoredList,
};
use crate::{
    follow::{Follower, Natives},
    kept::{self, Keep, Keeper},
    peers::{self, ConnectionId, Desk, Heart, Means, Owner, Pulse, pulse},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listing,
    web::{Maker, Source, page},
};

/// The file in the state directory.
const FILE: &str = "luanti.json";

/// The most requests in progress at one time, beyond which others wait.
const REQUESTS: usize = 1_024;

/// The settings of a list.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen for HTTP. `[::]` means all addresses of both families; port 0 means any free
    /// port.
    pub listen: SocketAddr,
    /// The game under which servers are published, and whose servers clients are shown.
    pub game: Game,
    /// The limits.
    pub limits: Limits,
}

impl Default for Settings {
    /// Port 80 of all addresses, game `luanti`.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0; 8], 80)),
            game: Game::new(GAME).expect("a valid tag"),
            limits: Limits::default(),
        }
    }
}

/// A list that listens, but serves nobody until it runs.
pub struct Server {
    /// The address that is listened on.
    local: SocketAddr,
    desk: Desk<Errands>,
    means: Means<Errands>,
    pulse: (Pulse, Heart),
    maker: Maker<Shown>,
    keeper: Keeper<Kept>,
    natives: Option<Follower<Native>>,
    pings: TaskTracker,
}

/// The list at one time, by both clocks.
type Kept = (Shown, Instant, SystemTime);

/// Pings servers, and passes on what is shown and kept.
pub(super) struct Errands {
    owner: Owner<Self>,
    pinger: Pinger,
    pings: TaskTracker,
    closing: CancellationToken,
    shown: Source<Shown>,
    kept: Keep<Kept>,
}

impl peers::Errands for Errands {
    type Lobby = List;
    type Note = (Ping, Option<f64>);

    fn run(&mut self, errand: Errand) -> Option<ConnectionId> {
        match errand {
            Errand::Ping(ping) => {
                let (owner, pinger) = (self.owner.clone(), self.pinger.clone());
                let asking = async move {
                    let took = pinger.ping(&ping).await;
                    owner.note((ping, took)).await;
                };
                let closing = self.closing.clone();
                self.pings.spawn(closing.run_until_cancelled_owned(asking));
            }
            Errand::Show(shown) => self.shown.state(shown),
            Errand::Keep(shown, now, wall) => self.kept.keep((shown, now, wall)),
        }
        None
    }

    fn noted(&mut self, (ping, took): Self::Note) -> Option<(ConnectionId, Event)> {
        // No request has this number.
        Some((ConnectionId(u64::MAX), Event::Pinged(ping, took)))
    }

    fn ended(&mut self, _: ConnectionId) {}
}

impl Drop for Errands {
    /// Nobody waits for pings any more.
    fn drop(&mut self) {
        self.closing.cancel();
        self.pings.close();
    }
}

impl Server {
    /// Listens as `settings` say, with what an earlier run has left in the state directory.
    ///
    /// # Errors
    /// An address cannot be listened on, or the registry cannot be followed.
    fn open(settings: &Settings, house: &House) -> Result<Self, OpenError> {
        let path = house.state_dir.join(FILE);
        let limits = settings.limits.clone();
        let tally = house.metrics.tally(PROTOCOL);
        let mut list = List::new(limits.clone()).counting(tally.clone());
        list.restore(earlier(&path), now(), wall_clock());
        let (shown, page, maker) = page(Shown::default(), Shown::json, CACHED);
        let (kept, keeper) = kept::keeper(path, |(shown, now, wall): &Kept| {
            serde_json::to_vec(&StoredList::new(shown, *now, *wall)).unwrap_or_default()
        });
        let (owner, desk) = Owner::new(REQUESTS);
        let site = routes::site(owner.clone(), page, tally.clone());
        let local = house.web.add(settings.listen, site)?;
        let registry = house.registry.as_ref();
        let bridge = registry.map(|registry| registry.bridge);
        let game = settings.game.clone();
        let followed = registry.map(|it| it.follow(Some(game), Native::read, Native::tells));
        let (natives, follower) = followed.transpose()?.unzip();
        let natives = stream::iter(natives).flat_map(Natives::numbered);
        let bans = house.bans.changes().map(News::Bans);
        let (game, limit) = (settings.game.clone(), limits.listing_bytes);
        let pings = TaskTracker::new();
        let means = Means {
            lobby: list,
            errands: Errands {
                owner,
                pinger: Pinger::new(limits.pings, limits.ping_time),
                pings: pings.clone(),
                closing: CancellationToken::new(),
                shown,
                kept,
            },
            news: stream::select(bans, natives.map(News::Natives).chain(stream::pending())).boxed(),
            protocol: PROTOCOL,
            listings: house.listings.clone(),
            listing: Box::new(move |listed: &Listed| {
                let info = record(listed, bridge.as_ref(), limit)?;
                Some(Listing {
                    game: game.clone(),
                    address: listed.at,
                    heartbeat: info.to_json().into(),
                })
            }),
            tally: tally.clone(),
        };
        Ok(Self {
            local,
            desk,
            means,
            pulse: pulse(),
            maker,
            keeper: keeper.counting(tally.clone()),
            natives: follower.map(|it| it.counting(tally)),
            pings,
        })
    }
}

/// Reads what an earlier run has left.
fn earlier(path: &Path) -> StoredList {
    let read = kept::read(path).and_then(|bytes| {
        let list = bytes.map(|bytes| serde_json::from_slice(&bytes));
        Ok(list.transpose()?)
    });
    match read {
        Ok(list) => list.unwrap_or_default(),
        Err(error) => {
            let file = path.display();
            tracing::error!(
                "cannot use {file}, so that the list is empty until servers announce themselves \
                 again: {error}"
            );
            StoredList::default()
        }
    }
}

impl Protocol for Settings {
    fn listens(&self) -> Vec<SocketAddr> {
        vec![self.listen]
    }

    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>> {
        let opened = async { Ok(Box::new(Server::open(self, house)?) as Box<dyn Opened>) };
        opened.boxed()
    }
}

impl Opened for Server {
    fn pulse(&self) -> Pulse {
        self.pulse.0.clone()
    }

    fn serve(self: Box<Self>, vital: &Vital, closing: &CancellationToken) {
        let Self {
            local,
            desk,
            means,
            pulse: (_, heart),
            maker,
            keeper,
            natives,
            pings,
        } = *self;
        tracing::info!(address = %local, "the list of Luanti is open");
        let owning = desk.run(means, heart, closing.clone());
        vital.spawn(format!("the list of Luanti at {local}"), async move {
            owning.await;
            pings.wait().await;
        });
        let making = closing.clone().run_until_cancelled_owned(maker.run());
        vital.spawn("making the list of Luanti", making);
        vital.spawn("keeping the list of Luanti", keeper.run(closing.clone()));
        if let Some(natives) = natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn("following the registry", follow);
        }
    }
}
