//! A game server that speaks Quake III's protocol, well or badly.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::{net::UdpSocket, sync::watch, task::JoinHandle};

/// A running game server. Dropping it closes its port.
pub(crate) struct GameServer {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    manner: watch::Sender<Manner>,
    task: JoinHandle<()>,
}

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// With this name, as a Quake III server does.
    Named(String),
    /// Not at all.
    Silent,
    /// With these bytes.
    Says(Vec<u8>),
    /// With thousands of datagrams.
    Floods,
}

impl GameServer {
    /// Starts one on a free port of IPv4, which answers with this name.
    pub(crate) async fn named(name: &str) -> Self {
        Self::start((Ipv4Addr::LOCALHOST, 0).into(), Manner::Named(name.into())).await
    }

    /// Starts one on a free port of either family.
    pub(crate) async fn on(ip: impl Into<IpAddr>, manner: Manner) -> Self {
        Self::start((ip.into(), 0).into(), manner).await
    }

    /// Starts one on this port.
    pub(crate) async fn start(address: SocketAddr, manner: Manner) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap();
        let (manner, seen) = watch::channel(manner);
        let task = tokio::spawn(serve(socket, seen));
        Self {
            address,
            manner,
            task,
        }
    }

    /// Answers in another way from now on.
    pub(crate) fn changes(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// Ends the server. Its port is closed when this returns.
    pub(crate) async fn end(self) -> SocketAddr {
        self.task.abort();
        // The socket is dropped with the task.
        let _ = self.task.await;
        self.address
    }

    /// The target by which it is asked.
    pub(crate) fn target(&self) -> String {
        format!("quake3://{}", self.address)
    }
}

async fn serve(socket: UdpSocket, manner: watch::Receiver<Manner>) {
    let mut request = [0; 1024];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut request).await else {
            continue;
        };
        let manner = manner.borrow().clone();
        let answers = match manner {
            Manner::Named(name) => vec![answer(&request[..length], &name)],
            Manner::Silent => vec![],
            Manner::Says(bytes) => vec![bytes],
            Manner::Floods => vec![b"\xff\xff\xff\xffprint\nmore\n".to_vec(); 5000],
        };
        for answer in answers {
            // The agent may have closed its socket meanwhile.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// An answer to `getstatus` or `getinfo`, with the challenge of the request.
fn answer(request: &[u8], name: &str) -> Vec<u8> {
    let request = String::from_utf8_lossy(&request[4..]).into_owned();
    let (word, challenge) = request.split_once(' ').unwrap_or((&request, ""));
    let settings = format!(
        "\\sv_hostname\\{name}\\hostname\\{name}\\mapname\\dm1\\sv_maxclients\\8\\clients\\0\
         \\challenge\\{}",
        challenge.trim()
    );
    let head = word.trim().trim_start_matches("get");
    [
        b"\xff\xff\xff\xff",
        format!("{head}Response\n{settings}\n").as_bytes(),
    ]
    .concat()
}
