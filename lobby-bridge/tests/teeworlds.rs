//! A master of Teeworlds on real sockets, with servers and clients of both families.

#![forbid(unsafe_code)]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use metaserve_lobby_bridge::{
    peers::{Addresses, Reach},
    publish::Listings,
    teeworlds::{Links, Rules, Server, Settings},
};
use metaserve_query::teeworlds::packets::{
    Message, Token, message, token_answer, token_asked, token_given, token_request,
};
use tokio::{net::UdpSocket, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Far more than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const OURS: Token = [7; 4];

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
            ..Settings::default()
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

    async fn stop(self) {
        self.shutdown.cancel();
        let ended = timeout(PATIENCE, self.task).await;
        ended.expect("it ends").expect("no panic");
        assert_eq!(self.listings.now(), [], "its servers have left the list");
    }
}

/// A server or a client, which is asked from any port.
struct Peer {
    socket: UdpSocket,
    master: SocketAddr,
    /// The master's token.
    token: Token,
}

impl Peer {
    async fn meets(master: &Running, ip: IpAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).await.expect("a socket");
        let master = SocketAddr::new(ip, master.port);
        let mut peer = Self {
            socket,
            master,
            token: OURS,
        };
        peer.sends(&token_request(OURS)).await;
        let (answer, from) = peer.hears().await;
        assert_eq!(from, master, "from the address that was asked");
        peer.token = token_given(&answer, OURS).expect("a token");
        peer
    }

    async fn sends(&self, datagram: &[u8]) {
        let sent = self.socket.send_to(datagram, self.master).await;
        sent.expect("it is sent");
    }

    async fn says(&self, kind: [u8; 4], rest: &[u8]) {
        self.sends(&message(self.token, OURS, kind, rest)).await;
    }

    async fn hears(&self) -> (Vec<u8>, SocketAddr) {
        let mut datagram = vec![0; 2_048];
        let heard = timeout(PATIENCE, self.socket.recv_from(&mut datagram)).await;
        let (length, from) = heard.expect("an answer").expect("a datagram");
        datagram.truncate(length);
        (datagram, from)
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().expect("an address").port()
    }

    async fn calls(&self) {
        self.says(*b"bea2", &self.port().to_be_bytes()).await;
    }

    /// Answers a check until it has said what it is. Returns what it was sent.
    async fn serves(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        loop {
            let (datagram, from) = self.hears().await;
            let said = Message::read(&datagram);
            let reply = match (token_asked(&datagram), said) {
                (Some(theirs), _) => token_answer(theirs, OURS),
                (None, Some(said)) => {
                    kinds.push(String::from_utf8_lossy(&said.kind).into_owned());
                    match &said.kind {
                        b"fw??" => message(said.from, OURS, *b"fw!!", b""),
                        b"gie3" => {
                            let server = b"\x050.7.5\0Tee\0\0ctf1\0CTF\0\0\0\x01\x08\x01\x08";
                            message(said.from, OURS, *b"inf3", server)
                        }
                        _ => {
                            assert_eq!(from, self.master, "the verdict");
                            continue;
                        }
                    }
                }
                other => panic!("{other:?}"),
            };
            assert_ne!(from, self.master, "checks come from another port");
            self.socket.send_to(&reply, from).await.expect("it is sent");
            if kinds.last().is_some_and(|it| it == "gie3") {
                return kinds;
            }
        }
    }

    /// Asks until the list has so many servers: a datagram may overtake another.
    async fn gets_list_of(&self, servers: usize) {
        loop {
            self.says(*b"req2", b"").await;
            let (list, _) = self.hears().await;
            let list = Message::read(&list).expect("a message");
            assert_eq!(&list.kind, b"lis2");
            if list.rest.len() == servers * 18 {
                return;
            }
        }
    }
}

const FOUR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SIX: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Waits until so many servers are published.
async fn published(master: &Running, servers: usize) {
    let published = async {
        while master.listings.now().len() != servers {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, published).await.expect("it is published");
}

#[tokio::test]
async fn servers_of_both_families_register_and_are_listed() {
    let master = Running::start(None);
    let client = Peer::meets(&master, FOUR).await;
    client.gets_list_of(0).await;
    let servers = [
        Peer::meets(&master, FOUR).await,
        Peer::meets(&master, SIX).await,
    ];
    for server in &servers {
        server.calls().await;
        assert_eq!(server.serves().await, ["fw??", "fwok", "gie3"]);
    }
    client.gets_list_of(2).await;
    Peer::meets(&master, SIX).await.gets_list_of(2).await;
    published(&master, 2).await;
    let listed = master.listings.now();
    let mut listed: Vec<_> = listed.into_iter().map(|(_, it)| it.address).collect();
    listed.sort_unstable();
    let addresses = servers.map(|it| it.socket.local_addr().expect("an address"));
    assert_eq!(listed, addresses);
    master.stop().await;
}

#[tokio::test]
async fn after_a_restart_servers_are_checked_without_a_heartbeat() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("teeworlds-servers");
    let first = Running::start(Some(file.clone()));
    let server = Peer::meets(&first, FOUR).await;
    server.calls().await;
    server.serves().await;
    let address = server.socket.local_addr().expect("an address").to_string();
    let saved = async {
        while !std::fs::read_to_string(&file).is_ok_and(|it| it.contains(&address)) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, saved).await.expect("the server is saved");
    first.stop().await;

    let second = Running::start(Some(file));
    assert_eq!(server.serves().await, ["fw??", "gie3"]);
    Peer::meets(&second, FOUR).await.gets_list_of(1).await;
    published(&second, 1).await;
    second.stop().await;
}
