//! Plays one recorded conversation. The format of expected texts is that of the recordings:
//!
//! `${name:class}` binds a variable, and `${name}` must equal it later. The name `_` is never
//! bound. Classes: uuid, int, any. HEALTH messages are ignored.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::script::Step;
use crate::{
    clock::Clock,
    harness::{Client, Lobby, PATIENCE, random, text},
};

const HEALTH: &[u8] = b":>>HEALTH:";

pub(crate) struct Player<'a> {
    lobby: &'a Lobby,
    clock: &'a Clock,
    clients: HashMap<String, (Client, bool)>,
    variables: HashMap<String, String>,
}

/// A part of an expected text.
enum Part {
    Literal(Vec<u8>),
    /// Name and class.
    Variable(String, String),
}

impl<'a> Player<'a> {
    pub(crate) fn new(lobby: &'a Lobby, clock: &'a Clock) -> Self {
        Self {
            lobby,
            clock,
            clients: HashMap::new(),
            variables: HashMap::new(),
        }
    }

    pub(crate) async fn play(mut self, steps: &[Step]) -> Result<(), String> {
        for (number, step) in steps.iter().enumerate() {
            self.step(step)
                .await
                .map_err(|error| format!("step {number}: {error}"))?;
        }
        for (name, (client, raw)) in &mut self.clients {
            take_in(self.clock, client).await;
            skip_health(client, *raw);
            if !client.received.is_empty() {
                return Err(format!(
                    "unread at the end on {name}: {:?}",
                    text(&client.received)
                ));
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Open { conn } => {
                let client = self.lobby.connect().await;
                self.clients.insert(conn.clone(), (client, false));
            }
            Step::Sleep { ms } => self.clock.pass(Duration::from_millis(*ms)).await,
            Step::Send {
                conn,
                send_hex,
                chunk,
                delay_ms,
            } => {
                let bytes = self.filled(send_hex);
                let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
                *raw |= bytes
                    .windows(4)
                    .any(|window| window == b"iya!" || window == b"yia!");
                for piece in bytes.chunks(chunk.unwrap_or(bytes.len())) {
                    client
                        .try_send(piece)
                        .await
                        .map_err(|error| format!("cannot send on {conn}: {error}"))?;
                    if let Some(delay) = delay_ms {
                        self.clock.pass(Duration::from_millis(*delay)).await;
                    }
                }
            }
            Step::Expect {
                conn,
                expect_text,
                expect_hex,
                encoding,
            } => {
                let encoding = encoding.as_deref();
                let parts = match (expect_text, expect_hex) {
                    (Some(text), _) => parts(text, |literal| encode(literal, encoding)),
                    (_, Some(hex)) => parts(hex, unhex),
                    _ => return Err("nothing to expect".to_owned()),
                };
                if !self.matches(conn, &parts).await {
                    let expected = expect_text.as_ref().or(expect_hex.as_ref());
                    return Err(format!(
                        "{conn}: expected {expected:?}, got {}",
                        self.shown(conn)
                    ));
                }
            }
            Step::ExpectAny { conn, options } => return self.any(conn, options).await,
            Step::ExpectFinal { conn, r#final } => return self.settles(conn, r#final).await,
            Step::ExpectMessages { conn, messages } => {
                let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
                let total = messages.iter().map(String::len).sum();
                let deadline = Instant::now() + PATIENCE;
                skip_health(client, *raw);
                while client.received.len() < total && self.clock.until(client.read(deadline)).await
                {
                    skip_health(client, *raw);
                }
                let (mut got, mut wanted) = (split(&client.received), messages.clone());
                got.sort();
                wanted.sort();
                if got != wanted {
                    return Err(format!("{conn}: expected {wanted:?}, got {got:?}"));
                }
                client.received.clear();
            }
            Step::ExpectEof { conn } => {
                let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
                let deadline = Instant::now() + PATIENCE;
                while self.clock.until(client.read(deadline)).await {}
                skip_health(client, *raw);
                if !client.ended || !client.received.is_empty() {
                    return Err(format!(
                        "{conn}: expected the end, got {}",
                        self.shown(conn)
                    ));
                }
            }
            Step::ExpectSilence { conn, ms } => {
                let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
                let time = Duration::from_millis(ms.unwrap_or(200));
                self.clock.pass(time).await;
                take_in(self.clock, client).await;
                skip_health(client, *raw);
                if client.ended || !client.received.is_empty() {
                    return Err(format!(
                        "{conn}: expected silence, got {}",
                        self.shown(conn)
                    ));
                }
            }
            Step::Close { conn, mode } => {
                let (client, _) = self.clients.remove(conn).expect("an open connection");
                if mode.as_deref() == Some("rst") {
                    client.reset();
                }
            }
            Step::Shutdown { conn } => {
                self.clients
                    .get_mut(conn)
                    .expect("an open connection")
                    .0
                    .shut_down()
                    .await;
            }
            Step::SendRandom {
                conn,
                seed,
                length,
                background,
            } => {
                let sending = self.clients[conn].0.send_meanwhile(random(seed, *length));
                if !background.unwrap_or_default() {
                    let sent = sending.await.expect("no panic");
                    sent.map_err(|error| format!("cannot send on {conn}: {error}"))?;
                }
            }
            Step::ExpectRandom { conn, seed, length } => {
                self.clients
                    .get_mut(conn)
                    .expect("an open connection")
                    .0
                    .expect_bytes(&random(seed, *length))
                    .await;
            }
        }
        Ok(())
    }

    async fn any(&mut self, conn: &str, options: &[String]) -> Result<(), String> {
        let (client, _) = self.clients.get_mut(conn).expect("an open connection");
        take_in(self.clock, client).await;
        for option in options.iter().filter(|option| !option.is_empty()) {
            let parts = parts(option, |literal| encode(literal, None));
            if self.taken(conn, &parts) {
                return Ok(());
            }
        }
        let silent = options.iter().any(String::is_empty);
        match silent && self.clients[conn].0.received.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{conn}: expected one of {options:?}, got {}",
                self.shown(conn)
            )),
        }
    }

    /// Checks that the last message of each kind is the wanted one, and that there are no other
    /// kinds.
    async fn settles(
        &mut self,
        conn: &str,
        wanted: &HashMap<String, String>,
    ) -> Result<(), String> {
        let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
        let deadline = Instant::now() + PATIENCE;
        loop {
            skip_health(client, *raw);
            let messages = split(&client.received);
            let kind = |message: &String| {
                message[3..]
                    .split(':')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let last: HashMap<_, _> = messages.into_iter().map(|m| (kind(&m), m)).collect();
            if last == *wanted {
                // It has settled if nothing more comes.
                let settled = client.received.len();
                take_in(self.clock, client).await;
                if client.received.len() == settled {
                    client.received.clear();
                    return Ok(());
                }
            } else if !self.clock.until(client.read(deadline)).await {
                return Err(format!(
                    "{conn}: expected to settle at {wanted:?}, got {last:?}"
                ));
            }
        }
    }

    /// Removes the received bytes that match the parts, if they do.
    fn taken(&mut self, conn: &str, parts: &[Part]) -> bool {
        let (client, raw) = self.clients.get_mut(conn).expect("an open connection");
        skip_health(client, *raw);
        let Some((length, bound)) = prefix(&client.received, parts, &self.variables) else {
            return false;
        };
        client.received.drain(..length);
        self.variables.extend(bound);
        true
    }

    async fn matches(&mut self, conn: &str, parts: &[Part]) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.taken(conn, parts) {
                return true;
            }
            let (client, _) = self.clients.get_mut(conn).expect("an open connection");
            if !self.clock.until(client.read(deadline)).await {
                return false;
            }
        }
    }

    /// Decodes hexadecimal text, with the values of variables in it.
    fn filled(&self, hex: &str) -> Vec<u8> {
        let of_part = |part| match part {
            Part::Literal(bytes) => bytes,
            Part::Variable(name, _) => self.variables[&name].clone().into_bytes(),
        };
        parts(hex, unhex).into_iter().flat_map(of_part).collect()
    }

    fn shown(&self, conn: &str) -> String {
        let client = &self.clients[conn].0;
        format!(
            "{:?}{}",
            text(&client.received),
            if client.ended { " [end]" } else { "" }
        )
    }
}

