//! A running list: how its parts are put together.

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    time::{Instant, SystemTime},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use metaserve::{Fingerprint, Game, ServerInfo, program::Vital};
use metaserve_client::Server as Registered;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Counter, Errand, Event, ListLobby, News, ServerList, Shown, ShownOf};
use crate::{
    follow::{Follower, Natives},
    kept::{self, Keep, Keeper},
    metrics::Tally,
    peers::{self, ConnectionId, Desk, Heart, Means, Owner, Pulse, pulse},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listing,
    web::{Maker, Site, Source, page},
};

/// The most requests in progress at one time, beyond which others wait.
const REQUESTS: usize = 1_024;

/// A list of servers that is served over HTTP.
pub(crate) trait WebList: ServerList {
    /// Its name for the operator.
    const TITLE: &'static str;
    /// The name of the protocol in the keys of listings.
    const PROTOCOL: &'static str;
    /// The file in the state directory.
    const FILE: &'static str;
    /// The `Cache-Control` of the list.
    const CACHED: &'static str;

    /// What does its work.
    type Worker: Worker<Self>;

    /// Makes the list, with what an earlier run has left in `file`. `tally` counts for it.
    ///
    /// # Errors
    /// Something cannot be opened that it cannot do without.
    fn open(
        limits: &Self::Limits,
        file: &Path,
        tally: &Tally,
    ) -> impl Future<Output = Result<Ready<Self>, OpenError>> + Send;

    /// Its paths.
    fn site(counter: Counter<Self>) -> Site;

    /// Makes the list as clients fetch it.
    fn page(shown: &ShownOf<Self>) -> Vec<u8>;

    /// Reads a server of the registry; `None` if clients cannot join it.
    fn read(server: &Registered, info: &ServerInfo) -> Option<Self::Native>;

    /// Makes the record of a server, published by `bridge`, in at most `limit` bytes, and says where
    /// it is joined; `None` if nothing of it can be shown.
    fn record(
        listed: &Self::Listed,
        bridge: Option<&Fingerprint>,
        limit: usize,
    ) -> Option<(SocketAddr, ServerInfo)>;
}

/// Does what a list asks for. It belongs to the task that owns the list, so it must never wait.
pub(crate) trait Worker<L: ServerList>: Send + 'static {
    /// Does work. What takes time is returned; it runs in a task of its own, and its result is told
    /// to the list.
    fn run(&mut self, work: L::Work) -> Option<BoxFuture<'static, L::Done>>;
}

/// A list that is made.
pub(crate) struct Ready<L: WebList> {
    pub(crate) list: L,
    pub(crate) worker: L::Worker,
    /// Makes the content of its file.
    pub(crate) content: Box<Content<L>>,
}

/// Makes the content of the file of a list. The two times are of the same moment.
pub(crate) type Content<L> = dyn Fn(&ShownOf<L>, Instant, SystemTime) -> Vec<u8> + Send + Sync;

/// The settings of a list.
pub struct ListSettings<L: ServerList> {
    /// Where to listen for HTTP. `[::]` means all addresses of both families; port 0 means any free
    /// port.
    pub listen: SocketAddr,
    /// The game under which servers are published, and whose servers clients are shown.
    pub game: Game,
    /// The limits of servers.
    pub limits: L::Limits,
    /// The limits of what is exchanged with the registry.
    pub registry: RegistryLimits,
}

/// Limits of what a list exchanges with the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryLimits {
    /// Servers of the registry that are shown. Default 20,000; the others are left out.
    pub shown: usize,
    /// Bytes published about one server. Default 8 KiB, which daemons accept by default.
    pub record_bytes: usize,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self {
            shown: 20_000,
            record_bytes: 8 * 1024,
        }
    }
}

impl<L: ServerList> Default for ListSettings<L> {
    /// Port 80 of all addresses, and the protocol's own game.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0; 8], 80)),
            game: Game::new(L::GAME).expect("a valid tag"),
            limits: L::Limits::default(),
            registry: RegistryLimits::default(),
        }
    }
}

impl<L: ServerList> fmt::Debug for ListSettings<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListSettings")
            .field("listen", &self.listen)
            .field("game", &self.game)
            .field("limits", &self.limits)
            .field("registry", &self.registry)
            .finish()
    }
}

/// A list that listens, but serves nobody until it runs.
struct Server<L: WebList> {
    /// The address that is listened on.
    local: SocketAddr,
    desk: Desk<Errands<L>>,
    means: Means<Errands<L>>,
    pulse: (Pulse, Heart),
    maker: Maker<ShownOf<L>>,
    keeper: Keeper<Kept<L>>,
    natives: Option<Follower<L::Native>>,
    tasks: TaskTracker,
}

/// The servers at one time, by both clocks.
type Kept<L> = (ShownOf<L>, Instant, SystemTime);

