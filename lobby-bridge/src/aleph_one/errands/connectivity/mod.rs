//! The connectivity test of `.test`: whether others can join this game
//! (`docs/specifications/myth-metaserver.md`, section 19).

mod verdict;

pub(super) use self::verdict::Verdict;
use self::verdict::{Failure, Warning};

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::aleph_one::text;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After this time a silent game is asked for a sign of life; after twice this time it has failed.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a game may take to announce its capabilities.
const TALK_TIMEOUT: Duration = Duration::from_secs(30);
/// Frames before the capabilities are short, so this is more than enough.
const MAX_FRAME_BYTES: usize = 64 * 1024;

const SIGNATURE: u16 = 0xdead;
const KEEP_ALIVE: u16 = 202;
const HELLO: u16 = 700;
const JOINER_INFO: u16 = 701;
const CAPABILITIES: u16 = 703;
const WARNING: u16 = 713;
/// Other frames that a game may send (`docs/specifications/myth-metaserver.md`, section 19.1).
const TOLERATED: [u16; 14] = [
    KEEP_ALIVE, 702, 705, 706, 707, 708, 709, 711, 714, 715, 716, 717, 718, 719,
];
/// The name that the game's players may see for a moment.
const NAME: &[u8] = b"joinerbot\0";

const PINGS: u32 = 3;
const PING_TIMEOUT: Duration = Duration::from_millis(350);

/// Tests the game at `host`, TCP and UDP. Takes at most about 35 s. Dropping the future ends the
/// test and closes its sockets.
pub(super) async fn test(host: SocketAddrV4) -> Verdict {
    let fail = |failure, warnings| Verdict::Failed { failure, warnings };
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(host)).await;
    let Ok(Ok(stream)) = connected else {
        return fail(Failure::NoTcp(host.port()), Vec::new());
    };
    let talked = timeout(TALK_TIMEOUT, capabilities(stream)).await;
    let capabilities =
        match talked.unwrap_or_else(|_| Err("it did not announce its capabilities".into())) {
            Ok(capabilities) => capabilities,
            Err(reason) => return fail(Failure::BadTcp(host.port(), reason), Vec::new()),
        };
    let warnings = Vec::from_iter(capabilities.warning());
    if !capabilities.answers_pings() {
        return Verdict::Passed { warnings };
    }
    match ping(host).await {
        Ping::Right => Verdict::Passed { warnings },
        Ping::Nothing => fail(Failure::NoUdp(host.port()), warnings),
        Ping::Wrong => fail(Failure::BadUdp(host.port()), warnings),
    }
}

/// Joins the game until it has announced its capabilities
/// (`docs/specifications/myth-metaserver.md`, section 19.1).
async fn capabilities(mut stream: TcpStream) -> Result<Capabilities, String> {
    loop {
        let (number, body) = next_frame(&mut stream).await?;
        match number {
            HELLO => {
                let version = string(&body).map_or(&body[..], |(version, _)| version);
                let info = [&[0, 0], NAME, version, &[0], &[0; 4]].concat();
                let sent = stream.write_all(&frame(JOINER_INFO, &info)).await;
                sent.map_err(|error| lost(&error))?;
            }
            CAPABILITIES => return Ok(Capabilities::parse(&body)),
            WARNING => {
                let text = body.get(2..).and_then(string).map(|(text, _)| text);
                let text = text::decode(text.unwrap_or_default());
                return Err(format!(
                    "it warned: {}",
                    text.replace(char::is_control, " ")
                ));
            }
            _ if TOLERATED.contains(&number) => {}
            _ => return Err(format!("it sent a packet of type {number}")),
        }
    }
}

/// Reads the next frame. Asks a silent game for a sign of life once.
async fn next_frame(stream: &mut TcpStream) -> Result<(u16, Vec<u8>), String> {
    let header = read(stream, 8).await?;
    let [s0, s1, n0, n1, l0, l1, l2, l3] = *header.first_chunk().expect("8 bytes were read");
    let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if u16::from_be_bytes([s0, s1]) != SIGNATURE || length < 8 {
        return Err("it does not speak the game's protocol".to_owned());
    }
    if length > MAX_FRAME_BYTES {
        return Err("it sent too much".to_owned());
    }
    let body = read(stream, length - 8).await?;
    Ok((u16::from_be_bytes([n0, n1]), body))
}