/// Reads everything that arrives without time passing.
async fn take_in(clock: &Clock, client: &mut Client) {
    let deadline = Instant::now() + PATIENCE;
    while clock.at_once(client.read(deadline)).await == Some(true) {}
}

fn skip_health(client: &mut Client, raw: bool) {
    while !raw && client.received.starts_with(HEALTH) {
        client.received.drain(..HEALTH.len());
    }
}

fn split(received: &[u8]) -> Vec<String> {
    text(received)
        .split(":>>")
        .skip(1)
        .map(|message| format!(":>>{message}"))
        .collect()
}

fn parts(template: &str, literal: impl Fn(&str) -> Vec<u8>) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once("${") {
        parts.push(Part::Literal(literal(before)));
        let (variable, after) = after.split_once('}').expect("a closed variable");
        let (name, class) = variable.split_once(':').unwrap_or((variable, "uuid"));
        parts.push(Part::Variable(name.to_owned(), class.to_owned()));
        rest = after;
    }
    parts.push(Part::Literal(literal(rest)));
    parts
}

/// Returns how many bytes of `received` the parts match, and what they bind.
fn prefix(
    received: &[u8],
    parts: &[Part],
    variables: &HashMap<String, String>,
) -> Option<(usize, HashMap<String, String>)> {
    let (mut rest, mut bound) = (received, HashMap::new());
    for part in parts {
        let length = match part {
            Part::Literal(bytes) => rest.starts_with(bytes).then_some(bytes.len())?,
            Part::Variable(name, class) => {
                if let Some(value) = bound.get(name).or(variables.get(name)) {
                    rest.starts_with(value.as_bytes()).then_some(value.len())?
                } else {
                    let length = class_length(rest, class)?;
                    if name != "_" {
                        bound.insert(name.clone(), text(&rest[..length]));
                    }
                    length
                }
            }
        };
        rest = &rest[length..];
    }
    Some((received.len() - rest.len(), bound))
}

fn class_length(rest: &[u8], class: &str) -> Option<usize> {
    match class {
        "uuid" => {
            let shape = |(position, byte): (usize, &u8)| match position {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            };
            let candidate = rest.get(..36)?;
            candidate.iter().enumerate().all(shape).then_some(36)
        }
        "int" => {
            Some(rest.iter().take_while(|byte| byte.is_ascii_digit()).count()).filter(|n| *n > 0)
        }
        "any" => Some(rest.iter().take_while(|byte| **byte != b':').count()),
        other => panic!("unknown class {other}"),
    }
}

fn encode(text: &str, encoding: Option<&str>) -> Vec<u8> {
    match encoding {
        None | Some("utf-8") => text.as_bytes().to_vec(),
        Some(name) => {
            let encoding =
                encoding_rs::Encoding::for_label(name.as_bytes()).expect("a known encoding");
            encoding.encode(text).0.into_owned()
        }
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digits).collect()
}
