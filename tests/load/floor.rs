//! The floor: the same bytes to as many connections with quinn alone, with the same transport
//! settings. It decides, encodes and stores nothing.

use crate::clients::lock;
use bytes::Bytes;
use metaserve::{
    Identity, Limits, Role,
    program::print::print,
    tls::{secret::Secret, server::server_config},
    transport,
};
use quinn::crypto::rustls::HandshakeData;
use socket2::SockRef;
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::AsyncReadExt, sync::watch};

/// The traffic to send, as measured on the daemon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytesent {
    /// The bytes that each client gets first.
    pub(crate) first: usize,
    /// The bytes that each client then gets each time.
    pub(crate) each: usize,
    /// The interval.
    pub(crate) every: Duration,
}

impl Bytesent {
    /// The same as arguments for [`main`], with a state directory.
    pub(crate) fn arguments(self, state: &Path) -> Vec<String> {
        vec![
            state.display().to_string(),
            self.first.to_string(),
            self.each.to_string(),
            self.every.as_micros().to_string(),
        ]
    }

    fn parse(arguments: &[String]) -> anyhow::Result<(&Path, Self)> {
        let [state, first, each, every] = arguments else {
            anyhow::bail!("the floor is started by the load generator");
        };
        let sent = Self {
            first: first.parse()?,
            each: each.parse()?,
            every: Duration::from_micros(every.parse()?),
        };
        Ok((Path::new(state), sent))
    }
}

/// The main function of the floor's process. It prints its address and fingerprint, begins to send
/// when it receives a byte on standard input, and ends when that is closed.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (state, sent) = Bytesent::parse(&arguments)?;
    // Like the daemon: one thread is best for small packets.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(serve(state, sent))
}

const BUFFER_BYTES: usize = 4 * 1024 * 1024;

async fn serve(state: &Path, sent: Bytesent) -> anyhow::Result<()> {
    let identity = Identity::load_or_create(state, &["localhost".into()])?;
    let secret = Secret::load_or_create(state)?;
    let transport = transport::server(&Limits::default());
    let config = server_config(&identity, &secret, transport, &Role::ALL)?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = UdpSocket::bind(listen)?;
    // Like the daemon's: as much as the system gives.
    let _ = SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES);
    let _ = SockRef::from(&socket).set_send_buffer_size(BUFFER_BYTES);
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint =
        quinn::Endpoint::new(secret.endpoint_config(0, 1), Some(config), socket, runtime)?;
    let (address, fingerprint) = (endpoint.local_addr()?, identity.fingerprint());
    print(format!("{address} {fingerprint}\n"))?;

    // The prefix of a frame, then arbitrary bytes.
    let first = Bytes::from(vec![0x5a; sent.first]);
    let each = Bytes::from(vec![0x5a; sent.each]);
    let followers = Arc::new(Followers::default());
    let accept = async {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(peer(
                incoming,
                first.clone(),
                each.clone(),
                followers.clone(),
            ));
        }
    };
    let tick = async {
        let mut every = tokio::time::interval(sent.every.max(Duration::from_millis(1)));
        loop {
            every.tick().await;
            followers.wake().await;
        }
    };
    let mut input = tokio::io::stdin();
    // The generator says when to begin, and has ended when its input is closed.
    let mut told = async || matches!(input.read(&mut [0]).await, Ok(1..));
    let run = async {
        if told().await && sent.each > 0 {
            tokio::select! {
                () = tick => {}
                _ = told() => {}
            }
        }
        let _gone = told().await;
    };
    tokio::select! {
        () = accept => Ok(()),
        () = run => Ok(()),
    }
}

/// The clients, in the groups in which they are woken: waking all at once would cause QUIC's
/// probes, so this is the cheapest way.
#[derive(Default)]
struct Followers(Mutex<Vec<watch::Sender<u64>>>);

impl Followers {
    const GROUP: usize = 32;

    fn join(&self) -> watch::Receiver<u64> {
        let mut groups = lock(&self.0);
        if let Some(last) = groups.last()
            && last.receiver_count() < Self::GROUP
        {
            return last.subscribe();
        }
        let (group, woken) = watch::channel(0);
        groups.push(group);
        woken
    }

    async fn wake(&self) {
        let groups = lock(&self.0).len();
        for group in 0..groups {
            lock(&self.0)[group].send_modify(|round| *round += 1);
            tokio::task::yield_now().await;
        }
    }
}

/// One peer: reads from a server, or writes to a client. Ends with its connection.
async fn peer(
    incoming: quinn::Incoming,
    first: Bytes,
    each: Bytes,
    followers: Arc<Followers>,
) -> Option<()> {
    let connection = incoming.await.ok()?;
    let data = connection
        .handshake_data()?
        .downcast::<HandshakeData>()
        .ok()?;
    let mut reading = connection.accept_uni().await.ok()?;
    if Role::from_alpn(data.protocol.as_deref()?)? == Role::Heartbeat {
        while let Ok(Some(_)) = reading.read_chunk(usize::MAX, true).await {}
        return None;
    }
    let mut out = connection.open_uni().await.ok()?;
    out.write_chunk(first).await.ok()?;
    let mut woken = followers.join();
    loop {
        tokio::select! {
            changed = woken.changed() => changed.ok()?,
            _ = connection.closed() => return None,
        }
        out.write_chunk(each.clone()).await.ok()?;
    }
}