async fn read(stream: &mut TcpStream, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(length);
    let mut asked = false;
    while bytes.len() < length {
        let rest = (length - bytes.len()) as u64;
        let mut limited = (&mut *stream).take(rest);
        match timeout(SILENCE, limited.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => return Err("it closed the connection".to_owned()),
            Ok(Ok(_)) => asked = false,
            Ok(Err(error)) => return Err(lost(&error)),
            Err(_) if asked => return Err("it sent nothing".to_owned()),
            Err(_) => {
                asked = true;
                let sent = stream.write_all(&frame(KEEP_ALIVE, b"")).await;
                sent.map_err(|error| lost(&error))?;
            }
        }
    }
    Ok(bytes)
}

fn lost(error: &io::Error) -> String {
    format!("the connection was lost ({})", error.kind())
}

fn frame(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).unwrap_or(u32::MAX);
    let mut frame = SIGNATURE.to_be_bytes().to_vec();
    frame.extend(number.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    frame
}

/// Splits bytes at the first NUL.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// The capabilities of a game, as far as they matter; 0 means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Capabilities {
    gameworld: u32,
    star: u32,
    ring: u32,
    lua: u32,
    zipped_data: u32,
}

impl Capabilities {
    fn parse(mut body: &[u8]) -> Self {
        let mut parsed = Self::default();
        while let Some((key, rest)) = string(body) {
            let Some((value, rest)) = rest.split_first_chunk() else {
                break;
            };
            let value = u32::from_be_bytes(*value);
            match key {
                b"Gameworld" => parsed.gameworld = value,
                b"Star" => parsed.star = value,
                b"Ring" => parsed.ring = value,
                b"Lua" => parsed.lua = value,
                b"ZippedData" => parsed.zipped_data = value,
                _ => {}
            }
            body = rest;
        }
        parsed
    }

    fn warning(self) -> Option<Warning> {
        if self.ring > 0 && self.star == 0 {
            return Some(Warning::OldProtocol);
        }
        let latest =
            self.gameworld >= 2 && self.lua >= 2 && self.star >= 6 && self.zipped_data >= 1;
        (!latest).then_some(Warning::NotLatest)
    }

    fn answers_pings(self) -> bool {
        self.gameworld >= 3 && self.star > 0
    }
}

/// The answer to a ping.
enum Ping {
    Right,
    Wrong,
    Nothing,
}

/// Pings the game (`docs/specifications/myth-metaserver.md`, section 19.2). Datagrams from other
/// addresses are ignored.
async fn ping(host: SocketAddrV4) -> Ping {
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await else {
        return Ping::Nothing;
    };
    let identifier = fastrand::u16(1..);
    let request = datagram(*b"PQ", identifier);
    for _ in 0..PINGS {
        // If it cannot be sent, no answer comes.
        let _ = socket.send_to(&request, host).await;
        if let Ok(answer) = timeout(PING_TIMEOUT, answer(&socket, host)).await {
            return match answer == datagram(*b"PR", identifier) {
                true => Ping::Right,
                false => Ping::Wrong,
            };
        }
    }
    Ping::Nothing
}

/// Returns the next datagram from `host`, cut at one byte more than an answer has.
async fn answer(socket: &UdpSocket, host: SocketAddrV4) -> Vec<u8> {
    let mut buffer = [0; 7];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if from == SocketAddr::V4(host) => return buffer[..length].to_vec(),
            Ok(_) => {}
            // For example "unreachable", for an earlier datagram. A later one may get through.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn datagram([a, b]: [u8; 2], identifier: u16) -> [u8; 6] {
    let [c, d] = identifier.to_be_bytes();
    let [e, f] = crc(&[a, b, 0, 0, c, d]).to_be_bytes();
    [a, b, e, f, c, d]
}

/// CRC-16 with polynomial 0x1021 and initial value 0xFFFF.
fn crc(bytes: &[u8]) -> u16 {
    let step = |crc: u16, _| match crc & 0x8000 {
        0 => crc << 1,
        _ => (crc << 1) ^ 0x1021,
    };
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), step)
    })
}

#[cfg(test)]
#[path = "../../../../tests/clock/mod.rs"]
mod clock;

#[cfg(test)]
mod tests;
