//! The log in Redis, 6.2 or later.
//!
//! # Keys
//!
//! | key | type | what |
//! | --- | --- | --- |
//! | `z:ID:in` | stream | commands that wait for the zone: `name`, `session`, `seq`, and `do`, `enter` or `leave` |
//! | `z:ID:state` | hash | `owner` (epoch), `by` (epoch of the last commit), `rev`, `cursor`, `world`, `enter` (the last one in the input), `first` (1 until its owner has committed) |
//! | `z:ID:obj` | hash | a field with the JSON of each object |
//! | `z:ID:out` | stream | outputs, with the ids `REV-0`: `after` (the revision before), `output` |
//! | `p:NAME` | hash | where a character is; `NAME` is folded |
//! | `p:NAME:out` | stream | whispers for it |
//! | `chat` | stream | words for everybody |
//! | `wake` | sorted set | zones by the time when they want to be started |
//! | `dirty` | sorted set | `z:ID` and `p:NAME` that are to be saved, longest waiting first; `dirty:last` numbers them |
//!
//! With `?prefix=TEXT` in the URL all keys begin with the text, so that several worlds can share a
//! Redis.
//!
//! # One primary
//!
//! Each method that writes is one Lua script, which Redis carries out whole before anything else.
//! The commit of a zone writes keys of other zones and of characters too, so all keys must be on
//! one primary. In a Redis Cluster that takes a prefix with a hash tag, `?prefix={realm}`, which
//! puts them all into one slot.
//!
//! # What it outlives
//!
//! Redis keeps what it was told if `appendonly` is on, and the very last second too if
//! `appendfsync` is `always`; [`check`](Log::check) says so if they are not.
//!
//! A script checks everything before it writes anything, and Redis refuses for lack of memory, disk
//! or permission at the first write of a script: so even then all of it happens or nothing.
//!
//! # Connections
//!
//! Each process has one for all that is answered at once, and one for everything that it waits for:
//! the input of each zone that it owns, the output of each zone that somebody looks at there, mail
//! and chat. `maxclients` of Redis, 10,000 by default, must be above the sum.

mod connections;
mod entries;
mod scripts;
mod settings;

use self::{
    connections::Connections,
    entries::{Keys, Reply, Streams, cursor_of, json, parsed},
    scripts::SCRIPTS,
};
use super::{
    Absent, Admission, Commit, Cursor, Dirty, Log, LogError, Outputs, Post, Rev, Stored,
    Whereabouts, Words,
};
use crate::{
    command::Command,
    ids::{Name, ZoneId},
    messages::Scope,
    object::Millis,
};
use anyhow::{Context, ensure};
use async_trait::async_trait;
use redis::cmd;
use std::{fmt, time::Duration};

/// A log in Redis. It connects when it is first used, and again whenever the connection was lost.
pub struct RedisLog {
    connections: Connections,
    keys: Keys,
}

