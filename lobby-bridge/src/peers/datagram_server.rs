//! A lobby whose peers send datagrams and nothing else: its sockets, its owner, and their end.

use std::net::SocketAddr;

use bytes::Bytes;
use metaserve::program::{Stopped, Vital};
use tokio_util::sync::CancellationToken;

use super::{
    ListenError,
    datagrams::{Datagrams, Post, Way},
    errands::Errands,
    lobby::Lobby,
    owner::{Desk, Means, Owner},
    pulse::{Heart, Pulse, pulse},
};
use crate::bans::Guard;

/// The sockets of a lobby, before anybody is served.
#[derive(Debug)]
pub(crate) struct DatagramServer {
    datagrams: Datagrams,
    pulse: (Pulse, Heart),
}

/// How datagrams are served.
pub(crate) struct Correspondence<E: Errands> {
    pub(crate) owner: Owner<E>,
    pub(crate) desk: Desk<E>,
    pub(crate) means: Means<E>,
    pub(crate) bans: Guard,
    /// Makes news of a datagram.
    pub(crate) news: fn(Way, Bytes) -> <E::Lobby as Lobby>::News,
}

impl DatagramServer {
    /// Binds a socket to each address, as [`Datagrams::open`] does.
    pub(crate) fn open(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        Ok(Self::of(Datagrams::open(addresses)?))
    }

    /// Binds two sockets to each address, as [`Datagrams::open_pairs`] does.
    pub(crate) fn open_pairs(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        Ok(Self::of(Datagrams::open_pairs(addresses)?))
    }

    fn of(datagrams: Datagrams) -> Self {
        let pulse = pulse();
        Self { datagrams, pulse }
    }

    /// The addresses, with the ports that the system chose for port 0.
    pub(crate) fn local_addresses(&self) -> Vec<SocketAddr> {
        self.datagrams.local_addresses()
    }

    /// The way out, for the lobby's errands.
    pub(crate) fn post(&self) -> Post {
        self.datagrams.post()
    }

    /// Returns a handle that checks that the lobby works once it [runs](Self::run).
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.0.clone()
    }

    /// Serves until `shutdown` is cancelled. Peers of datagrams need no goodbye.
    ///
    /// # Errors
    /// A task that the lobby cannot do without has failed.
    pub(crate) async fn run<E: Errands>(
        self,
        serving: Correspondence<E>,
        shutdown: CancellationToken,
    ) -> Result<(), Stopped> {
        let Self { datagrams, pulse } = self;
        let Correspondence {
            owner,
            desk,
            means,
            bans,
            news,
        } = serving;
        let (vital, closing) = (Vital::default(), shutdown.child_token());
        let tally = means.tally.clone();
        let owning = desk.run(means, pulse.1, closing.clone());
        vital.spawn("the owner of its state", owning);
        let reading = datagrams.run(owner, (bans, tally), news);
        let reading = closing.clone().run_until_cancelled_owned(reading);
        vital.spawn("reading datagrams", reading);
        let stopped = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            stopped = vital.stopped() => Err(stopped),
        };
        closing.cancel();
        stopped.and(vital.join().await)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr, Ipv6Addr},
        time::{Duration, Instant, SystemTime},
    };

    use futures::{StreamExt, stream};
    use tokio::{net::UdpSocket, time::timeout};

    use super::*;
    use crate::{
        metrics::Tally,
        peers::{Chore, ConnectionId, Effect, Effects, Standing},
        publish::Listings,
    };

    /// Far more than anything takes, even on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(120);

    /// A lobby that sends each datagram back: at once, and then in a long answer.
    struct Echo;

    impl Lobby for Echo {
        type Event = ();
        type News = (Way, Bytes);
        type GameId = u64;
        type Game = ();
        type Errand = (Way, Bytes);

        fn ended() {}

        fn handle(&mut self, _: ConnectionId, (): (), _: Instant) -> Effects<Self> {
            Vec::new()
        }

        fn hear(&mut self, news: (Way, Bytes), _: Instant, _: SystemTime) -> Effects<Self> {
            vec![Effect::Errand(news)]
        }

        fn standing(&self, _: ConnectionId) -> Standing {
            Standing::Inside
        }

        fn chores(&self) -> Vec<Chore<(Way, Bytes)>> {
            Vec::new()
        }
    }

    struct Answers(Post);

    impl Errands for Answers {
        type Lobby = Echo;
        type Note = ();

        fn run(&mut self, (way, datagram): (Way, Bytes)) -> Option<ConnectionId> {
            self.0.send(way, &datagram);
            let long = (0..25).map(|_| datagram.clone());
            self.0.send_all(way, long.collect());
            None
        }

        fn noted(&mut self, (): ()) -> Option<(ConnectionId, ())> {
            None
        }

        fn ended(&mut self, _: ConnectionId) {}
    }

    #[tokio::test]
    async fn datagrams_are_answered_from_the_address_that_was_asked_in_both_families() {
        let everywhere = SocketAddr::from(([0; 8], 0));
        let server = DatagramServer::open(&[everywhere]).unwrap();
        let port = server.local_addresses()[0].port();
        let (owner, desk) = Owner::new(0);
        let serving = Correspondence {
            owner,
            desk,
            means: Means {
                lobby: Echo,
                errands: Answers(server.post()),
                news: stream::pending().boxed(),
                protocol: "echo",
                listings: Listings::default(),
                listing: Box::new(|()| None),
                tally: Tally::default(),
            },
            bans: Guard::none(),
            news: |way, datagram| (way, datagram),
        };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.run(serving, shutdown.clone()));
        // A connected socket hears only the address that it has asked.
        let asked: [IpAddr; 3] = [
            Ipv4Addr::LOCALHOST.into(),
            Ipv4Addr::new(127, 0, 0, 2).into(),
            Ipv6Addr::LOCALHOST.into(),
        ];
        for ip in asked {
            let own: IpAddr = match ip {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            let peer = UdpSocket::bind((own, 0)).await.unwrap();
            peer.connect((ip, port)).await.unwrap();
            peer.send(b"hello").await.unwrap();
            for _ in 0..26 {
                let mut answer = [0; 100];
                let length = timeout(PATIENCE, peer.recv(&mut answer)).await;
                let length = length.expect("an answer").unwrap();
                assert_eq!(&answer[..length], b"hello", "{ip}");
            }
        }
        shutdown.cancel();
        task.await.unwrap().unwrap();
    }
}
