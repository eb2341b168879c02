//! One connection of a stream protocol: frames go to the owner, messages come from the outbox.

use std::{io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use metaserve::time::{now, sleep_until};
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::tcp::OwnedWriteHalf,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId,
    entrance::Place,
    errands::Errands,
    inbox::{Inbox, ReadError},
    lobby::{Ends, Lobby, Standing},
    manners::{Goodbye, Manners, Said, Verdict},
    outbox::Outbox,
    owner::{Farewell, Owner},
    pace::Pace,
    server::Arrival,
};
use crate::{bans::Guard, metrics::Tally};

/// The limits of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The most bytes that may wait for it.
    pub(crate) queued_bytes: usize,
    /// How many bytes it may send or be sent in answer: at once, and then per second.
    pub(crate) bytes: (usize, usize),
    /// How many frames it may send: at once, and then per second.
    pub(crate) frames: (usize, usize),
    /// How long it may take to read the last messages, and to close its own side.
    pub(crate) linger: Duration,
}

/// The state that all connections of a server share.
pub(crate) struct Shared<E: Errands> {
    pub(crate) owner: Owner<E>,
    pub(crate) bans: Guard,
    pub(crate) bounds: Bounds,
    pub(crate) tally: Tally,
    pub(crate) shutdown: CancellationToken,
}

impl<E: Errands> Shared<E> {
    /// Reads and discards until the end of the stream, at most for the linger time, and stops when
    /// the program begins to shut down.
    pub(crate) async fn discard(&self, inbox: &mut Inbox) {
        tokio::select! {
            () = inbox.discard(self.bounds.linger) => {}
            () = self.shutdown.cancelled() => {}
        }
    }
}

/// A connection whose end will be announced.
pub(crate) struct Connection<E: Errands> {
    pub(crate) who: ConnectionId,
    pub(crate) ends: Ends,
    pub(crate) inbox: Inbox,
    pub(crate) write: OwnedWriteHalf,
    /// Taken when the connection counts as ended, even if it is not closed yet.
    pub(crate) farewell: Option<Farewell<E>>,
    /// Its place at its door, until it ends.
    pub(crate) place: Option<Place>,
    /// Whether the place is freed as soon as the lobby knows the peer.
    pub(crate) place_until_known: bool,
    pub(crate) shared: Arc<Shared<E>>,
}

/// How a connection ended, and what remains to do.
enum End {
    /// We close it. It gets some time to read what was sent to it last.
    Closed,
    /// The peer has ended its side, or cannot be written to.
    Gone,
    /// The peer does not read or does not answer. Its memory is freed at once.
    CutOff(&'static str),
}

impl<E: Errands> Connection<E> {
    /// Announces the connection to the owner. `None` if it is gone already, or the owner has ended.
    pub(crate) async fn open<Gate>(
        arrival: Arrival<Gate>,
        shared: &Arc<Shared<E>>,
    ) -> Option<Self> {
        let Arrival {
            stream, peer, who, ..
        } = arrival;
        let local = match stream.set_nodelay(true).and_then(|()| stream.local_addr()) {
            Ok(local) => local,
            Err(error) => {
                tracing::debug!(%error, "gone before it was served");
                return None;
            }
        };
        let farewell = shared.owner.announce(who).await?;
        let (read, write) = stream.into_split();
        Some(Self {
            who,
            ends: Ends {
                peer: peer.ip(),
                local,
            },
            inbox: Inbox::new(read),
            write,
            farewell: Some(farewell),
            place: Some(arrival.place),
            place_until_known: false,
            shared: Arc::clone(shared),
        })
    }

