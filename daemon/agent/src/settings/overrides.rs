//! What is published instead of what a server says.

use bytes::Bytes;
use metaserve::ServerInfo;
use serde_json::{Map, Value};

/// Fields of the record to publish, which replace those that the server states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides(Map<String, Value>);

impl Overrides {
    /// Checks the fields: each is one of [`ServerInfo`], within its bounds, or one of the
    /// operator's own.
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
        Ok(Self(fields))
    }

    /// The heartbeat with these fields. One that is not a [`ServerInfo`] stays as it is.
    #[must_use]
    pub fn apply(&self, heartbeat: Bytes) -> Bytes {
        if self.0.is_empty() {
            return heartbeat;
        }
        match ServerInfo::from_json(&heartbeat) {
            Some(info) => self.apply_to(info).to_json().into(),
            None => heartbeat,
        }
    }

    /// The record with these fields.
    #[must_use]
    pub fn apply_to(&self, info: ServerInfo) -> ServerInfo {
        match serde_json::to_value(&info) {
            Ok(Value::Object(mut fields)) => {
                fields.extend(self.0.clone());
                ServerInfo::from(fields)
            }
            _ => info,
        }
    }
}

/// Whether this is a field of the convention.
fn is_known(field: &str) -> bool {
    let info = ServerInfo::from(Map::from_iter([(field.to_owned(), Value::Null)]));
    !info.other.contains_key(field)
}
