//! What stands between the library and a game server.

use super::transcode::Transcode;
use crate::{
    Answer, Unanswered,
    exchange::{MAX_BYTES, MAX_DATAGRAM_BYTES, Received, connected},
};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, copy},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// Passes datagrams between `asked`, which is given the relay's address, and a server of either
/// family, until `asked` ends or too much has come. Texts in answers are made UTF-8 by `transcode`,
/// and answers that have a `hazard` then are left out.
pub(super) async fn datagrams(
    server: SocketAddr,
    transcode: Transcode,
    hazard: fn(&[u8]) -> bool,
    asked: impl AsyncFnOnce(SocketAddr) -> Result<Answer, Unanswered>,
) -> Result<Answer, Unanswered> {
    let outer = connected(server).await?;
    let inner = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let relay = inner.local_addr()?;
    let passed = async {
        let mut received = Received::default();
        let mut library = None;
        let mut question = vec![0; 2048];
        let mut answer = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            tokio::select! {
                asked = inner.recv_from(&mut question) => {
                    let (length, from) = asked?;
                    library = Some(from);
                    outer.send(question.get(..length).unwrap_or_default()).await?;
                }
                answered = outer.recv(&mut answer) => {
                    let length = answered?;
                    received.count(length)?;
                    let answer = transcode.apply(answer.get(..length).unwrap_or_default());
                    if hazard(&answer) {
                        let text = "it would harm the library";
                        return Err(Unanswered::Malformed(text.into()));
                    }
                    if let Some(library) = library {
                        inner.send_to(&answer, library).await?;
                    }
                }
            }
        }
    };
    tokio::select! {
        answer = asked(relay) => answer,
        problem = passed => problem,
    }
}

/// Passes one connection between `asked`, which is given the relay's address, and a server of
/// either family.
pub(super) async fn stream(
    server: SocketAddr,
    asked: impl AsyncFnOnce(SocketAddr) -> Result<Answer, Unanswered>,
) -> Result<Answer, Unanswered> {
    let mut outer = TcpStream::connect(server).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let relay = listener.local_addr()?;
    let passed = async {
        let (mut inner, _) = listener.accept().await?;
        let (questions, mut to_library) = inner.split();
        let (answers, mut to_server) = outer.split();
        let (mut questions, mut answers) = (
            questions.take(MAX_BYTES as u64),
            answers.take(MAX_BYTES as u64),
        );
        tokio::try_join!(
            copy(&mut questions, &mut to_server),
            copy(&mut answers, &mut to_library),
        )?;
        // The library has all that there is.
        drop(inner);
        std::future::pending().await
    };
    tokio::select! {
        answer = asked(relay) => answer,
        problem = passed => problem,
    }
}
