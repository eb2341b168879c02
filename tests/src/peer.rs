//! A peer in its own process, for tests that put it into its own network. Its modes:
//!
//! * `server HOST:PORT FINGERPRINT [IDENTITY-DIRECTORY]` publishes each line of its input as a
//!   heartbeat, and ends when its input ends;
//! * `client HOST:PORT FINGERPRINT` prints the list after each change, as a line of JSON: pairs of
//!   address and heartbeat;
//! * `get HOST:PORT PATH` prints what the daemon answers over HTTP;
//! * `weather ADDRESS HOST:PORT SEED LOSS DELAY-MS JITTER-MS REORDERED DUPLICATED` passes packets
//!   for ADDRESS on to the daemon and back, with the losses and delays of this weather.
#![forbid(unsafe_code)]

use anyhow::Context;
use futures::{StreamExt, stream};
use metaserve::{Connector, Identity, Role, Trust};
use metaserve_tests::{Weather, http};
use std::{
    collections::HashMap,
    io::Write,
    net::SocketAddr,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UdpSocket,
    sync::Semaphore,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["server", daemon, fingerprint] => server(daemon, fingerprint, None).await,
        ["server", daemon, fingerprint, directory] => {
            let identity = Identity::load_or_create(Path::new(directory), &[])?;
            server(daemon, fingerprint, Some(&identity)).await
        }
        ["client", daemon, fingerprint] => client(daemon, fingerprint).await,
        ["get", daemon, path] => {
            let answer = http::get(daemon.parse()?, path, &[]).await;
            std::io::stdout().write_all(&answer.body)?;
            Ok(())
        }
        ["weather", listen, daemon, seed, ref weather @ ..] => {
            let numbers = weather.iter().map(|it| it.parse());
            let numbers: Vec<u8> = numbers.collect::<Result<_, _>>()?;
            let [loss, delay, jitter, reordered, duplicated] = numbers[..] else {
                anyhow::bail!("the weather needs five numbers");
            };
            let mut weather = Weather::new(seed.parse()?);
            weather.loss = loss;
            weather.delay = Duration::from_millis(delay.into());
            weather.jitter = Duration::from_millis(jitter.into());
            weather.reordered = reordered;
            weather.duplicated = duplicated;
            relay(listen.parse()?, daemon.parse()?, weather).await
        }
        _ => anyhow::bail!("for the arguments, see the beginning of this program's source"),
    }
}

fn connector(
    role: Role,
    daemon: &str,
    fingerprint: &str,
    identity: Option<&Identity>,
) -> anyhow::Result<Connector> {
    let trust = Trust::Fingerprint(fingerprint.parse()?);
    Ok(Connector::new(role, daemon, &trust, identity)?)
}

async fn server(
    daemon: &str,
    fingerprint: &str,
    identity: Option<&Identity>,
) -> anyhow::Result<()> {
    let connector = connector(Role::Heartbeat, daemon, fingerprint, identity)?;
    let lines = BufReader::new(tokio::io::stdin()).lines();
    let heartbeats = stream::unfold(lines, |mut lines| async {
        let line = lines.next_line().await.ok()??;
        Some((line, lines))
    });
    metaserve_heartbeat::maintain(&connector)
        .run(heartbeats)
        .await?;
    Ok(())
}

async fn client(daemon: &str, fingerprint: &str) -> anyhow::Result<()> {
    let connector = connector(Role::Client, daemon, fingerprint, None)?;
    let connect = move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    };
    let mut list = pin!(metaserve_client::maintain(connect).run());
    while let Some(snapshot) = list.next().await {
        let snapshot = snapshot?;
        let pairs: Vec<_> = snapshot
            .servers()
            .map(|it| {
                (
                    it.address,
                    String::from_utf8_lossy(&it.heartbeat).into_owned(),
                )
            })
            .collect();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&pairs)?)?;
        out.flush()?;
    }
    anyhow::bail!("the list has ended")
}

/// How many packets may be in flight: further ones are lost, as in any queue.
const ON_THEIR_WAY: usize = 10_000;

/// The state that both directions share.
struct Sky {
    weather: Mutex<Weather>,
    places: Arc<Semaphore>,
}

impl Sky {
    /// Sends a packet when its delay is over, unless it is lost.
    fn pass(&self, packet: &[u8], socket: &Arc<UdpSocket>, to: SocketAddr) {
        let arrivals = match self.weather.lock() {
            Ok(mut weather) => weather.arrivals(),
            Err(_) => return,
        };
        for arrival in arrivals {
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                return;
            };
            let (socket, packet) = (socket.clone(), packet.to_vec());
            tokio::spawn(async move {
                tokio::time::sleep(arrival).await;
                // An error is treated as another lost packet.
                let _ = socket.send_to(&packet, to).await;
                drop(place);
            });
        }
    }
}

async fn relay(listen: SocketAddr, daemon: SocketAddr, weather: Weather) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(listen)
        .await
        .context("cannot bind the address")?;
    let socket = Arc::new(socket);
    let sky = Arc::new(Sky {
        weather: Mutex::new(weather),
        places: Arc::new(Semaphore::new(ON_THEIR_WAY)),
    });
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        let way = match ways.get(&peer) {
            Some(way) => way.clone(),
            None => {
                let way = Arc::new(UdpSocket::bind("0.0.0.0:0").await?);
                ways.insert(peer, way.clone());
                tokio::spawn(back(way.clone(), socket.clone(), peer, sky.clone()));
                way
            }
        };
        sky.pass(&buffer[..length], &way, daemon);
    }
}

async fn back(way: Arc<UdpSocket>, socket: Arc<UdpSocket>, peer: SocketAddr, sky: Arc<Sky>) {
    let mut buffer = vec![0; 65_536];
    // A packet refused because there is no daemon is an error here, but not an end.
    loop {
        if let Ok((length, _)) = way.recv_from(&mut buffer).await {
            sky.pass(&buffer[..length], &socket, peer);
        }
    }
}
