//! Plays one conversation with a hall.
//!
//! Templates: `{name/len}` binds a variable or must equal it, `{*len}` is any bytes, `{cstr}` is
//! any string, `{rest}` is everything that is left, `{near:V:TOL/4}` is a number, `{ip:CONN/4}` is
//! our own address, `{port:HOST/2}` is the port of a game host.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    game_host::GameHost,
    lists::entries,
    script::{Notices, Step},
    template::{Part, parse},
};
use crate::{
    clock::Clock,
    hall::{
        Hall, PATIENCE, Peer,
        packets::frame,
        peer::{Next, contains},
    },
};

type Bound = HashMap<String, Vec<u8>>;

/// See the [module](self).
pub(crate) struct Player<'a> {
    hall: &'a Hall,
    clock: &'a Clock,
    peers: HashMap<String, Peer>,
    variables: Bound,
    hosts: HashMap<String, GameHost>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(hall: &'a Hall, clock: &'a Clock) -> Self {
        Self {
            hall,
            clock,
            peers: HashMap::new(),
            variables: HashMap::new(),
            hosts: HashMap::new(),
        }
    }

    pub(crate) async fn play(mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            let done = self.step(step).await;
            done.map_err(|error| format!("step {}: {error}", step.t))?;
        }
        for peer in self.peers.values() {
            let _ = peer.try_send(&frame(102, b"")).await;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(seconds) = step.sleep {
            self.clock.pass(Duration::from_secs_f64(seconds)).await;
            return Ok(());
        }
        if let Some(seconds) = step.quiet {
            self.clock.pass(Duration::from_secs_f64(seconds)).await;
            return self.all_quiet().await;
        }
        if let Some(what) = &step.gamehost {
            let host = GameHost::start(what).await;
            self.hosts.insert(what.name.clone(), host);
            return Ok(());
        }
        if let Some(check) = &step.gamehost_check {
            return self.hosts[&check.name].check(check);
        }
        let name = step.conn.as_ref().ok_or("a step without a connection")?;
        match step.open.as_deref() {
            None => {}
            Some(kind) => return self.open(name, kind, step.pong.unwrap_or(true)).await,
        }
        if let Some(template) = &step.send_hex {
            return self.send(name, template, step).await;
        }
        if step.close == Some(true) {
            self.peers.remove(name);
            return Ok(());
        }
        let mut peer = self
            .peers
            .remove(name)
            .ok_or("a connection that is closed")?;
        let done = self.expect(&mut peer, step).await;
        if step.expect_close.is_none() {
            self.peers.insert(name.clone(), peer);
        }
        done.map_err(|error| format!("{name}: {error}"))
    }

    async fn open(&mut self, name: &str, kind: &str, answers: bool) -> Result<(), String> {
        let address = match kind {
            "login" => self.hall.login,
            _ => self.hall.rooms[0],
        };
        let peer = Peer::open(address, answers).await;
        let peer = peer.map_err(|error| error.to_string())?;
        self.peers.insert(name.to_owned(), peer);
        Ok(())
    }

    async fn send(&mut self, name: &str, template: &str, step: &Step) -> Result<(), String> {
        let bytes = self.filled(template)?;
        let peer = &self.peers[name];
        for piece in bytes.chunks(step.frag.unwrap_or(bytes.len())) {
            // If the connection is gone, the next expected answer will show it.
            let _ = peer.try_send(piece).await;
            if step.frag.is_some() {
                self.clock.settle().await;
            }
        }
        Ok(())
    }

    async fn expect(&mut self, peer: &mut Peer, step: &Step) -> Result<(), String> {
        if let Some(template) = &step.expect_hex {
            let body = frame_of(peer, step.r#type.unwrap_or(0)).await?;
            return self.matches(template, &body);
        }
        if let Some(templates) = &step.expect_list {
            return self.list(peer, step.r#type.unwrap_or(0), templates).await;
        }
        if step.expect_rooms == Some(true) {
            let body = frame_of(peer, 0).await?;
            let whole = !body.is_empty() && body.len() % 24 == 0;
            return whole.then_some(()).ok_or(format!("rooms: {body:02x?}"));
        }
        if let Some(notices) = &step.expect_notices {
            return self.notices(peer, notices).await;
        }
        if let Some((low, high)) = step.expect_keepalive {
            return self.keep_alive(peer, low, high).await;
        }
        if let Some(seconds) = step.expect_close {
            return self.nothing_but(peer, seconds, &Next::End).await;
        }
        if let Some(seconds) = step.expect_silence {
            return self.nothing_but(peer, seconds, &Next::Nothing).await;
        }
        if let Some(seconds) = step.expect_no_keepalive {
            while peer.keep_alives.try_recv().is_ok() {}
            self.nothing_but(peer, seconds, &Next::Nothing).await?;
            let silent = peer.keep_alives.try_recv().is_err();
            return silent.then_some(()).ok_or("a KeepAlive".to_owned());
        }
        if let Some(seconds) = step.discard {
            self.clock.pass(Duration::from_secs_f64(seconds)).await;
            while let Some(next) = self.clock.at_once(peer.next(PATIENCE)).await {
                if next == Next::End {
                    return Err("closed".to_owned());
                }
            }
            return Ok(());
        }
        Err("an unknown step".to_owned())
    }

    async fn list(
        &mut self,
        peer: &mut Peer,
        number: u16,
        templates: &[String],
    ) -> Result<(), String> {
        let mut left: Vec<&String> = templates.iter().collect();
        if left.is_empty() {
            let body = frame_of(peer, number).await?;
            return body.is_empty().then_some(()).ok_or(format!("{body:02x?}"));
        }
        while !left.is_empty() {
            let body = frame_of(peer, number).await?;
            for entry in entries(number, &body)? {
                let found = left.iter().position(|it| self.matches(it, &entry).is_ok());
                let found = found.ok_or_else(|| format!("{entry:02x?} is none of {left:?}"))?;
                left.remove(found);
            }
        }
        Ok(())
    }

    async fn notices(&mut self, peer: &mut Peer, want: &Notices) -> Result<(), String> {
        let mut texts = Vec::new();
        while want.max.is_none_or(|max| texts.len() < max) {
            let next = match texts.len() < want.min {
                true => peer.next(PATIENCE).await,
                false => self.next_at_once(peer).await,
            };
            match next {
                Next::Frame(10, body) => {
                    let text = body.strip_suffix(b"\0").filter(|it| !it.contains(&0));
                    texts.push(text.ok_or("not one string")?.to_vec());
                }
                Next::Frame(number, body) => {
                    peer.keep(number, body);
                    break;
                }
                Next::End | Next::Nothing => break,
            }
        }
        if texts.len() < want.min {
            return Err(format!("{} of {} messages", texts.len(), want.min));
        }
        for line in &want.lines {
            let found = texts.iter().position(|text| match &line.equals_hex {
                Some(equal) => self.filled(equal).as_ref() == Ok(text),
                None => line.contains_hex.iter().all(|part| {
                    let part = self.filled(part).unwrap_or_default();
                    contains(&text.to_ascii_lowercase(), &part.to_ascii_lowercase())
                }),
            });
            match found {
                Some(found) => drop(texts.remove(found)),
                None => return Err(format!("no line for {:?}: {texts:?}", line.contains_hex)),
            }
        }
        Ok(())
    }

    async fn keep_alive(&self, peer: &mut Peer, low: f64, high: f64) -> Result<(), String> {
        while peer.keep_alives.try_recv().is_ok() {}
        let begin = Instant::now();
        let keep_alive = timeout(Duration::from_secs_f64(high), peer.keep_alives.recv());
        let came = self.clock.until(keep_alive).await;
        let at = came.ok().flatten().ok_or("no KeepAlive")?;
        let early = at.duration_since(begin) < Duration::from_secs_f64(low);
        (!early).then_some(()).ok_or("too early".to_owned())
    }

    /// Returns what arrives without time passing.
    async fn next_at_once(&self, peer: &mut Peer) -> Next {
        let next = self.clock.at_once(peer.next(PATIENCE)).await;
        next.unwrap_or(Next::Nothing)
    }

    /// Checks that exactly `want` comes within this many seconds.
    async fn nothing_but(&self, peer: &mut Peer, seconds: f64, want: &Next) -> Result<(), String> {
        let next = peer.next(Duration::from_secs_f64(seconds));
        let got = self.clock.until(next).await;
        (got == *want)
            .then_some(())
            .ok_or(format!("expected {want:?}, got {got:02x?}"))
    }

    async fn all_quiet(&mut self) -> Result<(), String> {
        for (name, peer) in &mut self.peers {
            let got = self.clock.at_once(peer.next(PATIENCE)).await;
            let got = got.unwrap_or(Next::Nothing);
            if got != Next::Nothing {
                return Err(format!("{name}: at the end {got:02x?}"));
            }
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(peer) = name.strip_prefix("ip:") {
            return self.peers.get(peer).or(None).map_or(
                Some(vec![127, 0, 0, 1]),
                |peer| match peer.local.ip() {
                    IpAddr::V4(ip) => Some(ip.octets().to_vec()),
                    IpAddr::V6(_) => None,
                },
            );
        }
        if let Some(host) = name.strip_prefix("port:") {
            return Some(self.hosts.get(host)?.port.to_be_bytes().to_vec());
        }
        self.variables.get(name).cloned()
    }

    fn filled(&self, template: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for part in parse(template) {
            match part {
                Part::Literal(literal) => bytes.extend(literal),
                Part::Variable(name, _) => {
                    let value = self.variable(&name);
                    bytes.extend(value.ok_or(format!("{name} is not known yet"))?);
                }
                other => return Err(format!("{other:?} cannot be sent")),
            }
        }
        Ok(bytes)
    }

    /// Compares, and binds variables on success.
    fn matches(&mut self, template: &str, data: &[u8]) -> Result<(), String> {
        let mut bound = Bound::new();
        let mut rest = data;
        for part in parse(template) {
            let wrong = format!("{part:?} is not at {}", data.len() - rest.len());
            let length = self.fits(&part, rest, &mut bound);
            let length = length.ok_or_else(|| format!("{wrong} of {data:02x?}"))?;
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            return Err(format!("too much at the end: {rest:02x?}"));
        }
        self.variables.extend(bound);
        Ok(())
    }

    /// Returns how many bytes at the beginning of `data` match.
    fn fits(&self, part: &Part, data: &[u8], bound: &mut Bound) -> Option<usize> {
        match part {
            Part::Literal(literal) => data.starts_with(literal).then_some(literal.len()),
            Part::Any(length) => (data.len() >= *length).then_some(*length),
            Part::String => data.iter().position(|byte| *byte == 0).map(|end| end + 1),
            Part::Rest => Some(data.len()),
            Part::Near(value, tolerance) => {
                let number = i32::from_be_bytes(*data.first_chunk()?);
                (number.abs_diff(*value) <= tolerance.unsigned_abs()).then_some(4)
            }
            Part::Variable(name, length) => {
                let got = data.get(..*length)?;
                match bound.get(name).cloned().or_else(|| self.variable(name)) {
                    Some(want) => (want == got).then_some(*length),
                    None => {
                        let used = |value: &Vec<u8>| value == got;
                        let taken = name.starts_with("uid") && self.variables.values().any(used);
                        bound.insert(name.clone(), got.to_vec());
                        (!taken).then_some(*length)
                    }
                }
            }
        }
    }
}

async fn frame_of(peer: &mut Peer, number: u16) -> Result<Vec<u8>, String> {
    match peer.next(PATIENCE).await {
        Next::Frame(it, body) if it == number => Ok(body),
        other => Err(format!("expected type {number}, got {other:02x?}")),
    }
}
