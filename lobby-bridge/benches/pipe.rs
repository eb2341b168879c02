//! Measures how fast two games are carried, compared with a bare proxy in the same run.
//!
//! `cargo bench -p metaserve-lobby-bridge --bench pipe` prints both rates and their ratio. It fails
//! if the ratio is below 0.8 or a byte is wrong. A number after `--` is the MiB to carry each way,
//! 64 by default.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use metaserve_lobby_bridge::{
    publish::Listings,
    vcmi::{Server, Settings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

const LEAST_RATIO: f64 = 0.8;

/// The best of this many runs counts, for both.
const ROUNDS: usize = 5;

const PAIRS: usize = 2;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mebibytes = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(64);
    let payload: Arc<[u8]> = payload(mebibytes * 1024 * 1024).into();
    let (mut best_bridge, mut best_proxy) = (0.0_f64, 0.0_f64);
    for round in 1..=ROUNDS {
        let bridge = rate(bridged_pairs().await?, &payload).await?;
        let proxy = rate(proxied_pairs().await?, &payload).await?;
        println!("round {round}: bridge {bridge:.0} MiB/s, bare proxy {proxy:.0} MiB/s");
        best_bridge = best_bridge.max(bridge);
        best_proxy = best_proxy.max(proxy);
    }
    let ratio = best_bridge / best_proxy;
    println!(
        "{PAIRS} pairs, {mebibytes} MiB each way: bridge {best_bridge:.0} MiB/s, \
         bare proxy {best_proxy:.0} MiB/s, ratio {ratio:.2}"
    );
    assert!(ratio >= LEAST_RATIO, "less than {LEAST_RATIO}");
    Ok(())
}

fn payload(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

/// Sends `payload` both ways through all pairs at once. Returns the total rate in MiB per second.
async fn rate(pairs: Vec<(TcpStream, TcpStream)>, payload: &Arc<[u8]>) -> io::Result<f64> {
    let begin = Instant::now();
    let mut ends = JoinSet::new();
    let count = pairs.len() * 2;
    for end in pairs.into_iter().flat_map(|(a, b)| [a, b]) {
        let payload = Arc::clone(payload);
        ends.spawn(async move {
            let (mut read, mut write) = end.into_split();
            let expected = Arc::clone(&payload);
            let sending = tokio::spawn(async move {
                write.write_all(&payload).await?;
                io::Result::Ok(write)
            });
            let mut buffer = vec![0; 256 * 1024];
            let mut received = 0;
            while received < expected.len() {
                let length = read.read(&mut buffer).await?;
                if length == 0 || expected[received..][..length] != buffer[..length] {
                    return Err(io::Error::other(format!("wrong after {received} bytes")));
                }
                received += length;
            }
            sending.await.map_err(io::Error::other)??;
            Ok(())
        });
    }
    while let Some(end) = ends.join_next().await {
        end.map_err(io::Error::other)??;
    }
    Ok((count * payload.len()) as f64 / (1024.0 * 1024.0) / begin.elapsed().as_secs_f64())
}

/// Makes game servers and game clients that are joined by a bridge.
async fn bridged_pairs() -> io::Result<Vec<(TcpStream, TcpStream)>> {
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Settings::default()
    };
    let server = Server::bind(settings, Listings::default()).map_err(io::Error::other)?;
    let address = server.local_address();
    tokio::spawn(server.run(CancellationToken::new()));
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        let uuids = start(address, number).await?;
        let mut pair = Vec::new();
        for (role, uuid) in [("server", &uuids[0]), ("client", &uuids[2])] {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            for payload in ["Aiya!\n", role, uuid] {
                stream.write_all(&frame(payload.as_bytes())).await?;
            }
            pair.push(stream);
        }
        for stream in &mut pair {
            // Both roles have six letters.
            stream.read_exact(&mut [0; 10 + 10 + 40]).await?;
        }
        pairs.extend(pair.pop().zip(pair.pop()));
    }
    Ok(pairs)
}

/// Starts a game of two. Returns the UUIDs of its server, the host and the guest.
async fn start(address: SocketAddr, number: usize) -> io::Result<Vec<String>> {
    let mut read = String::new();
    let name = |who: &str| format!("{who}{number}");
    let mut host = TcpStream::connect(address).await?;
    let mut guest = TcpStream::connect(address).await?;
    host.write_all(&frame(
        format!("\u{5}\0<GREETINGS>{0}<NEW>{0}<COUNT>2", name("host")).as_bytes(),
    ))
    .await?;
    until(&mut host, "room chat").await?;
    let room = name("host");
    let joins = format!(
        "\u{5}\0<GREETINGS>{}<JOIN>{room}<PSWD><READY>{room}",
        name("guest")
    );
    guest.write_all(&frame(joins.as_bytes())).await?;
    until(&mut guest, ":True").await?;
    host.write_all(&frame(format!("<READY>{room}").as_bytes()))
        .await?;
    host.read_to_string(&mut read).await?;
    let (_, uuids) = read.split_once(":>>HOST:").unwrap_or_default();
    let mut uuids = vec![uuids[..36].to_owned(), uuids[uuids.len() - 36..].to_owned()];
    read.clear();
    guest.read_to_string(&mut read).await?;
    uuids.push(read[read.len() - 36..].to_owned());
    Ok(uuids)
}

async fn until(stream: &mut TcpStream, wanted: &str) -> io::Result<()> {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(wanted) {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Makes the same pairs, joined only by `copy_bidirectional`.
async fn proxied_pairs() -> io::Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let (a, b) = (
            TcpStream::connect(listener.local_addr()?),
            TcpStream::connect(listener.local_addr()?),
        );
        let (a, b) = (a.await?, b.await?);
        let (mut x, mut y) = (listener.accept().await?.0, listener.accept().await?.0);
        for stream in [&a, &b, &x, &y] {
            stream.set_nodelay(true)?;
        }
        tokio::spawn(async move { copy_bidirectional(&mut x, &mut y).await });
        pairs.push((a, b));
    }
    Ok(pairs)
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default();
    [&length.to_le_bytes(), payload].concat()
}
