//! Game servers and clients that the bridge counts, over blocking sockets.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
};

use crate::bridge::PATIENCE;

/// A peer of a master: a socket that sends datagrams.
pub(crate) struct Peer(UdpSocket);

impl Peer {
    pub(crate) fn of(master: SocketAddr) -> Self {
        Self::from(Ipv4Addr::LOCALHOST, master)
    }

    /// A peer at the loopback address with this number.
    #[cfg(target_os = "linux")]
    pub(crate) fn at(number: u32, master: SocketAddr) -> Self {
        Self::from(Ipv4Addr::from(0x7f40_0001 + number), master)
    }

    fn from(address: Ipv4Addr, master: SocketAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.connect(master).expect("a route");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self(socket)
    }

    pub(crate) fn sends(&self, datagram: &[u8]) {
        self.0.send(datagram).expect("it is sent");
    }

    /// Sends a message of Quake III.
    pub(crate) fn says(&self, text: &str) {
        self.sends(&[b"\xff\xff\xff\xff", text.as_bytes()].concat());
    }

    pub(crate) fn hears(&self) -> Vec<u8> {
        let mut datagram = vec![0; 2_048];
        let length = self.0.recv(&mut datagram).expect("a datagram");
        datagram.truncate(length);
        datagram
    }

    /// Answers the question that comes next as a server with a player.
    pub(crate) fn answers(&self) {
        let question = String::from_utf8_lossy(&self.hears()).into_owned();
        let challenge = question.rsplit_once(' ').expect("a challenge").1;
        self.says(&info(challenge));
    }
}

/// What a server says of itself, with this challenge.
pub(crate) fn info(challenge: &str) -> String {
    format!(
        "infoResponse\n\\protocol\\71\\clients\\1\\sv_maxclients\\8\\hostname\\x\\challenge\\\
         {challenge}"
    )
}

/// A server of DDNet: the socket of its game, and the token that it was sent.
pub(crate) struct Tee {
    socket: UdpSocket,
    token: String,
}

impl Tee {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let token = String::new();
        Self { socket, token }
    }

    /// Sends a request, with or without another header line.
    pub(crate) fn asks(&self, lists: SocketAddr, line: &str) -> String {
        let port = self.socket.local_addr().expect("an address").port();
        let (body, token) = (r#"{"name":"x"}"#, &self.token);
        let token = match token.is_empty() {
            true => String::new(),
            false => format!("Challenge-Token: {token}\r\n"),
        };
        let secret = "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c";
        let head = format!(
            "Address: tw-0.6+udp://connecting-address.invalid:{port}\r\nSecret: {secret}\r\n\
             Challenge-Secret: {secret}:tw0.6/ipv4\r\nInfo-Serial: 0\r\n\
             Content-Type: application/json\r\n{token}{line}"
        );
        http(lists, "POST /ddnet/15/register", &head, body)
    }

    /// Takes the challenge that was sent.
    pub(crate) fn is_challenged(&mut self) {
        let mut datagram = [0; 512];
        let length = self.socket.recv(&mut datagram).expect("a challenge");
        let mut parts = datagram[..length].split(|it| *it == 0).skip(1);
        let token = parts.next().expect("a token");
        self.token = String::from_utf8_lossy(token).into_owned();
    }
}

/// The answer to a request with these lines and this body.
pub(crate) fn http(to: SocketAddr, request: &str, lines: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(to).expect("it listens");
    let length = body.len();
    let whole = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{lines}\r\n{body}"
    );
    stream.write_all(whole.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A launcher of VCMI that has logged in, and has been answered.
pub(crate) fn launcher(lobby: SocketAddr) -> TcpStream {
    let mut launcher = TcpStream::connect(lobby).expect("it listens");
    let hello = "\u{5}\u{4}utf8<GREETINGS>Ann<VER>1.3.2";
    let length = u32::try_from(hello.len()).expect("short").to_le_bytes();
    launcher.write_all(&length).expect("it reads");
    launcher.write_all(hello.as_bytes()).expect("it reads");
    let read = launcher.read(&mut [0; 64]).expect("an answer");
    assert!(read > 0, "it is not closed");
    launcher
}
