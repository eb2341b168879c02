//! Plays the servers and clients of a transcript.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use metaserve_lobby_bridge::{
    peers::{Effect, Lobby, Way},
    quake::{Errand, Master, News},
};

use super::{
    bytes::{Variables, read, write},
    script::Step,
};

/// How often the master looks at what is due.
const TICK: Duration = Duration::from_millis(250);

/// How long a step waits, if it does not say.
const WITHIN: f64 = 2.0;

/// The question of Quake III.
const GETINFO: &str = "ffffffff 676574696e666f20 {ch:6-64}";

/// What lists without marks begin with: those of Quake II, QuakeWorld and GoldSrc.
const BARE: [&[u8]; 3] = [
    b"\xff\xff\xff\xffservers ",
    b"\xff\xff\xff\xffd\n",
    b"\xff\xff\xff\xfff\n",
];

/// The longest datagram of a list.
const MAX_BYTES: usize = 1_400;

pub(crate) struct Player {
    master: Master,
    now: Instant,
    next_tick: Instant,
    peers: HashMap<String, SocketAddr>,
    received: HashMap<SocketAddr, VecDeque<Bytes>>,
    variables: Variables,
    last_port: u16,
}

impl Player {
    pub(crate) fn new(master: Master) -> Self {
        let now = metaserve::time::now();
        Self {
            master,
            now,
            next_tick: now + TICK,
            peers: HashMap::new(),
            received: HashMap::new(),
            variables: Variables::new(),
            last_port: 30_000,
        }
    }

