//! A query over UDP.

use super::{MAX_BYTES, MAX_DATAGRAMS};
use crate::{
    Unanswered,
    dialogue::{Dialogue, Heard},
};
use metaserve::ServerInfo;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

/// How long to wait for an answer before the request is repeated. Some servers answer one request
/// a second.
const FIRST_WAIT: Duration = Duration::from_millis(1100);
const SECOND_WAIT: Duration = Duration::from_millis(1400);

/// The longest datagram that UDP can carry.
pub(crate) const MAX_DATAGRAM_BYTES: usize = 64 * 1024;

/// A socket of the server's family that receives only what this address and port send. A port that
/// nothing listens on is refused at once.
pub(crate) async fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// Talks to a server until its answer is complete.
pub(super) async fn converse(
    server: SocketAddr,
    dialogue: &mut dyn Dialogue,
    patience: Duration,
) -> Result<Box<ServerInfo>, Unanswered> {
    let socket = connected(server).await?;
    let answer = timeout(patience, exchange(&socket, dialogue, patience)).await;
    match answer {
        Ok(answer) => answer,
        Err(_) => dialogue.settle().ok_or(Unanswered::Silent(patience)),
    }
}

async fn exchange(
    socket: &UdpSocket,
    dialogue: &mut dyn Dialogue,
    patience: Duration,
) -> Result<Box<ServerInfo>, Unanswered> {
    let mut received = Received::default();
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    let mut message = dialogue.open();
    loop {
        match repeat(
            socket,
            &message,
            dialogue,
            patience,
            &mut buffer,
            &mut received,
        )
        .await?
        {
            Heard::Say(next) => message = next,
            Heard::Done(info) => {
                if let Some(message) = dialogue.leave() {
                    // The answer is there, whether this arrives or not.
                    let _ = socket.send(&message).await;
                }
                return Ok(info);
            }
            Heard::More => return Err(Unanswered::Silent(patience)),
        }
    }
}

/// Says `message` up to three times. Returns what it led to, or [`Heard::More`] if nothing.
async fn repeat(
    socket: &UdpSocket,
    message: &[u8],
    dialogue: &mut dyn Dialogue,
    patience: Duration,
    buffer: &mut [u8],
    received: &mut Received,
) -> Result<Heard, Unanswered> {
    for (tries, wait) in [FIRST_WAIT, SECOND_WAIT, patience].into_iter().enumerate() {
        if tries == 2
            && let Some(info) = dialogue.settle()
        {
            return Ok(Heard::Done(info));
        }
        socket.send(message).await?;
        let mut silence = pin!(sleep(wait));
        loop {
            let length = tokio::select! {
                length = socket.recv(buffer) => length?,
                () = &mut silence => break,
            };
            let datagram = buffer.get(..length).unwrap_or_default();
            match received.hear(dialogue, datagram) {
                Ok(Heard::More) => {}
                Ok(heard) => return Ok(heard),
                // What is known of a server is enough, when a further answer is no good.
                Err(why) => return dialogue.settle().map(Heard::Done).ok_or(why),
            }
        }
    }
    Ok(Heard::More)
}

/// What came, which is bounded.
#[derive(Default)]
pub(crate) struct Received {
    datagrams: usize,
    bytes: usize,
}

impl Received {
    /// Has a dialogue take in one more datagram.
    pub(crate) fn hear(
        &mut self,
        dialogue: &mut dyn Dialogue,
        datagram: &[u8],
    ) -> Result<Heard, Unanswered> {
        self.count(datagram.len())?;
        dialogue.hear(datagram)
    }

    pub(crate) fn count(&mut self, bytes: usize) -> Result<(), Unanswered> {
        self.datagrams += 1;
        self.bytes += bytes;
        let Self { datagrams, bytes } = *self;
        match datagrams > MAX_DATAGRAMS || bytes > MAX_BYTES {
            true => Err(Unanswered::Endless { datagrams, bytes }),
            false => Ok(()),
        }
    }
}
