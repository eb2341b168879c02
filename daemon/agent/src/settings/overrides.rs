//! What is published instead of what a server says.

use bytes::Bytes;
use metaserve::ServerInfo;
use serde_json::{Map, Value};

/// The longest heartbeat to publish: what a daemon accepts by default.
pub(crate) const MAX_HEARTBEAT_BYTES: usize = 8 * 1024;

/// The longest overrides, as JSON. The rest is for a name, which every record has: at most 128
/// characters, of up to 6 bytes each.
const MAX_BYTES: usize = MAX_HEARTBEAT_BYTES - 1024;

/// Fields of the record to publish, which replace those that the server states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides(Map<String, Value>);

/// What is published of a server: at most 8 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) heartbeat: Bytes,
    /// The fields that were left out or shortened because the whole was too long.
    pub(crate) left_out: Vec<String>,
}

impl Overrides {
    /// Checks the fields: each is one of [`ServerInfo`], within its bounds, or one of the
    /// operator's own. All together have at most 7 KiB, so that they can always be published.
    ///
    /// # Errors
    /// The field that readers would leave out or cut, and what to write.
    pub fn new(fields: Map<String, Value>) -> Result<Self, String> {
        for (field, value) in &fields {
            let written = field.replace('-', "_");
            if written != *field && is_known(&written) {
                return Err(format!("`{field}`: write `{written}`"));
            }
            // Readers leave out or cut what is not as it should be.
            let mut alone = Map::new();
            alone.insert("name".into(), "unnamed".into());
            alone.insert(field.clone(), value.clone());
            let info = ServerInfo::from(alone.clone());
            let is_kept = serde_json::to_value(&info).ok() == Some(Value::Object(alone));
            // An empty list hides what the server says.
            let hides = value.as_array().is_some_and(Vec::is_empty);
            if !hides && (!is_kept || info.check().is_err()) {
                return Err(format!(
                    "`{field}` has the wrong type, or is too long: readers would leave it out"
                ));
            }
        }
        match length(&fields) {
            0..=MAX_BYTES => Ok(Self(fields)),
            bytes => Err(format!(
                "{bytes} bytes as JSON are more than can be published: shorten it to {MAX_BYTES}"
            )),
        }
    }

    /// Whether this field is among them.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The heartbeat with these fields. One that is not a [`ServerInfo`] stays as it is, and so
    /// does one without overrides: they are at most 8 KiB long already.
    pub(crate) fn apply(&self, heartbeat: Bytes) -> Published {
        let info = ServerInfo::from_json(&heartbeat).filter(|_| !self.0.is_empty());
        match info {
            Some(info) => self.publish(info),
            None => Published {
                heartbeat,
                left_out: Vec::new(),
            },
        }
    }

    /// The record with these fields. What the server says gives way, as far as it must for the
    /// whole to fit.
    pub(crate) fn publish(&self, info: ServerInfo) -> Published {
        let mut said = fields_of(&info);
        said.retain(|field, _| !self.has(field));
        let room = MAX_HEARTBEAT_BYTES - length(&self.0);
        let mut kept = fields_of(&ServerInfo::from(said.clone()).fit(room));
        while length(&kept) > room {
            let lengths = kept
                .iter()
                .map(|(field, value)| (value.to_string().len(), field.clone()));
            let Some((_, longest)) = lengths.filter(|(_, field)| field != "name").max() else {
                break;
            };
            kept.remove(&longest);
        }
        let left_out = said
            .iter()
            .filter(|(field, it)| kept.get(*field) != Some(it));
        let left_out = left_out.map(|(field, _)| field.clone()).collect();
        kept.extend(self.0.clone());
        Published {
            heartbeat: ServerInfo::from(kept).to_json().into(),
            left_out,
        }
    }
}

fn fields_of(info: &ServerInfo) -> Map<String, Value> {
    match serde_json::to_value(info) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The length of the fields as JSON.
fn length(fields: &Map<String, Value>) -> usize {
    serde_json::to_string(fields).map_or(usize::MAX, |it| it.len())
}

/// Whether this is a field of the convention.
fn is_known(field: &str) -> bool {
    let info = ServerInfo::from(Map::from_iter([(field.to_owned(), Value::Null)]));
    !info.other.contains_key(field)
}
