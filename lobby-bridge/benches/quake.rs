//! Measures what 5,000 servers of Quake III cost their master.
//!
//! `cargo bench -p metaserve-lobby-bridge --bench quake` runs the master in a separate process, and
//! prints its memory with and without servers, its CPU time, and the time of a full list. Linux
//! only; needs 5,100 open files.

#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    io,
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use metaserve_lobby_bridge::{
    peers::{Addresses, Allowance, Reach},
    quake::{Limits, Links, Rules, Server, Settings},
};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

const SERVERS: usize = 5_000;
/// How many register at one time: their datagrams have room in the kernel's buffer.
const AT_ONCE: usize = 100;
const LISTS: usize = 100;
const IDLE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);

const MARK: &[u8] = b"\xff\xff\xff\xff";
const INFO: &str = "infoResponse\n\\voip\\opus\\g_needpass\\0\\pure\\1\\gametype\\0\\sv_maxclients\\8\\\
    g_humanplayers\\2\\clients\\2\\mapname\\oa_dm1\\hostname\\A server\\protocol\\71\\gamename\\\
    Quake3Arena\\challenge\\";

#[tokio::main]
async fn main() -> io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve().await,
        _ => measure().await,
    }
}

async fn serve() -> io::Result<()> {
    let settings = Settings {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        rules: Rules {
            addresses: Addresses {
                reach: Reach::Any,
                ..Addresses::default()
            },
            limits: Limits {
                lists: Allowance::default(),
                ..Limits::default()
            },
            ..Rules::default()
        },
    };
    let server = Server::bind(settings, Links::default()).map_err(io::Error::other)?;
    println!("{}", server.local_addresses()[0].port());
    server
        .run(CancellationToken::new())
        .await
        .map_err(io::Error::other)
}

async fn measure() -> io::Result<()> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let done = measured(&mut server).await;
    server.kill()?;
    server.wait()?;
    done
}

async fn measured(server: &mut std::process::Child) -> io::Result<()> {
    let mut line = String::new();
    let stdout = server.stdout.take().expect("it is piped");
    io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut line)?;
    let port: u16 = line.trim().parse().map_err(io::Error::other)?;
    let pid = server.id();
    let before = resident_kib(pid)?;

    let (began, cpu) = (Instant::now(), cpu_seconds(pid)?);
    let mut servers = Vec::new();
    while servers.len() < SERVERS {
        let mut batch = Vec::new();
        for _ in 0..AT_ONCE {
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            socket.connect(("127.0.0.1", port)).await?;
            socket
                .send(&[MARK, b"heartbeat QuakeArena-1\n"].concat())
                .await?;
            batch.push(socket);
        }
        for socket in &batch {
            let question = received(socket).await?;
            let challenge = question.strip_prefix(b"\xff\xff\xff\xffgetinfo ");
            let challenge = challenge.expect("a question");
            socket
                .send(&[MARK, INFO.as_bytes(), challenge].concat())
                .await?;
        }
        servers.extend(batch);
    }
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(("127.0.0.1", port)).await?;
    while list(&client).await?.0 < SERVERS {}
    let (took, cpu) = (began.elapsed(), cpu_seconds(pid)? - cpu);
    println!("{SERVERS} servers registered in {took:.2?}, with {cpu:.2} s of CPU time");
    let with = resident_kib(pid)?;
    println!(
        "memory: {:.1} MiB, {:.1} MiB without servers, {} bytes for each",
        mib(with),
        mib(before),
        (with.saturating_sub(before)) * 1_024 / SERVERS as u64
    );

    let (mut times, cpu) = (Vec::new(), cpu_seconds(pid)?);
    let mut size = (0, 0);
    while times.len() < LISTS {
        let asked = Instant::now();
        size = list(&client).await?;
        // A datagram that the kernel has dropped is no measurement.
        if size.0 == SERVERS {
            times.push(asked.elapsed());
        }
    }
    let cpu = (cpu_seconds(pid)? - cpu) / LISTS as f64;
    times.sort_unstable();
    let (median, last) = (times[LISTS / 2], times[LISTS * 99 / 100]);
    println!(
        "a full list: {} bytes, complete after {median:.1?}, 99 of 100 after {last:.1?}; {:.1} ms \
         of CPU time",
        size.1,
        cpu * 1_000.0
    );

    let cpu = cpu_seconds(pid)?;
    sleep(IDLE).await;
    let cpu = cpu_seconds(pid)? - cpu;
    println!("idle: {cpu:.2} s of CPU time in {IDLE:?}");
    Ok(())
}

/// Asks for a list. Returns the number of servers in it, and its bytes; fewer if a datagram is lost.
async fn list(client: &UdpSocket) -> io::Result<(usize, usize)> {
    client
        .send(&[MARK, b"getservers 71 empty full"].concat())
        .await?;
    let (mut servers, mut bytes) = (0, 0);
    loop {
        let datagram = received(client).await?;
        bytes += datagram.len();
        let items = datagram.strip_prefix(b"\xff\xff\xff\xffgetserversResponse");
        let items = items.expect("a list");
        let is_last = items.ends_with(b"\\EOT\0\0\0");
        servers += items.len() / 7 - usize::from(is_last);
        if is_last {
            return Ok((servers, bytes));
        }
    }
}

async fn received(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut datagram = vec![0; 2_048];
    let length = timeout(PATIENCE, socket.recv(&mut datagram)).await;
    datagram.truncate(length.map_err(io::Error::other)??);
    Ok(datagram)
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

fn resident_kib(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| io::Error::other("no VmRSS"))
}

fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok());
    // Ticks have 10 ms on Linux.
    let sum = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
    sum.map(|ticks| ticks / 100.0)
        .ok_or_else(|| io::Error::other("no times"))
}
