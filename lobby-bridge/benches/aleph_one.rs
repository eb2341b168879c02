//! Measures what a full room costs: 1,000 players, 10 lines of chat per second.
//!
//! `cargo bench -p metaserve-lobby-bridge --bench aleph_one` runs the hall in a separate process,
//! and prints its memory per player, its CPU time, and the delay of chat. Linux only; needs 4,000
//! open files.

#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(dead_code, reason = "the tests use more of the packets")]

#[path = "../tests/hall/packets.rs"]
mod packets;

use std::{
    io,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metaserve_lobby_bridge::{
    aleph_one::{Limits, Links, Rules, Server, Settings},
    bans::Guard,
    metrics::Tally,
    publish::Listings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

const PLAYERS: usize = 1_000;
const LINES_PER_SECOND: u32 = 10;
const MEASURED: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve().await,
        _ => measure().await,
    }
}

/// Runs the hall in its process. Prints its addresses.
async fn serve() -> io::Result<()> {
    let limits = Limits {
        players: 2 * PLAYERS,
        users_per_host: 2 * PLAYERS,
        logins_per_host: 2 * PLAYERS,
        seats_per_host: 2 * PLAYERS,
        ..Limits::default()
    };
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        login: anywhere,
        rooms: vec![anywhere],
        rules: Rules {
            limits,
            ..Rules::default()
        },
    };
    let links = Links {
        accounts: None,
        listings: Listings::default(),
        bans: Guard::none(),
        natives: None,
        bridge: None,
        tally: Tally::default(),
    };
    let server = Server::bind(settings, links).map_err(io::Error::other)?;
    let addresses = server.local_addresses();
    println!("{} {}", addresses[0], addresses[1]);
    let ran = server.run(CancellationToken::new()).await;
    ran.map_err(io::Error::other)?;
    Ok(())
}

async fn measure() -> io::Result<()> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let result = measured(&mut server).await;
    server.kill()?;
    server.wait()?;
    result
}

async fn measured(server: &mut std::process::Child) -> io::Result<()> {
    let mut line = String::new();
    let output = server.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    io::BufRead::read_line(&mut io::BufReader::new(output), &mut line)?;
    let (login, room) = line
        .trim()
        .split_once(' ')
        .ok_or(io::ErrorKind::InvalidData)?;
    let address = |text: &str| text.parse::<SocketAddr>().map_err(io::Error::other);
    let (login, room) = (address(login)?, address(room)?);
    let pid = server.id();
    let empty = resident_kib(pid)?;

    let (begin, before) = (Instant::now(), cpu_seconds(pid)?);
    let heard = Arc::new(Heard::default());
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        players.push(enter(login, room, number, &heard).await?);
    }
    println!(
        "{PLAYERS} players entered in {:.1} s, {:.2} s of CPU",
        begin.elapsed().as_secs_f64(),
        cpu_seconds(pid)? - before
    );
    sleep(Duration::from_secs(3)).await;
    let full = resident_kib(pid)?;
    let each = (full - empty) as f64 / PLAYERS as f64;
    println!("memory: {empty} KiB empty, {full} KiB full, {each:.1} KiB for each player");
    let before = cpu_seconds(pid)?;
    sleep(MEASURED).await;
    let idle = (cpu_seconds(pid)? - before) / MEASURED.as_secs_f64();
    println!("CPU while nobody chats: {idle:.4} s per second");

    heard.reset();
    let before = cpu_seconds(pid)?;
    let mut turns = interval(Duration::from_secs(1) / LINES_PER_SECOND);
    let lines = MEASURED.as_secs() as u32 * LINES_PER_SECOND;
    for line in 0..lines {
        turns.tick().await;
        let (id, write) = &mut players[line as usize * 7 % PLAYERS];
        let text = format!("line {}", EPOCH.elapsed().as_micros());
        write
            .write_all(&packets::chat(*id, text.as_bytes()))
            .await?;
    }
    sleep(Duration::from_millis(500)).await;
    let cpu = (cpu_seconds(pid)? - before) / MEASURED.as_secs_f64();
    let count = heard.count.load(Ordering::Relaxed);
    let mean = heard.micros.load(Ordering::Relaxed) / count.max(1);
    println!(
        "{LINES_PER_SECOND} lines a second to {PLAYERS}: {cpu:.3} s of CPU per second; {count} of \
         {} heard, after {mean} us on average, {} us at most; {} KiB resident",
        u64::from(lines) * PLAYERS as u64,
        heard.most.load(Ordering::Relaxed),
        resident_kib(pid)?
    );
    Ok(())
}

static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

/// How much all players have received, and with what delay.
#[derive(Default)]
struct Heard {
    count: AtomicU64,
    micros: AtomicU64,
    most: AtomicU64,
}

impl Heard {
    fn reset(&self) {
        for number in [&self.count, &self.micros, &self.most] {
            number.store(0, Ordering::Relaxed);
        }
    }

    fn line(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let said = text
            .rsplit_once("line ")
            .map(|(_, said)| said.trim_end_matches('\0'));
        if let Some(said) = said.and_then(|said| said.parse::<u64>().ok()) {
            let delay = EPOCH.elapsed().as_micros() as u64 - said;
            self.count.fetch_add(1, Ordering::Relaxed);
            self.micros.fetch_add(delay, Ordering::Relaxed);
            self.most.fetch_max(delay, Ordering::Relaxed);
        }
    }
}

/// Enters the room as a player who reads everything and answers KeepAlives.
async fn enter(
    login: SocketAddr,
    room: SocketAddr,
    number: usize,
    heard: &Arc<Heard>,
) -> io::Result<(u32, OwnedWriteHalf)> {
    let mut stream = TcpStream::connect(login).await?;
    let name = format!("Player {number}");
    stream
        .write_all(&packets::login("guest", name.as_bytes()))
        .await?;
    stream.write_all(&packets::localization()).await?;
    let token = loop {
        let (number, body) = frame(&mut stream).await?;
        if number == 7 {
            break body[8..40].to_vec();
        }
    };
    drop(stream);
    let mut stream = TcpStream::connect(room).await?;
    stream.set_nodelay(true)?;
    stream
        .write_all(&packets::room_login(&token, "guest"))
        .await?;
    stream.write_all(&packets::player_data(b"", false)).await?;
    let (_, body) = frame(&mut stream).await?;
    let id = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
    let (mut read, write) = stream.into_split();
    let heard = Arc::clone(heard);
    // A second handle for the answers, since the first one writes chat.
    let answers = socket2::SockRef::from(read.as_ref()).try_clone()?;
    tokio::spawn(async move {
        while let Ok((number, body)) = frame(&mut read).await {
            match number {
                200 => heard.line(&body),
                202 => {
                    let _ = answers.send(&packets::frame(202, b""));
                }
                _ => {}
            }
        }
    });
    Ok((id, write))
}

async fn frame(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<(u16, Vec<u8>)> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let mut body = vec![0; length as usize - 8];
    stream.read_exact(&mut body).await?;
    Ok((u16::from_be_bytes([header[2], header[3]]), body))
}

fn resident_kib(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other("no VmRSS"))
}

/// User and system time, in the usual ticks of 10 ms.
fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / 100.0)
}