impl RedisLog {
    /// A log at a URL such as `redis://127.0.0.1:6379/0?prefix=realm:`.
    ///
    /// # Errors
    /// It is not a URL of a Redis.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (prefixes, rest): (Vec<_>, Vec<_>) = query
            .split('&')
            .filter(|it| !it.is_empty())
            .partition(|it| it.starts_with("prefix="));
        let prefix = prefixes.first().map_or("", |it| &it["prefix=".len()..]);
        ensure!(
            prefix.len() <= 64
                && prefix
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b":{}_-".contains(&it)),
            "a prefix of keys has at most 64 letters, digits and :{{}}_-"
        );
        let client = redis::Client::open(format!("{address}?{}", rest.join("&")))
            .context("the URL of a log in Redis is redis://HOST:PORT/DB")?;
        Ok(Self {
            connections: Connections::new(client),
            keys: Keys::new(prefix),
        })
    }

    /// Runs a script; its answer was `ok` or `nothing` if this is no error.
    async fn run(&self, script: &redis::Script, arguments: &[String]) -> Result<Reply, LogError> {
        let mut invocation = script.key(self.keys.prefix());
        invocation.arg(arguments);
        let reply = self.connections.invoke(&invocation).await?;
        Reply::new(reply)?.accepted()
    }

    /// Entries of streams after some ids. `None` for `most`: all.
    async fn read(
        &self,
        after: &[(String, Cursor)],
        most: Option<usize>,
        wait: Duration,
    ) -> Result<Streams, LogError> {
        let mut read = cmd("XREAD");
        if let Some(most) = most {
            read.arg("COUNT").arg(most);
        }
        if !wait.is_zero() {
            // 0 would be for ever.
            read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
        }
        read.arg("STREAMS");
        for (key, _) in after {
            read.arg(key);
        }
        for (_, cursor) in after {
            read.arg(entries::id(*cursor));
        }
        let found: Option<Streams> = self.connections.wait(&read, wait).await?;
        Ok(found.unwrap_or_default())
    }

    async fn end(&self, key: &str) -> Result<Cursor, LogError> {
        let mut last = cmd("XREVRANGE");
        last.arg(key).arg("+").arg("-").arg("COUNT").arg(1);
        let found: entries::Entries = self.connections.query(&last).await?;
        let end = found.first().map(|(id, _)| cursor_of(key, id));
        Ok(end.transpose()?.unwrap_or_default())
    }
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisLog")
            .field("address", &self.connections.address())
            .field("prefix", &self.keys.prefix())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for RedisLog {
    fn describe(&self) -> String {
        let address = self.connections.address();
        format!("The log is in the Redis at {address}, and outlives every process of the world.")
    }

    async fn check(&self) -> Result<Vec<String>, LogError> {
        settings::warnings(&self.connections).await
    }

    async fn admit(&self, admission: &Admission) -> Result<Whereabouts, LogError> {
        let arguments = [
            admission.character.folded().to_string(),
            admission.character.to_string(),
            admission.session.as_str().to_owned(),
            admission.epoch.to_string(),
            admission.zone.to_string(),
            json(&admission.arrival),
            admission.arrival.seq.to_string(),
        ];
        let reply = self.run(&SCRIPTS.admit, &arguments).await?;
        entries::whereabouts(&self.keys.character(&admission.character), reply.texts()?)
    }

    async fn whereabouts(&self, character: &Name) -> Result<Option<Whereabouts>, LogError> {
        let key = self.keys.character(character);
        let mut fields = cmd("HMGET");
        fields.arg(&key).arg(&entries::WHEREABOUTS);
        let fields: Vec<Option<String>> = self.connections.query(&fields).await?;
        // None of them is there, or all.
        match fields.into_iter().collect::<Option<Vec<_>>>() {
            None => Ok(None),
            Some(fields) => entries::whereabouts(&key, fields).map(Some),
        }
    }

    async fn append(&self, command: &Command) -> Result<ZoneId, LogError> {
        let [name, session, seq, kind, body] = entries::fields(command);
        let who = command.character.folded().to_string();
        let arguments = [who, name, session, seq, kind, body];
        let reply = self.run(&SCRIPTS.append, &arguments).await?;
        let key = self.keys.character(&command.character);
        parsed(&key, reply.texts()?.first())
    }

    async fn post(&self, post: &Post) -> Result<(), LogError> {
        let listener = match &post.words.scope {
            Scope::Zone => {
                return Err(LogError::Refuses(
                    "a zone passes these on itself".to_owned(),
                ));
            }
            Scope::All => None,
            Scope::To(name) => Some(name),
        };
        let arguments = [
            post.character.folded().to_string(),
            post.character.to_string(),
            post.session.as_str().to_owned(),
            post.seq.to_string(),
            listener.map_or_else(String::new, |it| it.folded().to_string()),
            listener.map_or_else(String::new, ToString::to_string),
            json(&post.words),
        ];
        self.run(&SCRIPTS.post, &arguments).await?;
        Ok(())
    }

    async fn take(&self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError> {
        let arguments = [zone.to_string(), epoch.to_string()];
        let reply = self.run(&SCRIPTS.take, &arguments).await?;
        entries::stored(&self.keys, zone, reply)
    }

    async fn inputs(
        &self,
        zone: &ZoneId,
        after: Cursor,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<(Cursor, Command)>, LogError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let key = self.keys.input(zone);
        let found = self.read(&[(key.clone(), after)], Some(most), wait).await?;
        let entries = found.into_iter().flat_map(|(_, entries)| entries);
        entries
            .map(|(id, fields)| Ok((cursor_of(&key, &id)?, entries::command(&key, &fields)?)))
            .collect()
    }

    async fn commit(&self, zone: &ZoneId, commit: &Commit) -> Result<(), LogError> {
        let arguments = entries::commit(zone, commit);
        self.run(&SCRIPTS.commit, &arguments).await?;
        Ok(())
    }

    async fn stored(&self, zone: &ZoneId) -> Result<Option<Stored>, LogError> {
        let arguments = [zone.to_string(), String::new()];
        let reply = self.run(&SCRIPTS.take, &arguments).await?;
        entries::stored(&self.keys, zone, reply)
    }

    async fn outputs(
        &self,
        zone: &ZoneId,
        after: Rev,
        most: usize,
        wait: Duration,
    ) -> Result<Outputs, LogError> {
        let key = self.keys.output(zone);
        let from = [(key.clone(), Cursor(after, 0))];
        let found = self.read(&from, Some(most.max(1)), wait).await?;
        let mut since = Vec::new();
        let mut before: Option<Rev> = None;
        for (id, fields) in found.into_iter().flat_map(|(_, entries)| entries) {
            let Cursor(rev, _) = cursor_of(&key, &id)?;
            if before.is_none() {
                before = Some(parsed(&key, fields.get("after"))?);
            }
            since.push((rev, entries::parsed_json(&key, fields.get("output"))?));
        }
        match before {
            Some(before) if before != after => Ok(Outputs::Gap),
            None if self.end(&key).await?.0 < after && self.stored(zone).await?.is_some() => {
                Ok(Outputs::Gap)
            }
            _ => Ok(Outputs::Since(since)),
        }
    }

    async fn mail_end(&self, character: &Name) -> Result<Cursor, LogError> {
        self.end(&self.keys.mail(character)).await
    }

    async fn mail(
        &self,
        after: &[(Name, Cursor)],
        wait: Duration,
    ) -> Result<Vec<(Name, Cursor, Words)>, LogError> {
        if after.is_empty() {
            tokio::time::sleep(wait).await;
            return Ok(Vec::new());
        }
        let keys = after.iter().map(|(name, end)| (self.keys.mail(name), *end));
        let keys: Vec<_> = keys.collect();
        let mut mail = Vec::new();
        for (key, entries) in self.read(&keys, None, wait).await? {
            let Some(place) = keys.iter().position(|(it, _)| *it == key) else {
                continue;
            };
            for (id, fields) in entries {
                let words = entries::parsed_json(&key, fields.get("words"))?;
                mail.push((after[place].0.clone(), cursor_of(&key, &id)?, words));
            }
        }
        Ok(mail)
    }

    async fn chat_end(&self) -> Result<Cursor, LogError> {
        self.end(&self.keys.chat()).await
    }

    async fn chat(&self, after: Cursor, wait: Duration) -> Result<Vec<(Cursor, Words)>, LogError> {
        let key = self.keys.chat();
        let found = self.read(&[(key.clone(), after)], None, wait).await?;
        let entries = found.into_iter().flat_map(|(_, entries)| entries);
        entries
            .map(|(id, fields)| {
                let words = entries::parsed_json(&key, fields.get("words"))?;
                Ok((cursor_of(&key, &id)?, words))
            })
            .collect()
    }

    async fn due(&self, now: Millis, most: usize) -> Result<Vec<(ZoneId, Millis)>, LogError> {
        let key = self.keys.wake();
        let mut range = cmd("ZRANGEBYSCORE");
        range.arg(&key).arg("-inf").arg(now).arg("WITHSCORES");
        range.arg("LIMIT").arg(0).arg(most);
        let due: Vec<(String, String)> = self.connections.query(&range).await?;
        due.iter()
            .map(|(zone, at)| Ok((parsed(&key, Some(zone))?, parsed(&key, Some(at))?)))
            .collect()
    }

    async fn woken(&self, zone: &ZoneId, at: Millis) -> Result<(), LogError> {
        let arguments = [zone.to_string(), at.to_string()];
        self.run(&SCRIPTS.woken, &arguments).await?;
        Ok(())
    }

    async fn dirty(&self, most: usize) -> Result<Vec<Dirty>, LogError> {
        let key = self.keys.dirty();
        let Some(last) = most.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut range = cmd("ZRANGE");
        range.arg(&key).arg(0).arg(last);
        let dirty: Vec<String> = self.connections.query(&range).await?;
        dirty.iter().map(|it| entries::dirty(&key, it)).collect()
    }

    async fn absent(&self, character: &Name) -> Result<Option<Absent>, LogError> {
        let arguments = [character.folded().to_string()];
        let reply = self.run(&SCRIPTS.absent, &arguments).await?;
        if reply.is_nothing() {
            return Ok(None);
        }
        let key = self.keys.character(character);
        let texts = reply.texts()?;
        let arrival: crate::command::Arrival = entries::parsed_json(&key, texts.get(1))?;
        Ok(Some(Absent {
            character: character.clone(),
            zone: parsed(&key, texts.first())?,
            at: arrival.at,
            sheet: arrival.sheet,
        }))
    }

    async fn saved(&self, what: &Dirty, rev: Rev) -> Result<(), LogError> {
        let what = match what {
            Dirty::Zone(zone) => format!("z:{zone}"),
            Dirty::Character(name) => format!("p:{}", name.folded()),
        };
        self.run(&SCRIPTS.saved, &[what, rev.to_string()]).await?;
        Ok(())
    }
}