    pub(crate) fn play(mut self, steps: &[Step]) -> Result<(), String> {
        for (number, step) in steps.iter().enumerate() {
            self.step(step)
                .map_err(|error| format!("step {number}: {error}"))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let conn = &*step.conn;
        if let Some(family) = &step.open {
            self.open(conn, family);
        } else if let Some(hex) = &step.send_hex {
            self.send(conn, hex);
        } else if let Some(count) = step.register_many {
            for number in 0..count {
                let conn = format!("{conn}{number}");
                self.open(&conn, "udp4");
                self.send(&conn, &step.heartbeat);
                let question = self.receive(&conn, WITHIN).ok_or("nothing came")?;
                let expected = step.question.as_deref().unwrap_or(GETINFO);
                read(expected, &question, &mut self.variables)?;
                self.send(&conn, &step.info);
            }
        } else if let Some(hex) = &step.expect_hex {
            let within = step.within.unwrap_or(WITHIN);
            let datagram = self.receive(conn, within).ok_or("nothing came")?;
            read(hex, &datagram, &mut self.variables)?;
        } else if step.expect_servers.is_some() || step.count.is_some() {
            self.servers(step)?;
        } else if let Some(seconds) = step.quiet {
            if let Some(datagram) = self.receive(conn, seconds) {
                return Err(format!(
                    "unexpected {:?}",
                    String::from_utf8_lossy(&datagram)
                ));
            }
        } else if let Some(seconds) = step.drain {
            self.pass(seconds);
            self.received.remove(&self.peers[conn]);
        } else if let Some(seconds) = step.sleep {
            self.pass(seconds);
        } else if step.close {
            self.peers.remove(conn);
        } else {
            return Err("an unknown step".to_owned());
        }
        Ok(())
    }

    fn open(&mut self, conn: &str, family: &str) {
        let ip: IpAddr = match family {
            "udp4" => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        };
        self.last_port += 1;
        self.peers
            .insert(conn.to_owned(), SocketAddr::new(ip, self.last_port));
    }

    fn send(&mut self, conn: &str, hex: &str) {
        let datagram = write(hex, &self.variables).into();
        let way = Way::to(self.peers[conn]);
        self.hear(News::Datagram(way, datagram));
    }

    fn hear(&mut self, news: News) {
        for effect in self.master.hear(news, self.now, SystemTime::UNIX_EPOCH) {
            let Effect::Errand(errand) = effect else {
                continue;
            };
            let (way, datagrams) = match errand {
                Errand::Ask(way, datagram) => (way, vec![datagram]),
                Errand::Answer(way, datagrams) => (way, datagrams),
                Errand::Save(_) => continue,
            };
            self.received
                .entry(way.peer())
                .or_default()
                .extend(datagrams);
        }
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: f64) {
        let until = self.now + Duration::from_secs_f64(seconds);
        while self.next_tick <= until {
            self.now = self.next_tick;
            self.next_tick += TICK;
            self.hear(News::Tick);
        }
        self.now = until;
    }

    /// The next datagram of a peer, if one comes within this time.
    fn receive(&mut self, conn: &str, seconds: f64) -> Option<Bytes> {
        let peer = self.peers[conn];
        let until = self.now + Duration::from_secs_f64(seconds);
        loop {
            if let Some(datagram) = self.received.get_mut(&peer).and_then(VecDeque::pop_front) {
                return Some(datagram);
            }
            let left = until.saturating_duration_since(self.now);
            if left.is_zero() {
                return None;
            }
            let step = self.next_tick.saturating_duration_since(self.now).min(left);
            self.pass(step.as_secs_f64());
        }
    }

    fn servers(&mut self, step: &Step) -> Result<(), String> {
        let mut listed = Vec::new();
        loop {
            let datagram = self
                .receive(&step.conn, WITHIN)
                .ok_or("no end of the list")?;
            if items(&datagram, step.ext, &mut listed)? {
                break;
            }
        }
        let all: HashSet<SocketAddr> = listed.iter().copied().collect();
        if all.len() != listed.len() {
            return Err("a server is listed twice".to_owned());
        }
        let expected = step.expect_servers.as_deref().unwrap_or_default();
        for conn in expected {
            if !all.contains(&self.peers[conn]) {
                return Err(format!("{conn} is not listed"));
            }
        }
        if let Some(conn) = step
            .not
            .iter()
            .find(|conn| all.contains(&self.peers[*conn]))
        {
            return Err(format!("{conn} is listed"));
        }
        let count = step.count.or(step.exact.then_some(expected.len()));
        match count {
            Some(count) if count != all.len() => {
                Err(format!("{} servers instead of {count}", all.len()))
            }
            _ => Ok(()),
        }
    }
}

/// Reads the items of a datagram of a list. Returns whether it is the last, or the only one that was
/// asked for.
fn items(datagram: &[u8], is_extended: bool, listed: &mut Vec<SocketAddr>) -> Result<bool, String> {
    if let Some(rest) = BARE.iter().find_map(|head| datagram.strip_prefix(*head)) {
        let address = |it: &[u8]| {
            let port = u16::from_be_bytes([it[4], it[5]]);
            SocketAddr::from(([it[0], it[1], it[2], it[3]], port))
        };
        // The address of zeros is the end of a list.
        let shown = rest
            .chunks_exact(6)
            .map(address)
            .filter(|it| it.port() != 0);
        listed.extend(shown);
        return Ok(true);
    }
    let head: &[u8] = match is_extended {
        true => b"\xff\xff\xff\xffgetserversExtResponse",
        false => b"\xff\xff\xff\xffgetserversResponse",
    };
    let mut rest = datagram.strip_prefix(head).ok_or("another header")?;
    if datagram.len() > MAX_BYTES {
        return Err(format!("a datagram of {} bytes", datagram.len()));
    }
    loop {
        rest = match rest {
            b"\\EOT\0\0\0" => return Ok(true),
            // The byte at the end of every datagram but the last.
            b"\\" => return Ok(false),
            [b'\\', a, b, c, d, high, low, rest @ ..] => {
                let port = u16::from_be_bytes([*high, *low]);
                listed.push(SocketAddr::from(([*a, *b, *c, *d], port)));
                rest
            }
            [b'/', rest @ ..] if is_extended && rest.len() >= 18 => {
                let (ip, rest) = rest.split_at(16);
                let (port, rest) = rest.split_at(2);
                let ip: [u8; 16] = ip.try_into().unwrap_or_default();
                let port = u16::from_be_bytes([port[0], port[1]]);
                listed.push(SocketAddr::from((ip, port)));
                rest
            }
            other => return Err(format!("a bad item: {other:?}")),
        };
    }
}
