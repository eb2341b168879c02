//! A master on real sockets, with servers and clients of both families.

#![forbid(unsafe_code)]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use metaserve_lobby_bridge::{
    peers::{Addresses, Reach},
    publish::Listings,
    quake::{Links, Rules, Server, Settings},
};
use tokio::{net::UdpSocket, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Far more than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Running {
    port: u16,
    listings: Listings,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(saved: Option<PathBuf>) -> Self {
        let settings = Settings {
            listen: vec![SocketAddr::from(([0; 8], 0))],
            rules: Rules {
                addresses: Addresses {
                    reach: Reach::Any,
                    ..Addresses::default()
                },
                ..Rules::default()
            },
        };
        let listings = Listings::default();
        let links = Links {
            listings: listings.clone(),
            saved,
            ..Links::default()
        };
        let server = Server::bind(settings, links).expect("a free port");
        let port = server.local_addresses()[0].port();
        let shutdown = CancellationToken::new();
        let run = server.run(shutdown.clone());
        let task = tokio::spawn(async move { run.await.expect("nothing has stopped") });
        Self {
            port,
            listings,
            shutdown,
            task,
        }
    }

    async fn peer(&self, ip: IpAddr) -> Peer {
        let socket = UdpSocket::bind((ip, 0)).await.expect("a socket");
        socket.connect((ip, self.port)).await.expect("a route");
        Peer(socket)
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("it ends")
            .expect("no panic");
        assert_eq!(self.listings.now(), [], "its servers have left the list");
    }
}

struct Peer(UdpSocket);

impl Peer {
    async fn says(&self, text: &str) {
        let datagram = [b"\xff\xff\xff\xff", text.as_bytes()].concat();
        self.0.send(&datagram).await.expect("it is sent");
    }

    async fn hears(&self) -> Vec<u8> {
        let mut datagram = vec![0; 2_048];
        let length = timeout(PATIENCE, self.0.recv(&mut datagram)).await;
        datagram.truncate(length.expect("an answer").expect("a datagram"));
        datagram
    }

    /// Answers the next question.
    async fn answers(&self) {
        let question = String::from_utf8_lossy(&self.hears().await).into_owned();
        let challenge = question.rsplit_once(' ').expect("a challenge").1;
        self.says(&format!(
            "infoResponse\n\\protocol\\71\\clients\\1\\sv_maxclients\\8\\hostname\\x\\challenge\\\
             {challenge}"
        ))
        .await;
    }
}

/// Asks until the answer has this many bytes: a datagram may overtake another.
async fn list_of(client: &Peer, bytes: usize) {
    loop {
        client.says("getserversExt Quake3Arena 71 empty full").await;
        if client.hears().await.len() == bytes {
            return;
        }
    }
}

const EMPTY: usize = 4 + 21 + 7;

#[tokio::test]
async fn servers_of_both_families_register_and_are_listed() {
    let master = Running::start(None);
    let (four, six) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let client = master.peer(four).await;
    list_of(&client, EMPTY).await;
    let (server4, server6) = (master.peer(four).await, master.peer(six).await);
    for server in [&server4, &server6] {
        server.says("heartbeat QuakeArena-1\n").await;
        server.answers().await;
    }
    list_of(&client, EMPTY + 7 + 19).await;
    list_of(&master.peer(six).await, EMPTY + 7 + 19).await;
    let mut listed: Vec<_> = master
        .listings
        .now()
        .into_iter()
        .map(|(_, it)| it.address)
        .collect();
    listed.sort_unstable();
    let addresses = [&server4, &server6].map(|it| it.0.local_addr().expect("an address"));
    assert_eq!(listed, addresses);
    master.stop().await;
}

#[tokio::test]
async fn after_a_restart_servers_are_asked_without_a_heartbeat() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("quake3-servers");
    let first = Running::start(Some(file.clone()));
    let server = first.peer(Ipv4Addr::LOCALHOST.into()).await;
    server.says("heartbeat QuakeArena-1\n").await;
    server.answers().await;
    let address = server.0.local_addr().expect("an address");
    let saved = async {
        while !std::fs::read_to_string(&file).is_ok_and(|it| it.contains(&address.to_string())) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, saved).await.expect("the server is saved");
    first.stop().await;

    let second = Running::start(Some(file));
    server
        .0
        .connect(("127.0.0.1", second.port))
        .await
        .expect("a route");
    server.answers().await;
    list_of(&second.peer(Ipv4Addr::LOCALHOST.into()).await, EMPTY + 7).await;
    second.stop().await;
}
