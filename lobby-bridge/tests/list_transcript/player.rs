//! Plays the servers and clients of one conversation.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Answer, Request, ask, bytes, json,
    script::{Http, Step},
};

/// Far more than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const BOUNDARY: &str = "------------------------73d3f8ce219cf522";

pub(crate) struct Player {
    /// The port of the list, on both families.
    port: u16,
    sockets: HashMap<String, UdpSocket>,
    /// Whom each socket has last heard.
    heard: HashMap<String, SocketAddr>,
    variables: HashMap<String, Vec<u8>>,
    uuids: u32,
}

impl Player {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            sockets: HashMap::new(),
            heard: HashMap::new(),
            variables: HashMap::new(),
            uuids: 0,
        }
    }

    pub(crate) async fn play(&mut self, steps: &[Step]) -> Result<(), String> {
        for (position, step) in steps.iter().enumerate() {
            let played = self.step(step).await;
            played.map_err(|why| format!("step {position}: {why}"))?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(http) = &step.http {
            return self.fetch(http, step).await;
        }
        let conn = step.conn.clone().ok_or("no connection")?;
        if let Some(family) = &step.open {
            let address = match &**family {
                "udp4" => (Ipv4Addr::LOCALHOST, 0).into(),
                _ => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
            };
            let socket = UdpSocket::bind(address)
                .await
                .map_err(|it| it.to_string())?;
            let port = socket.local_addr().map_err(|it| it.to_string())?.port();
            self.variables
                .insert(format!("{conn}.port"), port.to_be_bytes().to_vec());
            self.sockets.insert(conn, socket);
        } else if let Some(template) = &step.send_hex {
            if step.to.as_deref() != Some("peer") {
                return Err("lists are asked over HTTP".into());
            }
            let bytes = bytes::make(template, &self.variables);
            let sent = self.sockets[&conn].send_to(&bytes, self.heard[&conn]).await;
            sent.map_err(|it| it.to_string())?;
        } else if let Some(template) = &step.expect_hex {
            let datagram = self.receive(&conn, PATIENCE).await.ok_or("nothing came")?;
            if !bytes::matches(template, &datagram, &mut self.variables) {
                return Err(format!("{datagram:02x?} is not {template}"));
            }
        } else if let Some(seconds) = step.quiet {
            if let Some(datagram) = self.receive(&conn, Duration::from_secs_f64(seconds)).await {
                return Err(format!("unexpected {datagram:02x?}"));
            }
        } else if let Some(seconds) = step.drain {
            let end = Instant::now() + Duration::from_secs_f64(seconds);
            while timeout_at(end, self.receive(&conn, PATIENCE)).await.is_ok() {}
        } else if step.close {
            self.sockets.remove(&conn);
        } else {
            return Err("an unknown step".into());
        }
        Ok(())
    }

    async fn receive(&mut self, conn: &str, within: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        let received = timeout(within, self.sockets[conn].recv_from(&mut buffer)).await;
        let (length, from) = received.ok()?.ok()?;
        self.heard.insert(conn.to_owned(), from);
        buffer.truncate(length);
        Some(buffer)
    }

    /// Fetches until the answer is as expected, if it may take a while.
    async fn fetch(&mut self, http: &Http, step: &Step) -> Result<(), String> {
        let request = self.request(http);
        let to = match http.family {
            Some(6) => (Ipv6Addr::LOCALHOST, self.port).into(),
            _ => SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
        };
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = timeout(PATIENCE, ask(to, &request)).await;
            let answer = answer.map_err(|_| "no answer")?;
            match self.check(&answer, step) {
                Err(_) if step.until.is_some() && Instant::now() < end => {
                    sleep(Duration::from_millis(20)).await;
                }
                checked => return checked,
            }
        }
    }

    fn request(&mut self, http: &Http) -> Request {
        let headers = http.headers.iter();
        // The answer is read as it is.
        let headers = headers.filter(|(name, _)| name != "Accept-Encoding");
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.clone(), self.text(value)))
            .collect();
        let mut request = Request {
            method: http.method.clone(),
            path: http.path.clone(),
            headers,
            body: self.text(http.body.as_deref().unwrap_or_default()).into(),
        };
        if let Some(json) = &http.multipart {
            let json = self.text(json);
            let head = "Content-Disposition: form-data; name=\"json\"";
            request.body =
                format!("--{BOUNDARY}\r\n{head}\r\n\r\n{json}\r\n--{BOUNDARY}--\r\n").into();
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            request.headers.push(("Content-Type".to_owned(), kind));
        }
        request
    }

    fn check(&self, answer: &Answer, step: &Step) -> Result<(), String> {
        let expected = &step.expect;
        let said = String::from_utf8_lossy(&answer.body);
        let status = Value::from(answer.status);
        let fits = match &expected.status {
            Value::Null => true,
            Value::Array(any) => any.contains(&status),
            one => *one == status,
        };
        if !fits {
            return Err(format!("status {status}: {said}"));
        }
        if let Some(text) = &expected.contains
            && !said.contains(&self.filled(text))
        {
            return Err(format!("no {text} in {said}"));
        }
        let Some(wanted) = &expected.json else {
            return Ok(());
        };
        let got = serde_json::from_str(&said).map_err(|_| format!("no JSON: {said}"))?;
        json::compare(wanted, &got, &|text| self.filled(text))
    }

    /// Fills in variables, and makes new UUIDs.
    fn text(&mut self, template: &str) -> String {
        let mut rest = template;
        while let Some((_, after)) = rest.split_once("{uuid:") {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            self.uuids += 1;
            let uuid = format!("{:08x}-0000-4000-8000-{:012x}", self.uuids, self.port);
            self.variables.insert(name.to_owned(), uuid.into_bytes());
            rest = after;
        }
        self.filled(&template.replace("{uuid:", "{"))
    }

    fn filled(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (name, value) in &self.variables {
            let value = match <[u8; 2]>::try_from(&value[..]) {
                Ok(port) if name.ends_with(".port") => u16::from_be_bytes(port).to_string(),
                _ => String::from_utf8_lossy(value).into_owned(),
            };
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }
}
