//! Tests that a server which publishes itself, and registers with an old master as well, is one
//! row of the list.

use crate::{
    DAEMON,
    process::{Bridge, address_after},
    vcmi::trusted,
};
use metaserve::{Role, ServerInfo};
use metaserve_client::Snapshot;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant, patiently};
use std::net::SocketAddr;
use tokio::{net::UdpSocket, task::JoinHandle};

/// A game server of OpenArena.
struct OldServer {
    socket: UdpSocket,
    address: SocketAddr,
    name: &'static str,
}

impl OldServer {
    /// Starts one, and registers it.
    async fn registered(name: &'static str, master: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        socket.connect(master).await.unwrap();
        let server = Self {
            socket,
            address,
            name,
        };
        server.registers().await;
        server
    }

    /// Sends a heartbeat, and answers the question that follows.
    async fn registers(&self) {
        self.says("heartbeat QuakeArena-1\n").await;
        let mut datagram = [0; 2_048];
        let question = patiently("a question", self.socket.recv(&mut datagram)).await;
        let question = String::from_utf8_lossy(&datagram[..question.unwrap()]).into_owned();
        let (_, challenge) = question.trim_end().rsplit_once(' ').unwrap();
        self.says(&format!(
            "infoResponse\n\\protocol\\71\\gamename\\Quake3Arena\\clients\\1\\sv_maxclients\\8\
             \\hostname\\{}\\challenge\\{challenge}",
            self.name
        ))
        .await;
    }

    async fn says(&self, text: &str) {
        let datagram = [b"\xff\xff\xff\xff", text.as_bytes()].concat();
        self.socket.send(&datagram).await.unwrap();
    }

    /// Publishes it in another way.
    async fn publishes_itself(&self, daemon: &Daemon) -> JoinHandle<()> {
        let connection = daemon.connect(Role::Heartbeat, None).await;
        let port = self.address.port();
        let publisher = Publisher::new(connection).game("openarena").port(port);
        let heartbeat = ServerInfo::new("native").to_json();
        tokio::spawn(async move {
            let _ended = publisher.run(constant(heartbeat)).await;
        })
    }
}

/// The rows of the list: names and addresses, sorted.
fn rows(list: &Snapshot) -> Vec<(String, SocketAddr)> {
    let row = |server: &metaserve_client::Server| {
        let info = ServerInfo::from_json(&server.heartbeat).unwrap();
        (info.name, server.address)
    };
    let mut rows: Vec<_> = list.servers().map(row).collect();
    rows.sort();
    rows
}

async fn shows(client: &mut Follower, wanted: &[(&str, SocketAddr)]) {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(name, at)| ((*name).to_owned(), *at))
        .collect();
    let what = format!("{wanted:?}");
    client.until(&what, |list| rows(list) == wanted).await;
}

#[tokio::test]
async fn a_server_that_publishes_itself_is_one_row_until_only_the_old_master_knows_it() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let master = ["--quake3", "127.0.0.1:0", "--quake3-addresses", "any"];
    let mut bridge = Bridge::with(&daemon, state.path(), &master).await;
    let open = bridge.logged("master is open").await;
    let master = address_after(&open, "address=");
    let mut client = Follower::new(&daemon, Some("openarena")).await;

    let alone = OldServer::registered("alone", master).await;
    let both = OldServer::registered("both", master).await;
    let by_the_bridge = [("alone", alone.address), ("both", both.address)];
    shows(&mut client, &by_the_bridge).await;
    let row_of_alone = client
        .snapshot
        .servers()
        .find(|it| it.address == alone.address)
        .map(|it| it.id);

    // It begins to publish itself, and stops, again and again.
    for _ in 0..2 {
        let native = both.publishes_itself(&daemon).await;
        let once = [("alone", alone.address), ("native", both.address)];
        shows(&mut client, &once).await;
        both.registers().await;
        alone.registers().await;
        native.abort();
        shows(&mut client, &by_the_bridge).await;
    }

    // A server that is in the list before it registers.
    let native = both.publishes_itself(&daemon).await;
    let late = OldServer::registered("late", master).await;
    let all = [
        ("alone", alone.address),
        ("late", late.address),
        ("native", both.address),
    ];
    shows(&mut client, &all).await;
    let kept = client
        .snapshot
        .servers()
        .find(|it| it.address == alone.address);
    assert_eq!(
        kept.map(|it| it.id),
        row_of_alone,
        "a server that nobody else publishes stays as it is"
    );

    // Its other publisher ends together with the daemon.
    drop(client);
    native.abort();
    let daemon = daemon.kill_and_restart(&arguments).await;
    let mut client = Follower::new(&daemon, Some("openarena")).await;
    let by_the_bridge = [
        ("alone", alone.address),
        ("both", both.address),
        ("late", late.address),
    ];
    shows(&mut client, &by_the_bridge).await;
}
