//! A query over TCP.

use super::MAX_BYTES;
use crate::{Unanswered, dialogue::Call};
use metaserve::ServerInfo;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Tries questions one after the other, each on a connection of its own, until one is answered.
pub(super) async fn call(
    server: SocketAddr,
    calls: Vec<Call>,
    patience: Duration,
) -> Result<Box<ServerInfo>, Unanswered> {
    let each = patience / calls.len().try_into().unwrap_or(u32::MAX).max(1);
    let mut why = Unanswered::Silent(patience);
    for call in calls {
        let late = |_| Err(Unanswered::Silent(patience));
        let answer = timeout(each, one(server, &call)).await;
        match answer.unwrap_or_else(late) {
            Err(Unanswered::Closed) => return Err(Unanswered::Closed),
            Err(other) => why = why.or(other),
            answer => return answer,
        }
    }
    Err(why)
}

async fn one(server: SocketAddr, call: &Call) -> Result<Box<ServerInfo>, Unanswered> {
    let mut stream = TcpStream::connect(server).await?;
    let mut received = Vec::new();
    // A connection that breaks ends the answer.
    let mut ended = stream.write_all(&call.say).await.is_err();
    loop {
        if let Some(info) = (call.hear)(&received, ended)? {
            return Ok(info);
        }
        if ended {
            return Err(Unanswered::Ended);
        }
        if received.len() >= MAX_BYTES {
            return Err(Unanswered::Endless {
                datagrams: 0,
                bytes: received.len(),
            });
        }
        let left = MAX_BYTES - received.len();
        let mut bounded = (&mut stream).take(left as u64);
        ended = !matches!(bounded.read_buf(&mut received).await, Ok(1..));
    }
}
