//! A running list: how its parts are put together.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::{Instant, SystemTime},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use metaserve::{
    Game,
    program::Vital,
    time::{now, wall_clock},
};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::{
    GAME, PROTOCOL,
    entries::Servers,
    limits::Limits,
    list::Shown,
    listing::record,
    master::{Errand, Listed, Master, News},
    native::Native,
    routes::{self, CACHED},
    stored::StoredList,
};
use crate::{
    follow::{Follower, Natives},
    kept::{self, Keep, Keeper},
    metrics::{Question, Tally},
    peers::{self, ConnectionId, Desk, Heart, Means, Owner, Pulse, pulse},
    protocol::{House, OpenError, Opened, Protocol},
    publish::Listing,
    web::{Maker, Source, page},
};

/// The file in the state directory.
const FILE: &str = "ddnet.json";

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
    /// Port 80 of all addresses, game `ddnet`.
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
}

/// The servers at one time, by both clocks.
type Kept = (Servers, Instant, SystemTime);

/// Sends challenges, and passes on what is shown and kept.
pub(super) struct Errands {
    sockets: Vec<UdpSocket>,
    shown: Source<Shown>,
    kept: Keep<Kept>,
    tally: Tally,
}

impl peers::Errands for Errands {
    type Lobby = Master;
    type Note = Infallible;

    fn run(&mut self, errand: Errand) -> Option<ConnectionId> {
        match errand {
            Errand::Challenge(to, datagram) => {
                let family = |socket: &&UdpSocket| {
                    let local = socket.local_addr();
                    local.is_ok_and(|it| it.is_ipv4() == to.is_ipv4())
                };
                // A challenge that is lost is sent again with the next request.
                match self.sockets.iter().find(family) {
                    Some(socket) => match socket.try_send_to(&datagram, to) {
                        Ok(_) => {
                            self.tally.question(Question::Asked);
                            tracing::trace!(%to, "sent a challenge");
                        }
                        Err(error) => {
                            self.tally.unsent(1);
                            tracing::debug!(%to, "cannot send a challenge: {error}");
                        }
                    },
                    None => {
                        self.tally.unsent(1);
                        tracing::debug!(%to, "cannot send a challenge: not this family");
                    }
                }
            }
            Errand::Show(shown) => self.shown.state(shown),
            Errand::Keep(servers, now, wall) => self.kept.keep((servers, now, wall)),
        }
        None
    }

    fn noted(&mut self, note: Infallible) -> Option<(ConnectionId, super::master::Event)> {
        match note {}
    }

    fn ended(&mut self, _: ConnectionId) {}
}

impl Server {
    /// Listens as `settings` say, with what an earlier run has left in the state directory.
    ///
    /// # Errors
    /// An address cannot be listened on, or the registry cannot be followed.
    async fn open(settings: &Settings, house: &House) -> Result<Self, OpenError> {
        let sockets = challengers().await?;
        let path = house.state_dir.join(FILE);
        let (seed, stored) = earlier(&path)?;
        let tally = house.metrics.tally(PROTOCOL);
        let mut master = Master::new(settings.limits.clone(), &seed).counting(tally.clone());
        master.restore(stored.servers, now(), wall_clock());
        let (shown, page, maker) = page(Shown::default(), Shown::json, CACHED);
        let (kept, keeper) = kept::keeper(path, move |(servers, now, wall): &Kept| {
            let list = StoredList::new(&seed, servers, *now, *wall);
            serde_json::to_vec(&list).unwrap_or_default()
        });
        let (owner, desk) = Owner::new(REQUESTS);
        let local = house
            .web
            .add(settings.listen, routes::site(owner, page, tally.clone()))?;
        let registry = house.registry.as_ref();
        let bridge = registry.map(|registry| registry.bridge);
        let game = settings.game.clone();
        let followed = registry.map(|it| it.follow(Some(game), Native::read, Native::tells));
        let (natives, follower) = followed.transpose()?.unzip();
        let natives = stream::iter(natives).flat_map(Natives::numbered);
        let bans = house.bans.changes().map(News::Bans);
        let (game, limit) = (settings.game.clone(), settings.limits.listing_bytes);
        let means = Means {
            lobby: master,
            errands: Errands {
                sockets,
                shown,
                kept,
                tally: tally.clone(),
            },
            tally: tally.clone(),
            news: stream::select(bans, natives.map(News::Natives).chain(stream::pending())).boxed(),
            protocol: PROTOCOL,
            listings: house.listings.clone(),
            listing: Box::new(move |listed: &Listed| {
                let address = listed.addresses.first()?.at;
                let info = record(listed, bridge.as_ref(), limit);
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
        })
    }
}

/// Sockets that send challenges: one of each family that this machine has.
async fn challengers() -> io::Result<Vec<UdpSocket>> {
    let four = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
    let six = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await;
    match (four, six) {
        (Err(error), Err(_)) => Err(error),
        (four, six) => Ok(four.into_iter().chain(six).collect()),
    }
}

/// Reads what an earlier run has left, or begins with a seed of its own.
fn earlier(path: &Path) -> Result<([u8; 32], StoredList), peers::ListenError> {
    let file = path.display();
    let read = kept::read(path).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| {
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let list: StoredList = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let seed = list.seed().ok_or("it has no seed")?;
        Ok(Some((seed, list)))
    });
    match read {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => {}
        Err(error) => tracing::error!(
            "cannot use {file}, so that servers have to prove their addresses again: {error}"
        ),
    }
    let seed = peers::seed()?;
    let list = StoredList::new(&seed, &Servers::new(), now(), wall_clock());
    // Servers keep their tokens for days, also if none is listed before the next restart.
    let written = serde_json::to_vec(&list).map_err(io::Error::from);
    if let Err(error) = written.and_then(|content| kept::write(path, &content)) {
        tracing::warn!(
            "cannot write {file}, so that a restart would be noticed by game servers: {error}: \
             choose a directory with space for it with --state-dir"
        );
    }
    Ok((seed, list))
}

impl Protocol for Settings {
    fn listens(&self) -> Vec<SocketAddr> {
        vec![self.listen]
    }

    fn open<'a>(&'a self, house: &'a House) -> BoxFuture<'a, Result<Box<dyn Opened>, OpenError>> {
        let opened = async {
            let server = Server::open(self, house).await?;
            Ok(Box::new(server) as Box<dyn Opened>)
        };
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
        } = *self;
        tracing::info!(address = %local, "the list of DDNet is open");
        let owning = desk.run(means, heart, closing.clone());
        vital.spawn(format!("the list of DDNet at {local}"), owning);
        let making = closing.clone().run_until_cancelled_owned(maker.run());
        vital.spawn("making the list of DDNet", making);
        vital.spawn("keeping the list of DDNet", keeper.run(closing.clone()));
        if let Some(natives) = natives {
            let follow = closing.clone().run_until_cancelled_owned(natives.run());
            vital.spawn("following the registry", follow);
        }
    }
}
