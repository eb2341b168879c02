//! Whole conversations with the daemon.

use super::{
    bytes, each, identity, names, names::said, role, script, script::Names, section, steps,
};
use crate::DAEMON;
use anyhow::{Context, bail, ensure};
use metaserve::{
    Close, Identity, Role,
    list::Cursor,
    protocol::client::ListMessage,
    stream::{self, FrameReader},
};
use metaserve_client::List;
use metaserve_tests::Daemon;
use serde_json::Value;
use std::collections::HashMap;

#[tokio::test]
async fn conversations_go_as_the_vectors_say() {
    let identities = ["relay", "stranger", "one"].map(|name| (name, identity()));
    let identities = &HashMap::from(identities);
    each(section("conversations", "daemon"), async |entry| {
        let mut play = Play::begin(identities).await;
        steps(entry, async |step| play.step(step).await).await
    })
    .await;
}

struct Play<'a> {
    identities: &'a HashMap<&'static str, Identity>,
    flags: [String; 4],
    daemon: Option<Daemon>,
    parties: HashMap<String, Party>,
    memory: Memory,
}

/// What later steps know of earlier ones.
struct Memory {
    names: Names,
    /// That of the last cursor, with which another connection may go on.
    list: List,
}

/// One connection.
struct Party {
    role: Role,
    connection: quinn::Connection,
    out: Option<quinn::SendStream>,
    reader: Option<FrameReader>,
    list: List,
    /// Whether any message has come: without one, an empty list is not known to be empty.
    told: bool,
}

impl<'a> Play<'a> {
    async fn begin(identities: &'a HashMap<&'static str, Identity>) -> Self {
        let trusted = identities["relay"].fingerprint().to_string();
        let flags = ["--names", "on", "--trust-relay", &trusted].map(str::to_owned);
        let daemon = Daemon::start(DAEMON, &flags.each_ref().map(String::as_str)).await;
        let named = |(name, it): (&&str, &Identity)| {
            (format!("${name}"), it.fingerprint().to_string().into())
        };
        Self {
            identities,
            flags,
            daemon: Some(daemon),
            parties: HashMap::new(),
            memory: Memory {
                names: Names(identities.iter().map(named).collect()),
                list: List::default(),
            },
        }
    }

    async fn step(&mut self, step: &Value) -> anyhow::Result<()> {
        let on = step["on"].as_str().unwrap_or_default();
        if let Some(how) = step.get("connect") {
            let party = self.connect(how).await?;
            self.parties.insert(on.to_owned(), party);
            return Ok(());
        }
        if step.get("restart").is_some() {
            let daemon = self.daemon.take().context("no daemon")?;
            let flags = self.flags.each_ref().map(String::as_str);
            self.daemon = Some(daemon.kill_and_restart(&flags).await);
            return Ok(());
        }
        let party = self.parties.get_mut(on).context("no such connection")?;
        party.step(step, &mut self.memory).await
    }

    async fn connect(&mut self, how: &Value) -> anyhow::Result<Party> {
        let daemon = self.daemon.as_ref().context("no daemon")?;
        let known = how["identity"].as_str().map(|name| &self.identities[name]);
        let role = role(how);
        let connection = if how["family"] == "ipv6" {
            daemon.connect_v6(role, known).await
        } else {
            let connector = daemon.connector(role, known);
            let port = connector.endpoint().local_addr()?.port();
            let own = format!("127.0.0.1:{port}").into();
            ensure!(
                how.get("address")
                    .is_none_or(|name| self.memory.names.same(&own, name))
            );
            connector.connect().await?
        };
        Ok(Party {
            role,
            connection,
            out: None,
            reader: None,
            list: List::default(),
            told: false,
        })
    }
}

impl Party {
    async fn step(&mut self, step: &Value, memory: &mut Memory) -> anyhow::Result<()> {
        let Memory { names, list } = memory;
        let (what, value) = step
            .as_object()
            .and_then(|step| {
                step.iter()
                    .find(|(what, _)| !["on", "times"].contains(&what.as_str()))
            })
            .context("an empty step")?;
        match what.as_str() {
            "send" => {
                let times = step["times"].as_u64().unwrap_or(1) as usize;
                let content = match value {
                    Value::String(_) => bytes(value).repeat(times),
                    message => {
                        let fields = names.filled(&message["fields"]);
                        self.list = list.clone();
                        match message["message"].as_str() {
                            Some("subscribe") => stream::frame(script::subscribe(&fields)).to_vec(),
                            name => said(name.context("no message")?, &fields),
                        }
                    }
                };
                let out = self.out().await?;
                let written = out.write_all(&content).await;
                // A peer that is closed while it sends may fail to write the rest.
                ensure!(written.is_ok() || times > 1, "{written:?}");
            }
            "receive" => {
                let seen = self.receive().await?;
                let words = value.get("words").unwrap_or(&Value::Null);
                let sentences = ["sentence", "why"].map(|name| seen["fields"][name].as_str());
                let sentence = sentences.into_iter().flatten().next().unwrap_or_default();
                let right = seen["message"] == value["message"]
                    && names.same(&seen["fields"], &value["fields"])
                    && script::has(sentence, words);
                ensure!(right, "saw {seen:.500} with {names:?}");
            }
            "list" => {
                while !(self.told && names.shows(&self.list.snapshot(), value)) {
                    self.receive()
                        .await
                        .with_context(|| format!("{:?}", self.list))?;
                }
            }
            "cursor" => {
                let snapshot = self.list.snapshot();
                let (epoch, revision) = (snapshot.epoch(), snapshot.revision());
                let cursor = script::cursor(Cursor { epoch, revision });
                ensure!(names.same(&cursor, value), "{cursor} with {names:?}");
                *list = self.list.clone();
            }
            "finish" => self.out().await?.finish()?,
            "reset" => self.out().await?.reset(code(value))?,
            "close" => self.connection.close(code(value), b""),
            "closed" => {
                let error = self.connection.closed().await;
                let close = Close::from_peer(&error).with_context(|| error.to_string())?;
                let right = value["code"] == close.code.number();
                ensure!(
                    right && script::has(&close.reason, &value["reason"]),
                    "{close}"
                );
            }
            _ => bail!("no such step"),
        }
        Ok(())
    }

    async fn out(&mut self) -> anyhow::Result<&mut quinn::SendStream> {
        if self.out.is_none() {
            self.out = Some(self.connection.open_uni().await?);
        }
        self.out.as_mut().context("it is there")
    }

    async fn receive(&mut self) -> anyhow::Result<Value> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(FrameReader::new(self.connection.accept_uni().await?)),
        };
        let message = reader
            .next(64 << 20)
            .await?
            .context("the stream has ended")?;
        match self.role {
            Role::Client => {}
            Role::Names => return names::answer(&message),
            Role::Heartbeat | Role::Relay => return script::answer(&message),
        }
        let message = ListMessage::decode(&message, 64 << 20)?;
        let seen = script::list(&message);
        self.list.apply(message)?;
        self.told = true;
        Ok(seen)
    }
}

fn code(value: &Value) -> quinn::VarInt {
    quinn::VarInt::from_u64(value.as_u64().unwrap()).unwrap()
}