    /// Closes the connection such that no reset destroys what was written to it: ends our side,
    /// then reads and discards until the peer ends its own.
    pub(crate) async fn close(mut self) {
        self.farewell.take();
        if self.write.shutdown().await.is_ok() {
            self.shared.discard(&mut self.inbox).await;
        }
    }
}

/// Serves a peer until it ends. `entering` is the event with which it enters the lobby, and
/// `first` is a frame that it has sent already. The reason for the end is logged.
pub(crate) async fn serve<E: Errands, M: Manners<Event = <E::Lobby as Lobby>::Event>>(
    mut connection: Connection<E>,
    mut manners: M,
    entering: M::Event,
    first: Option<Said<M::Event>>,
) {
    match converse(&mut connection, &mut manners, entering, first).await {
        End::Closed => {
            let linger = connection.shared.bounds.linger;
            connection.inbox.discard(linger).await;
        }
        End::Gone => {}
        End::CutOff(why) => {
            manners.lost(why);
            // Otherwise the kernel would keep unread data for minutes.
            let socket = SockRef::from(connection.write.as_ref());
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}

/// Reads and writes until the lobby has closed the peer and everything was sent to it.
async fn converse<E: Errands, M: Manners<Event = <E::Lobby as Lobby>::Event>>(
    connection: &mut Connection<E>,
    manners: &mut M,
    entering: M::Event,
    first: Option<Said<M::Event>>,
) -> End {
    let Connection {
        who,
        ends,
        inbox,
        write,
        farewell,
        place,
        place_until_known,
        shared,
    } = connection;
    let outbox = Arc::new(Outbox::new(shared.bounds.queued_bytes));
    shared.owner.enter(*who, entering, outbox.clone()).await;
    let mut listener = Listener {
        who: *who,
        inbox,
        place: place_until_known.then_some(place),
        outbox: &outbox,
        shared,
    };
    let mut writer = pin!(deliver(write, &outbox));
    let goodbye = tokio::select! {
        end = listener.listen(manners, first) => Err(end),
        // Completes when the lobby has closed the peer and everything is sent, or a write failed.
        written = &mut writer => return written.map_or(End::Gone, |()| End::Closed),
        // It has some time to read the last messages, even if it still sends.
        () = outbox.finished() => Err(End::Closed),
        () = outbox.abandoned() => Err(End::CutOff("it does not read what was sent to it")),
        ban = shared.bans.until_banned(ends.peer) => {
            tracing::info!("disconnected: {ban} is banned");
            shared.tally.banned();
            Ok(manners.goodbye(Goodbye::Banned(&ban)))
        }
        () = shared.shutdown.cancelled() => Ok(manners.goodbye(Goodbye::Closing)),
    };
    let end = match goodbye {
        Ok(words) => {
            for message in words {
                let _ = outbox.push(message);
            }
            End::Closed
        }
        Err(end) => end,
    };
    // From here on it is out of the lobby, even if its last messages take a while.
    farewell.take();
    if let End::CutOff(_) = end {
        return end;
    }
    outbox.finish();
    match timeout(shared.bounds.linger, writer).await {
        Ok(Ok(())) => end,
        Ok(Err(_)) => End::Gone,
        Err(_) => End::CutOff("it does not read its farewell"),
    }
}

/// Reads from one peer.
struct Listener<'a, E: Errands> {
    who: ConnectionId,
    inbox: &'a mut Inbox,
    /// The place to free when the lobby knows the peer, if it is not kept.
    place: Option<&'a mut Option<Place>>,
    outbox: &'a Outbox,
    shared: &'a Shared<E>,
}

impl<E: Errands> Listener<'_, E> {
    /// Has each frame executed, until the peer or the lobby ends the connection.
    async fn listen<M: Manners<Event = <E::Lobby as Lobby>::Event>>(
        &mut self,
        manners: &mut M,
        first: Option<Said<M::Event>>,
    ) -> End {
        let (Bounds { bytes, frames, .. }, begin) = (&self.shared.bounds, now());
        let mut bytes = Pace::new(bytes.0, bytes.1, begin);
        let mut frames = Pace::new(frames.0, frames.1, begin);
        let mut standing = Standing::Outside;
        let mut first = first;
        loop {
            let said = match first.take() {
                Some(said) => said,
                None => match self.next(manners).await {
                    Ok(said) => said,
                    Err(end) => return end,
                },
            };
            let mut told = 0;
            if let Some(what) = said.what {
                (standing, told) = self.shared.owner.said(self.who, what).await;
            }
            if standing == Standing::Closing {
                return End::Closed;
            }
            // From here on it counts as a peer of the lobby.
            if let Some(place) = self.place.take() {
                *place = None;
            }
            let instant = now();
            let wait = frames.charge(1, instant);
            let wait = wait.max(bytes.charge(told.max(said.bytes), instant));
            manners.heard(standing, now());
            if !wait.is_zero() {
                tracing::debug!(?wait, "sends too much");
                let limit = manners.limit();
                tokio::select! {
                    () = sleep(wait) => {}
                    // Unread bytes beyond its pace do not keep a peer that is gone in the lobby.
                    () = self.inbox.ended() => return End::Gone,
                    () = sleep_until(limit.as_ref().map(|(time, _)| *time)) => match limit {
                        Some((_, Verdict::CutOff(why))) => return End::CutOff(why),
                        Some((_, Verdict::Close(words))) => return self.close(words),
                        _ => return End::Closed,
                    },
                }
                // It could not be read in the meantime.
                manners.heard(standing, now());
                if let Some(question) = manners.resumed(now()) {
                    let _ = self.outbox.push(question);
                }
            }
        }
    }

    /// Sends the peer these messages, after which it is closed.
    fn close(&self, words: Vec<Bytes>) -> End {
        for message in words {
            let _ = self.outbox.push(message);
        }
        End::Closed
    }

    /// Returns the next frame. Asks the peer for a sign of life as often as it needs to.
    async fn next<M: Manners<Event = <E::Lobby as Lobby>::Event>>(
        &mut self,
        manners: &mut M,
    ) -> Result<Said<M::Event>, End> {
        loop {
            let next = self.inbox.frame(
                |buffer| manners.take(buffer),
                |begun| manners.deadline(begun),
            );
            match next.await {
                Ok(Some(said)) => return Ok(said),
                Ok(None) => return Err(End::Gone),
                Err(ReadError::Io(error)) => {
                    tracing::debug!(%error, "no more frames");
                    return Err(End::Gone);
                }
                Err(ReadError::Frame(error)) => {
                    if let Some(what) = manners.broken(&error) {
                        self.shared.owner.said(self.who, what).await;
                    }
                    return Err(End::Closed);
                }
                Err(ReadError::Slow(_)) => match manners.expired(now()) {
                    Verdict::Ask(question) => drop(self.outbox.push(question)),
                    Verdict::Close(words) => return Err(self.close(words)),
                    Verdict::CutOff(why) => return Err(End::CutOff(why)),
                },
            }
        }
    }
}

/// Writes all messages of `outbox`, each in one piece, then ends our side.
async fn deliver(write: &mut OwnedWriteHalf, outbox: &Outbox) -> io::Result<()> {
    while let Some(bytes) = outbox.next().await {
        write.write_all(&bytes).await?;
    }
    write.shutdown().await
}
