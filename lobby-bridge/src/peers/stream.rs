//! One connection of a stream protocol: frames to the owner, messages from the outbox.

use std::{io, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use metaserve::time::{now, sleep_until};
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
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
};
use crate::bans::Guard;

/// What one connection may take.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Bytes that wait for it.
    pub(crate) queued_bytes: usize,
    /// Bytes that it may say, or be told in return, at once and then per second.
    pub(crate) bytes: (usize, usize),
    /// Frames that it may send at once and then per second.
    pub(crate) frames: (usize, usize),
    /// How long it may take to read what was said to it last, and to close its own side.
    pub(crate) linger: Duration,
}

/// What all connections of a server have in common.
pub(crate) struct Shared<E: Errands> {
    pub(crate) owner: Owner<E>,
    pub(crate) bans: Guard,
    pub(crate) bounds: Bounds,
    pub(crate) shutdown: CancellationToken,
}

impl<E: Errands> Shared<E> {
    /// Reads and forgets until the end of the stream, for as long as we linger, and not after
    /// the end of the program has begun.
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
    /// Its place among those of which the lobby knows nothing yet, for as long as it is one.
    pub(crate) undecided: Option<Place>,
    pub(crate) shared: Arc<Shared<E>>,
}

/// How a connection has ended, and what is still to do.
enum End {
    /// We close it: it may take some time to read what was said to it last.
    Closed,
    /// It has ended its side, or cannot be written to.
    Gone,
    /// It does not read, or does not answer; what it holds is to be freed at once.
    CutOff(&'static str),
}

impl<E: Errands> Connection<E> {
    /// Announces it to the owner. `None` when it is gone already, or the owner has ended.
    pub(crate) async fn open(
        stream: TcpStream,
        peer: IpAddr,
        who: ConnectionId,
        shared: &Arc<Shared<E>>,
    ) -> Option<Self> {
        let local = match stream.set_nodelay(true).and_then(|()| stream.local_addr()) {
            Ok(local) => local,
            Err(error) => {
                tracing::debug!(%error, "gone at once");
                return None;
            }
        };
        let farewell = shared.owner.announce(who).await?;
        let (read, write) = stream.into_split();
        Some(Self {
            who,
            ends: Ends { peer, local },
            inbox: Inbox::new(read),
            write,
            farewell: Some(farewell),
            undecided: None,
            shared: Arc::clone(shared),
        })
    }

    /// Closes it so that what was written to it is not lost by a reset: ends our side, then reads
    /// and forgets until the peer ends its own.
    pub(crate) async fn close(mut self) {
        self.farewell.take();
        if self.write.shutdown().await.is_ok() {
            self.shared.discard(&mut self.inbox).await;
        }
    }
}

/// Serves a peer to its end: `entering` is how it comes into the lobby, `first` what it has said
/// already. What ends it is the peer's business, and logged.
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
            // Without this the kernel would keep for minutes what is unread.
            let socket = SockRef::from(connection.write.as_ref());
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}

/// Listens and speaks until the lobby has let go of the peer and all was said to it.
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
        undecided,
        shared,
    } = connection;
    let outbox = Arc::new(Outbox::new(shared.bounds.queued_bytes));
    shared.owner.enter(*who, entering, outbox.clone()).await;
    let mut listener = Listener {
        who: *who,
        inbox,
        undecided,
        outbox: &outbox,
        shared,
    };
    let mut writer = pin!(deliver(write, &outbox));
    let goodbye = tokio::select! {
        end = listener.listen(manners, first) => Err(end),
        // It ends when the lobby has let go and everything is said, or nothing can be.
        written = &mut writer => return written.map_or(End::Gone, |()| End::Closed),
        // It has a while to read what was said to it last, whatever it still has to say.
        () = outbox.finished() => Err(End::Closed),
        () = outbox.abandoned() => Err(End::CutOff("it does not read what was sent to it")),
        ban = shared.bans.until_banned(ends.peer) => {
            tracing::info!("disconnected: {ban} is banned");
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
    // It is out of the lobby from here on, even if it takes a while to say goodbye.
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

/// What hears a peer.
struct Listener<'a, E: Errands> {
    who: ConnectionId,
    inbox: &'a mut Inbox,
    undecided: &'a mut Option<Place>,
    outbox: &'a Outbox,
    shared: &'a Shared<E>,
}

impl<E: Errands> Listener<'_, E> {
    /// Has each frame executed, until the peer or the lobby ends it.
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
            // From here on it is counted as a peer of the lobby.
            self.undecided.take();
            let instant = now();
            let wait = frames.charge(1, instant);
            let wait = wait.max(bytes.charge(told.max(said.bytes), instant));
            manners.heard(standing, now());
            if !wait.is_zero() {
                tracing::debug!(?wait, "talks too much");
                let limit = manners.limit();
                tokio::select! {
                    () = sleep(wait) => {}
                    // What it has said beyond its pace does not keep it in the lobby.
                    () = self.inbox.ended() => return End::Gone,
                    () = sleep_until(limit.as_ref().map(|(time, _)| *time)) => match limit {
                        Some((_, Verdict::CutOff(why))) => return End::CutOff(why),
                        _ => return End::Closed,
                    },
                }
                // It could not be heard meanwhile.
                manners.heard(standing, now());
                if let Some(question) = manners.resumed(now()) {
                    let _ = self.outbox.push(question);
                }
            }
        }
    }

    /// The next frame, however often the peer has to be asked for it.
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
                    Verdict::Close => return Err(End::Closed),
                    Verdict::CutOff(why) => return Err(End::CutOff(why)),
                },
            }
        }
    }
}

/// Writes everything that is put into `outbox`, each message whole, then ends our side.
async fn deliver(write: &mut OwnedWriteHalf, outbox: &Outbox) -> io::Result<()> {
    while let Some(bytes) = outbox.next().await {
        write.write_all(&bytes).await?;
    }
    write.shutdown().await
}
