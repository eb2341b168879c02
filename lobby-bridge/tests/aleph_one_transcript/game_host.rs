//! A simulated game for the connectivity test (`docs/specifications/myth-metaserver.md`, section
//! 19), with or without faults.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::AbortHandle,
};

use super::script;
use crate::hall::packets::frame;

const VERSION: &[u8] = b"Aleph One WonderNAT V2\0";

/// The simulated game. It ends when dropped.
pub(super) struct GameHost {
    pub(super) port: u16,
    seen: Arc<Seen>,
    tasks: Vec<AbortHandle>,
}

#[derive(Default)]
struct Seen {
    joined: AtomicBool,
    pings: AtomicUsize,
    wrong: AtomicBool,
}

impl GameHost {
    pub(super) async fn start(what: &script::GameHost) -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = tcp.local_addr().expect("bound");
            if let Ok(udp) = UdpSocket::bind(address).await {
                break (tcp, udp);
            }
        };
        let port = tcp.local_addr().expect("bound").port();
        let seen = Arc::new(Seen::default());
        let mode = |mode: &Option<String>| mode.clone().unwrap_or_else(|| "good".to_owned());
        let mut tasks = Vec::new();
        let pings = tokio::spawn(answer(udp, mode(&what.udp), Arc::clone(&seen)));
        tasks.push(pings.abort_handle());
        match mode(&what.tcp).as_str() {
            "refuse" => drop(tcp),
            mode => {
                let served = tokio::spawn(serve(tcp, mode.to_owned(), Arc::clone(&seen)));
                tasks.push(served.abort_handle());
            }
        }
        Self { port, seen, tasks }
    }

    pub(super) fn check(&self, want: &script::GameHostCheck) -> Result<(), String> {
        let pings = self.seen.pings.load(Ordering::SeqCst);
        let (low, high) = want.pings.unwrap_or((0, 99));
        if want.joiner && !self.seen.joined.load(Ordering::SeqCst) {
            return Err("nobody joined with the version of the game".to_owned());
        }
        if !(low..=high).contains(&pings) {
            return Err(format!("{pings} pings"));
        }
        match want.crc_ok && self.seen.wrong.load(Ordering::SeqCst) {
            true => Err("a wrong ping".to_owned()),
            false => Ok(()),
        }
    }
}

impl Drop for GameHost {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve(tcp: TcpListener, mode: String, seen: Arc<Seen>) {
    loop {
        let (stream, _) = tcp.accept().await.expect("it listens");
        if mode != "close" {
            let _ = handshake(stream, &mode, &seen).await;
        }
    }
}

async fn handshake(mut stream: TcpStream, mode: &str, seen: &Seen) -> std::io::Result<()> {
    stream.write_all(&frame(700, VERSION)).await?;
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let mut body = vec![0; length as usize - 8];
    stream.read_exact(&mut body).await?;
    let version = body[2..].split_inclusive(|byte| *byte == 0).nth(1);
    seen.joined
        .store(version == Some(VERSION), Ordering::SeqCst);
    let capabilities: &[(&str, u32)] = match mode {
        "old" => &[("Gameworld", 3), ("Star", 3), ("Lua", 1)],
        "nostar" => &[("Gameworld", 2), ("Lua", 2), ("ZippedData", 1), ("Ring", 2)],
        _ => &[
            ("Gameworld", 6),
            ("Star", 6),
            ("Lua", 2),
            ("Gatherable", 1),
            ("ZippedData", 1),
        ],
    };
    let mut body = Vec::new();
    for (name, value) in capabilities {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(&value.to_be_bytes());
    }
    stream.write_all(&frame(703, &body)).await?;
    let _ = stream.read(&mut header).await;
    Ok(())
}

async fn answer(udp: UdpSocket, mode: String, seen: Arc<Seen>) {
    let mut datagram = [0; 64];
    loop {
        let (length, from): (usize, SocketAddr) =
            udp.recv_from(&mut datagram).await.expect("bound");
        seen.pings.fetch_add(1, Ordering::SeqCst);
        let [b'P', b'Q', high, low, ref id @ ..] = datagram[..length] else {
            seen.wrong.store(true, Ordering::SeqCst);
            continue;
        };
        let mut id = id.to_vec();
        if crc(&[b"PQ\0\0", &id[..]].concat()) != u16::from_be_bytes([high, low]) {
            seen.wrong.store(true, Ordering::SeqCst);
            continue;
        }
        if mode == "silent" {
            continue;
        }
        if mode == "wrongid" {
            id[0] ^= 0x55;
        }
        let magic = if mode == "wrongmagic" { b"PQ" } else { b"PR" };
        let sum = crc(&[&magic[..], &[0, 0], &id].concat());
        let sum = if mode == "badcrc" { sum ^ 1 } else { sum };
        let response = [&magic[..], &sum.to_be_bytes(), &id].concat();
        let _ = udp.send_to(&response, from).await;
    }
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| match sum & 0x8000 {
            0 => sum << 1,
            _ => sum << 1 ^ 0x1021,
        })
    })
}
