//! Fakes over TCP: Minecraft.

use super::{Behaviour, answers};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// Serves connections until the task is aborted, which ends them too.
pub(super) async fn serve(listener: TcpListener, behaviour: Behaviour, asked: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            asked.fetch_add(1, Ordering::Relaxed);
            connections.spawn(async move {
                // An error is a client that has closed the connection.
                let _ = connection(stream, behaviour).await;
            });
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the first bytes that come, and leaves the connection open, as some servers do.
async fn connection(mut stream: TcpStream, behaviour: Behaviour) -> io::Result<()> {
    let mut question = [0; 1024];
    if stream.read(&mut question).await? == 0 {
        return Ok(());
    }
    match behaviour {
        Behaviour::Elsewhere => return Ok(()),
        Behaviour::Silent => {}
        Behaviour::Garbage => stream.write_all(&answers::garbage()).await?,
        Behaviour::Answers { bytes } => stream.write_all(&answers::minecraft(bytes)).await?,
        Behaviour::Slow => {
            for byte in answers::minecraft(1000) {
                stream.write_all(&[byte]).await?;
                sleep(Duration::from_millis(100)).await;
            }
        }
        Behaviour::Flood => {
            // A length that never comes to its end.
            stream.write_all(&[0xff, 0xff, 0x7f, 0]).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
    }
    while stream.read(&mut question).await? > 0 {}
    Ok(())
}