/// Has work done, and passes on what is shown and kept.
pub(super) struct Errands<L: WebList> {
    owner: Owner<Self>,
    worker: L::Worker,
    tasks: TaskTracker,
    closing: CancellationToken,
    shown: Source<ShownOf<L>>,
    kept: Keep<Kept<L>>,
}

impl<L: WebList> peers::Errands for Errands<L> {
    type Lobby = ListLobby<L>;
    type Note = L::Done;

    fn run(&mut self, errand: Errand<L>) -> Option<ConnectionId> {
        match errand {
            Errand::Do(work) => {
                if let Some(working) = self.worker.run(work) {
                    let owner = self.owner.clone();
                    let working = async move { owner.note(working.await).await };
                    let closing = self.closing.clone();
                    self.tasks.spawn(closing.run_until_cancelled_owned(working));
                }
            }
            Errand::Show(shown) => self.shown.state(shown),
            Errand::Keep(shown, now, wall) => self.kept.keep((shown, now, wall)),
        }
        None
    }

    fn noted(&mut self, done: L::Done) -> Option<(ConnectionId, Event<L>)> {
        // No request has this number.
        Some((ConnectionId(u64::MAX), Event::Done(done)))
    }

    fn ended(&mut self, _: ConnectionId) {}
}

impl<L: WebList> Drop for Errands<L> {
    /// Nobody waits for work any more.
    fn drop(&mut self) {
        self.closing.cancel();
        self.tasks.close();
    }
}

impl<L: WebList> Server<L> {
    /// Listens as `settings` say, with what an earlier run has left in the state directory.
    ///
    /// # Errors
    /// An address cannot be listened on, or the registry cannot be followed.
    async fn open(settings: &ListSettings<L>, house: &House) -> Result<Self, OpenError> {
        let path = house.state_dir.join(L::FILE);
        let tally = house.metrics.tally(L::PROTOCOL);
        let Ready {
            list,
            worker,
            content,
        } = L::open(&settings.limits, &path, &tally).await?;
        let (shown, page, maker) = page(Shown::default(), L::page, L::CACHED);
        let content = move |(shown, now, wall): &Kept<L>| content(shown, *now, *wall);
        let (kept, keeper) = kept::keeper(path, content);
        let (owner, desk) = Owner::new(REQUESTS);
        let site = L::site(Counter::new(owner.clone(), page, tally.clone()));
        let local = house.web.add(settings.listen, site)?;
        let registry = house.registry.as_ref();
        let bridge = registry.map(|registry| registry.bridge);
        let (game, limits) = (settings.game.clone(), settings.registry);
        let followed = registry
            .map(|it| it.follow_others(L::PROTOCOL, Some(game.clone()), L::read, L::Native::eq));
        let (natives, follower) = followed.transpose()?.unzip();
        let natives = stream::iter(natives).flat_map(Natives::numbered);
        let bans = house.bans.changes().map(News::Bans);
        let tasks = TaskTracker::new();
        let means = Means {
            lobby: ListLobby::new(list, limits.shown).counting(tally.clone()),
            errands: Errands {
                owner,
                worker,
                tasks: tasks.clone(),
                closing: CancellationToken::new(),
                shown,
                kept,
            },
            news: stream::select(bans, natives.map(News::Natives).chain(stream::pending())).boxed(),
            protocol: L::PROTOCOL,
            tally: tally.clone(),
            listings: house.listings.clone(),
            listing: Box::new(move |listed: &L::Listed| {
                let (address, info) = L::record(listed, bridge.as_ref(), limits.record_bytes)?;
                Some(Listing {
                    game: game.clone(),
                    address,
                    heartbeat: info.to_json().into(),
                })
            }),
        };
        Ok(Self {
            local,
            desk,
            means,
            pulse: pulse(),
            maker,
            keeper: keeper.counting(tally.clone()),
            natives: follower.map(|it| it.counting(tally)),
            tasks,
        })
    }
}

impl<L: WebList> Protocol for ListSettings<L> {
    fn listens(&self) -> Vec<SocketAddr> {
        vec![self.listen]
    }

    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>> {
        let opened = async {
            let server = Server::<L>::open(self, house).await?;
            Ok(Box::new(server) as Box<dyn Opened>)
        };
        opened.boxed()
    }
}

impl<L: WebList> Opened for Server<L> {
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
            tasks,
        } = *self;
        let title = L::TITLE;
        tracing::info!(address = %local, "the list of {title} is open");
        let owning = desk.run(means, heart, closing.clone());
        vital.spawn(format!("the list of {title} at {local}"), async move {
            owning.await;
            tasks.wait().await;
        });
        let making = closing.clone().run_until_cancelled_owned(maker.run());
        vital.spawn(format!("making the list of {title}"), making);
        let keeping = keeper.run(closing.clone());
        vital.spawn(format!("keeping the list of {title}"), keeping);
        if let Some(natives) = natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn(
                format!("following the registry for the list of {title}"),
                follow,
            );
        }
    }
}
