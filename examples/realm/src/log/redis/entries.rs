//! How keys, entries and scripts' arguments are written, and read again.

use crate::{
    command::{Action, Arrival, Command},
    ids::{Name, ZoneId},
    log::{Commit, Cursor, Dirty, LogError, Stored, Whereabouts},
};
use redis::{FromRedisValue, Value, from_redis_value};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, str::FromStr};

/// Entries of a stream: ids and fields.
pub(super) type Entries = Vec<(String, HashMap<String, String>)>;

/// Entries of several streams, by their keys.
pub(super) type Streams = Vec<(String, Entries)>;

/// The fields of a character's hash that say where it is.
pub(super) const WHEREABOUTS: [&str; 7] = [
    "zone", "present", "session", "epoch", "seq", "arrival", "done",
];

pub(super) struct Keys(String);

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    pub(super) fn prefix(&self) -> &str {
        &self.0
    }

    pub(super) fn input(&self, zone: &ZoneId) -> String {
        format!("{}z:{zone}:in", self.0)
    }

    pub(super) fn state(&self, zone: &ZoneId) -> String {
        format!("{}z:{zone}:state", self.0)
    }

    pub(super) fn objects(&self, zone: &ZoneId) -> String {
        format!("{}z:{zone}:obj", self.0)
    }

    pub(super) fn output(&self, zone: &ZoneId) -> String {
        format!("{}z:{zone}:out", self.0)
    }

    pub(super) fn character(&self, name: &Name) -> String {
        format!("{}p:{}", self.0, name.folded())
    }

    pub(super) fn mail(&self, name: &Name) -> String {
        format!("{}p:{}:out", self.0, name.folded())
    }

    pub(super) fn chat(&self) -> String {
        format!("{}chat", self.0)
    }

    pub(super) fn wake(&self) -> String {
        format!("{}wake", self.0)
    }

    pub(super) fn dirty(&self) -> String {
        format!("{}dirty", self.0)
    }
}

/// What a script has answered: a word, and what comes with it.
pub(super) struct Reply {
    word: String,
    rest: Vec<Value>,
}

impl Reply {
    pub(super) fn new(values: Vec<Value>) -> Result<Self, LogError> {
        let mut values = values.into_iter();
        let word = values.next().map(text).transpose()?.unwrap_or_default();
        let rest = values.collect();
        Ok(Self { word, rest })
    }

    /// The reply, unless the script has refused.
    pub(super) fn accepted(self) -> Result<Self, LogError> {
        if matches!(self.word.as_str(), "ok" | "nothing") {
            return Ok(self);
        }
        let word = self.word.clone();
        let mut texts = self.texts()?.into_iter();
        let what = texts.next().unwrap_or_default();
        Err(match word.as_str() {
            "fenced" => LogError::Fenced(what),
            "unknown" => LogError::Unknown(what),
            "full" => LogError::Full(what),
            "absent" => match what.parse() {
                Ok(name) => LogError::Absent(name),
                Err(_) => LogError::Unknown(what),
            },
            _ => foreign(&what, texts.next().unwrap_or(word)),
        })
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.word == "nothing"
    }

    pub(super) fn texts(self) -> Result<Vec<String>, LogError> {
        self.rest.into_iter().map(text).collect()
    }
}

fn text(value: Value) -> Result<String, LogError> {
    read("the answer of a script", value)
}

fn read<T: FromRedisValue>(key: &str, value: Value) -> Result<T, LogError> {
    from_redis_value(value).map_err(|error| foreign(key, error.to_string()))
}

pub(super) fn foreign(key: &str, why: impl ToString) -> LogError {
    LogError::Foreign {
        key: key.to_owned(),
        why: why.to_string(),
    }
}

pub(super) fn id(Cursor(time, number): Cursor) -> String {
    format!("{time}-{number}")
}

pub(super) fn cursor_of(key: &str, id: &str) -> Result<Cursor, LogError> {
    let parts = id.split_once('-');
    let cursor = parts.and_then(|(time, number)| Some((time.parse().ok()?, number.parse().ok()?)));
    let (time, number) =
        cursor.ok_or_else(|| foreign(key, format!("{id} is no id of an entry")))?;
    Ok(Cursor(time, number))
}

/// A text of a key, read as what it should be.
pub(super) fn parsed<T>(key: &str, text: Option<&String>) -> Result<T, LogError>
where
    T: FromStr<Err: ToString>,
{
    let text = text.ok_or_else(|| foreign(key, "a field is missing"))?;
    text.parse().map_err(|why: T::Err| foreign(key, why))
}

/// The JSON of a key, read as what it should be.
pub(super) fn parsed_json<T: DeserializeOwned>(
    key: &str,
    text: Option<&String>,
) -> Result<T, LogError> {
    let text = text.ok_or_else(|| foreign(key, "a field is missing"))?;
    serde_json::from_str(text).map_err(|why| foreign(key, why))
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our types have text keys, and no numbers but finite ones")
}

