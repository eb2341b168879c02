//! One connection to a hall, from the client's side.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, mpsc},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::{PATIENCE, packets};

pub(crate) const KEEP_ALIVE: u16 = 202;

/// A connection whose frames are read as they arrive.
pub(crate) struct Peer {
    /// Its user id, once it is in a room.
    pub(crate) id: u32,
    pub(crate) local: SocketAddr,
    write: Arc<Mutex<OwnedWriteHalf>>,
    frames: mpsc::UnboundedReceiver<(u16, Vec<u8>)>,
    pub(crate) keep_alives: mpsc::UnboundedReceiver<Instant>,
    kept: Option<(u16, Vec<u8>)>,
    reader: AbortHandle,
}

/// The data that has arrived, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Frame(u16, Vec<u8>),
    End,
    Nothing,
}

impl Peer {
    /// Connects, and answers KeepAlives.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::open(address, true).await.expect("it listens")
    }

    pub(crate) async fn open(address: SocketAddr, answers: bool) -> std::io::Result<Self> {
        Self::of(TcpStream::connect(address).await?, answers)
    }

    /// Connects from another address of this machine.
    pub(crate) async fn connect_from(from: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let bound = socket.bind(SocketAddr::from((from, 0)));
        bound.expect("an address of this machine");
        let stream = socket.connect(address).await.expect("it listens");
        Self::of(stream, true).expect("it is open")
    }

    fn of(stream: TcpStream, answers: bool) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let (read, write) = stream.into_split();
        let write = Arc::new(Mutex::new(write));
        let (frames_in, frames) = mpsc::unbounded_channel();
        let (keep_alives_in, keep_alives) = mpsc::unbounded_channel();
        let answer = answers.then(|| Arc::clone(&write));
        let reader = tokio::spawn(read_all(read, frames_in, keep_alives_in, answer));
        Ok(Self {
            id: 0,
            local,
            write,
            frames,
            keep_alives,
            kept: None,
            reader: reader.abort_handle(),
        })
    }

    pub(crate) async fn send(&self, bytes: &[u8]) {
        self.try_send(bytes).await.expect("it reads");
    }

    pub(crate) async fn try_send(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.write.lock().await.write_all(bytes).await
    }

    /// Ends our side of the connection.
    pub(crate) async fn shut_down(&self) {
        let _ = self.write.lock().await.shutdown().await;
    }

    /// Vanishes: the server sees a reset.
    pub(crate) async fn reset(self) {
        let write = self.write.lock().await;
        let _ = write.as_ref().set_zero_linger();
    }

    /// Sends `bytes` repeatedly, as often as the systems on both sides accept them now.
    pub(crate) async fn fill(&self, bytes: &[u8]) {
        let write = self.write.lock().await;
        loop {
            write.writable().await.expect("a connection");
            match write.try_write(bytes) {
                Ok(taken) if taken == bytes.len() => {}
                _ => return,
            }
        }
    }

    /// Returns the next frame that is not a KeepAlive.
    pub(crate) async fn next(&mut self, within: Duration) -> Next {
        if let Some((number, body)) = self.kept.take() {
            return Next::Frame(number, body);
        }
        match timeout_at(Instant::now() + within, self.frames.recv()).await {
            Err(_) => Next::Nothing,
            Ok(None) => Next::End,
            Ok(Some((number, body))) => Next::Frame(number, body),
        }
    }

    /// Puts a frame back.
    pub(crate) fn keep(&mut self, number: u16, body: Vec<u8>) {
        self.kept = Some((number, body));
    }

    /// Returns the body of the next frame, which must have this number.
    pub(crate) async fn expect(&mut self, number: u16) -> Vec<u8> {
        match self.next(PATIENCE).await {
            Next::Frame(it, body) if it == number => body,
            other => panic!("expected {number}, got {other:?}"),
        }
    }

    /// Returns the body of the next frame with this number, and skips all others.
    pub(crate) async fn until(&mut self, number: u16, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        loop {
            match self.next(PATIENCE).await {
                Next::Frame(it, body) if it == number && wanted(&body) => return body,
                Next::Frame(..) => {}
                other => panic!("no {number}: {other:?}"),
            }
        }
    }

    /// Waits for a line of the server that contains `text`.
    pub(crate) async fn told(&mut self, text: &str) -> String {
        let line = self.until(10, |body| contains(body, text.as_bytes())).await;
        String::from_utf8_lossy(&line[..line.len() - 1]).into_owned()
    }

    /// Expects a refusal with this code, and the end of the connection.
    pub(crate) async fn denied(&mut self, code: u32) -> String {
        let body = self.until(3, |_| true).await;
        assert_eq!(body[..4], code.to_be_bytes(), "{body:?}");
        self.expect_end().await;
        String::from_utf8_lossy(&body[4..body.len() - 1]).into_owned()
    }

    /// Expects the end of the connection, and skips all frames before it.
    pub(crate) async fn expect_end(&mut self) {
        loop {
            match self.next(PATIENCE).await {
                Next::End => return,
                Next::Frame(..) => {}
                Next::Nothing => panic!("still open"),
            }
        }
    }

    /// Logs in as a guest. Returns the id and the token.
    pub(crate) async fn log_in_as_guest(&mut self, name: &str) -> (u32, Vec<u8>) {
        self.send(&packets::login("guest", name.as_bytes())).await;
        self.expect(12).await;
        self.finish().await
    }

    /// Logs in to an account. Returns the id and the token.
    pub(crate) async fn log_in(
        &mut self,
        account: &str,
        password: &str,
        name: &str,
    ) -> (u32, Vec<u8>) {
        self.send(&packets::login(account, name.as_bytes())).await;
        self.expect(6).await;
        self.send(&packets::password(password)).await;
        self.expect(12).await;
        self.finish().await
    }

    async fn finish(&mut self) -> (u32, Vec<u8>) {
        self.send(&packets::localization()).await;
        let body = self.expect(7).await;
        let id = u32::from_be_bytes(body[..4].try_into().expect("an id"));
        self.expect(0).await;
        (id, body[8..40].to_vec())
    }

    /// Sends a line to everybody, and waits until it comes back.
    pub(crate) async fn say(&mut self, text: &str) {
        self.send(&packets::chat(self.id, text.as_bytes())).await;
        self.hears(text).await;
    }

    /// Waits for a public line that contains `text`.
    pub(crate) async fn hears(&mut self, text: &str) {
        self.until(200, |body| contains(body, text.as_bytes()))
            .await;
    }

    /// Sends a command.
    pub(crate) async fn command(&self, line: &str) {
        self.send(&packets::chat(self.id, line.as_bytes())).await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_all(
    mut read: OwnedReadHalf,
    frames: mpsc::UnboundedSender<(u16, Vec<u8>)>,
    keep_alives: mpsc::UnboundedSender<Instant>,
    answer: Option<Arc<Mutex<OwnedWriteHalf>>>,
) {
    let mut header = [0; 8];
    while read.read_exact(&mut header).await.is_ok() {
        assert_eq!(header[..2], [0xde, 0xad], "a frame");
        let number = u16::from_be_bytes([header[2], header[3]]);
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let mut body = vec![0; length as usize - 8];
        if read.read_exact(&mut body).await.is_err() {
            return;
        }
        if number != KEEP_ALIVE {
            let _ = frames.send((number, body));
            continue;
        }
        assert!(body.is_empty(), "a KeepAlive is empty");
        let _ = keep_alives.send(Instant::now());
        if let Some(write) = &answer {
            let _ = write
                .lock()
                .await
                .write_all(&packets::frame(KEEP_ALIVE, b""))
                .await;
        }
    }
}

pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
