//! Measures what a full lobby costs: 2,000 idle clients, 200 that chat, one that never reads.
//!
//! `cargo bench -p metaserve-lobby-bridge --bench lobby` runs the lobby in a separate process, and
//! prints its memory per client, its CPU time, and the delay of chat. Linux only; needs 5,000 open
//! files.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    io,
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use metaserve_lobby_bridge::{
    publish::Listings,
    vcmi::{Limits, Server, Settings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

const IDLE: usize = 2_000;
const CHATTING: usize = 200;
/// The time between two lines of each chatting client.
const CHAT_PERIOD: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve().await,
        _ => measure().await,
    }
}

/// Runs the lobby in its process. Prints its port.
async fn serve() -> io::Result<()> {
    let limits = Limits {
        capacity: 3_000,
        undecided: 3_000,
        ..Limits::default()
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        listen,
        limits,
        ..Settings::default()
    };
    let server = Server::bind(settings, Listings::default()).map_err(io::Error::other)?;
    println!("{}", server.local_address());
    let ran = server.run(CancellationToken::new()).await;
    ran.map_err(io::Error::other)?;
    Ok(())
}

async fn measure() -> io::Result<()> {
    let program = std::env::current_exe()?;
    let mut lobby = Command::new(program)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let result = measured(&mut lobby).await;
    lobby.kill()?;
    lobby.wait()?;
    result
}

async fn measured(lobby: &mut std::process::Child) -> io::Result<()> {
    let mut address = String::new();
    let output = lobby.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    io::BufRead::read_line(&mut io::BufReader::new(output), &mut address)?;
    let address: SocketAddr = address.trim().parse().map_err(io::Error::other)?;
    let pid = lobby.id();
    let empty = resident_kib(pid)?;

    // Protocol 3, which announces a login in a line instead of the whole list of users.
    let begin = Instant::now();
    let mut idle = Vec::new();
    for number in 0..IDLE {
        let (mut read, write) = login(address, 3, &format!("idle{number}"))
            .await?
            .into_split();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while matches!(read.read(&mut buffer).await, Ok(1..)) {}
        });
        idle.push(write);
    }
    println!("{IDLE} logins in {:.1} s", begin.elapsed().as_secs_f64());
    sleep(Duration::from_secs(2)).await;
    let full = resident_kib(pid)?;
    let each = (full - empty) as f64 / IDLE as f64;
    println!("memory: {empty} KiB empty, {full} KiB with {IDLE} idle clients, {each:.1} KiB each");
    let before = cpu_seconds(pid)?;
    sleep(MEASURED).await;
    let idle_cpu = (cpu_seconds(pid)? - before) / MEASURED.as_secs_f64() * 100.0;
    println!("CPU while all are idle: {idle_cpu:.2} % of one core");

    chat(address, pid, "before").await?;
    let deaf = login(address, 3, "deaf").await?;
    chat(address, pid, "beside one that never reads").await?;
    drop((deaf, idle));
    Ok(())
}

/// Lets clients chat for a while, and prints what it cost.
async fn chat(address: SocketAddr, pid: u32, when: &str) -> io::Result<()> {
    let (report, mut delays) = tokio::sync::mpsc::channel(10_000);
    let mut talkers = tokio::task::JoinSet::new();
    for number in 0..CHATTING {
        let stream = login(address, 3, &format!("chat{number}")).await?;
        let (mut read, write) = stream.into_split();
        talkers.spawn(talk(write, number));
        let report = report.clone();
        talkers.spawn(async move {
            let mark = format!(":>>MSG:chat{number}:");
            let mut text = Vec::new();
            while matches!(read.read_buf(&mut text).await, Ok(1..)) {
                // Only a client's own lines are timed: they contain the time at which they were
                // sent.
                let now = Instant::now();
                let said = String::from_utf8_lossy(&text);
                if let Some((_, said)) = said.split_once(&mark) {
                    let said = said.split(':').next().unwrap_or_default();
                    if let Ok(micros) = said.trim().parse::<u64>() {
                        let delay = now.duration_since(*EPOCH).as_micros() as u64 - micros;
                        let _ = report.try_send(delay);
                    }
                }
                text.clear();
            }
        });
    }
    sleep(Duration::from_secs(2)).await;
    while delays.try_recv().is_ok() {}
    let before = cpu_seconds(pid)?;
    sleep(MEASURED).await;
    let cpu = (cpu_seconds(pid)? - before) / MEASURED.as_secs_f64() * 100.0;
    let mut all = Vec::new();
    while let Ok(delay) = delays.try_recv() {
        all.push(delay);
    }
    talkers.shutdown().await;
    all.sort_unstable();
    let at = |share: f64| {
        all.get((all.len() as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    };
    let deliveries = CHATTING as f64 / CHAT_PERIOD.as_secs_f64() * (IDLE + CHATTING) as f64;
    println!(
        "chat {when}: {} own words back, p50 {} us, p99 {} us, max {} us; CPU {cpu:.1} % of one \
         core for {deliveries:.0} deliveries/s; {} KiB resident",
        all.len(),
        at(0.5),
        at(0.99),
        all.last().copied().unwrap_or_default(),
        resident_kib(pid)?
    );
    Ok(())
}

static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

async fn talk(mut write: OwnedWriteHalf, number: usize) {
    sleep(CHAT_PERIOD / CHATTING as u32 * number as u32).await;
    let mut turns = interval(CHAT_PERIOD);
    loop {
        turns.tick().await;
        let micros = EPOCH.elapsed().as_micros();
        if write
            .write_all(&frame(format!("<MSG>{micros} ").as_bytes()))
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn login(address: SocketAddr, version: u8, name: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let greeting = [&[version, 0], format!("<GREETINGS>{name}").as_bytes()].concat();
    stream.write_all(&frame(&greeting)).await?;
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("in the chat") {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(stream)
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default();
    [&length.to_le_bytes(), payload].concat()
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
