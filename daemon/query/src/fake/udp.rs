//! Fakes over UDP.

use super::{Behaviour, answers};
use crate::Protocol;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::UdpSocket;

/// How many datagrams a flood has for each that comes.
const FLOOD: usize = 10_000;

/// How long an answer is that is not told its length.
const USUAL_BYTES: usize = 1000;

pub(super) struct Sockets {
    pub(super) socket: UdpSocket,
    /// Another port.
    pub(super) elsewhere: UdpSocket,
}

/// Answers until the task is aborted. A datagram that cannot be sent is lost, as on any network.
pub(super) async fn serve(
    protocol: Protocol,
    sockets: Sockets,
    behaviour: Behaviour,
    asked: Arc<AtomicU64>,
) {
    let Sockets { socket, elsewhere } = &sockets;
    let mut buffer = vec![0; 2048];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        asked.fetch_add(1, Ordering::Relaxed);
        let question = buffer.get(..length).unwrap_or_default();
        let bytes = match behaviour {
            Behaviour::Answers { bytes } => bytes,
            _ => USUAL_BYTES,
        };
        let mut answer = answers::udp(protocol, question, bytes);
        match behaviour {
            Behaviour::Silent => {}
            Behaviour::Answers { .. } => send(socket, from, &answer).await,
            Behaviour::Elsewhere => send(elsewhere, from, &answer).await,
            Behaviour::Garbage => send(socket, from, &[answers::garbage()]).await,
            Behaviour::Slow => {
                answer.iter_mut().for_each(|it| it.truncate(it.len() / 2));
                send(socket, from, &answer).await;
            }
            Behaviour::Flood => {
                // Each is no answer to what was asked, and so long that a few fill a buffer.
                for datagram in std::iter::repeat_with(answers::garbage).take(FLOOD) {
                    send(socket, from, &[datagram]).await;
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

async fn send(socket: &UdpSocket, to: SocketAddr, datagrams: &[Vec<u8>]) {
    for datagram in datagrams {
        let _ = socket.send_to(datagram, to).await;
    }
}