/// Of the fields [`WHEREABOUTS`].
pub(super) fn whereabouts(key: &str, fields: Vec<String>) -> Result<Whereabouts, LogError> {
    let field = |place: usize| fields.get(place);
    let arrival: Arrival = parsed_json(key, field(5))?;
    Ok(Whereabouts {
        zone: parsed(key, field(0))?,
        present: field(1).is_some_and(|it| it == "1"),
        session: parsed(key, field(2))?,
        epoch: parsed(key, field(3))?,
        seq: parsed(key, field(4))?,
        arrival: Arrival {
            seq: parsed(key, field(6))?,
            ..arrival
        },
    })
}

/// Of the fields of an input's entry.
pub(super) fn command(key: &str, fields: &HashMap<String, String>) -> Result<Command, LogError> {
    let seq = parsed(key, fields.get("seq"))?;
    let (seq, action) = if let Some(arrival) = fields.get("enter") {
        let arrival: Arrival = parsed_json(key, Some(arrival))?;
        (0, Action::Enter(Arrival { seq, ..arrival }))
    } else if fields.contains_key("leave") {
        (0, Action::Leave)
    } else {
        (seq, parsed_json(key, fields.get("do"))?)
    };
    Ok(Command {
        character: parsed(key, fields.get("name"))?,
        session: parsed(key, fields.get("session"))?,
        seq,
        action,
    })
}

/// Of the answer of `take.lua`.
pub(super) fn stored(keys: &Keys, zone: &ZoneId, reply: Reply) -> Result<Option<Stored>, LogError> {
    if reply.is_nothing() {
        return Ok(None);
    }
    let key = keys.state(zone);
    let mut rest = reply.rest;
    let objects: Vec<String> = match rest.pop() {
        Some(it) => read(&keys.objects(zone), it)?,
        None => Vec::new(),
    };
    let fields = rest.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let objects = objects
        .iter()
        .map(|it| parsed_json(&keys.objects(zone), Some(it)));
    let mut stored = Stored {
        epoch: parsed(&key, fields.first())?,
        rev: parsed(&key, fields.get(1))?,
        cursor: cursor_of(&key, fields.get(2).map_or("", String::as_str))?,
        world: parsed_json(&key, fields.get(3))?,
        objects: objects.collect::<Result<_, _>>()?,
    };
    stored.objects.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Some(stored))
}

pub(super) fn dirty(key: &str, member: &str) -> Result<Dirty, LogError> {
    let (kind, id) = member.split_once(':').unwrap_or_default();
    let id = Some(id.to_owned());
    match kind {
        "z" => parsed(key, id.as_ref()).map(Dirty::Zone),
        "p" => parsed(key, id.as_ref()).map(Dirty::Character),
        _ => Err(foreign(
            key,
            format!("{member} is neither a zone nor a character"),
        )),
    }
}

/// The arguments of `commit.lua`.
pub(super) fn commit(zone: &ZoneId, commit: &Commit) -> Vec<String> {
    let Cursor(time, number) = commit.cursor;
    let mut list = vec![
        zone.to_string(),
        commit.epoch.to_string(),
        commit.rev.to_string(),
        id(commit.cursor),
        id(Cursor(time, number.saturating_add(1))),
        json(&commit.world),
        json(&commit.output),
        commit.wake.map_or_else(String::new, |it| it.to_string()),
    ];
    list.push(commit.changed.len().to_string());
    for it in &commit.changed {
        list.extend([it.id.to_string(), json(it)]);
    }
    list.push(commit.gone.len().to_string());
    list.extend(commit.gone.iter().map(ToString::to_string));
    list.push(commit.travellers.len().to_string());
    for it in &commit.travellers {
        list.extend([
            it.character.folded().to_string(),
            it.character.to_string(),
            it.session.as_str().to_owned(),
            it.to.to_string(),
            it.arrival.seq.to_string(),
            json(&it.arrival),
            it.then.len().to_string(),
        ]);
        list.extend(it.then.iter().flat_map(fields));
    }
    list.push(commit.leavers.len().to_string());
    for it in &commit.leavers {
        list.extend([
            it.character.folded().to_string(),
            it.character.to_string(),
            it.arrival.seq.to_string(),
            json(&it.arrival),
        ]);
    }
    list.push(commit.whispers.len().to_string());
    for (name, words) in &commit.whispers {
        list.extend([name.folded().to_string(), json(words)]);
    }
    list
}

/// The fields of an input's entry, as scripts are given them.
pub(super) fn fields(command: &Command) -> [String; 5] {
    let (seq, kind, body) = match &command.action {
        Action::Enter(arrival) => (arrival.seq, "enter", json(arrival)),
        Action::Leave => (0, "leave", String::new()),
        action => (command.seq, "do", json(action)),
    };
    [
        command.character.to_string(),
        command.session.as_str().to_owned(),
        seq.to_string(),
        kind.to_owned(),
        body,
    ]
}
