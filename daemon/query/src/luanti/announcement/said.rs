//! The fields of an announcement that a list gives out, in their proper types.

use super::{Fields, InvalidAnnouncement};
use crate::text;
use serde_json::{Map, Value};

/// The most items of a list, and the longest of them in characters.
const MAX_ITEMS: usize = 1000;
const MAX_ITEM: usize = 100;

/// What a field is.
#[derive(Clone, Copy)]
enum Kind {
    /// A text of at most this many characters. The rest is cut off.
    Text(usize),
    Whole,
    Number,
    Flag,
    Texts,
    /// A link to a page.
    Link,
}

/// All fields that a list gives out. Some others are secrets.
const FIELDS: [(&str, Kind); 24] = [
    ("can_see_far_names", Kind::Flag),
    ("clients", Kind::Whole),
    ("clients_list", Kind::Texts),
    ("clients_max", Kind::Whole),
    ("creative", Kind::Flag),
    ("damage", Kind::Flag),
    ("dedicated", Kind::Flag),
    ("description", Kind::Text(1000)),
    ("game_time", Kind::Whole),
    ("gameid", Kind::Text(100)),
    ("lag", Kind::Number),
    ("mapgen", Kind::Text(100)),
    ("mods", Kind::Texts),
    ("name", Kind::Text(100)),
    ("password", Kind::Flag),
    ("privs", Kind::Text(1000)),
    ("proto_max", Kind::Whole),
    ("proto_min", Kind::Whole),
    ("pvp", Kind::Flag),
    ("rollback", Kind::Flag),
    ("server_id", Kind::Text(100)),
    ("uptime", Kind::Whole),
    ("url", Kind::Link),
    ("version", Kind::Text(100)),
];

/// The fields by name.
pub(super) fn said(fields: &Fields<'_>) -> Result<Map<String, Value>, InvalidAnnouncement> {
    let mut said = Map::new();
    for (name, kind) in FIELDS {
        let Some(value) = fields.0.get(name) else {
            continue;
        };
        let value = match kind {
            Kind::Text(most) => Some(cut(fields.text(name)?, most).into()),
            Kind::Whole => Some(fields.number(name)?.into()),
            Kind::Number => Some(
                value
                    .as_f64()
                    .ok_or(InvalidAnnouncement::Field(name))?
                    .into(),
            ),
            Kind::Flag => Some(fields.flag(name)?.into()),
            Kind::Texts => Some(texts(fields, name)?.into()),
            Kind::Link => {
                let link = cut(fields.text(name)?, usize::MAX);
                let is = ["http://", "https://", "//"]
                    .iter()
                    .any(|it| link.starts_with(it));
                is.then(|| link.into())
            }
        };
        if let Some(value) = value {
            said.insert(name.to_owned(), value);
        }
    }
    if let Some(players) = said.get("clients_list").and_then(Value::as_array) {
        let players = players.len();
        said.insert("clients".to_owned(), players.into());
    }
    Ok(said)
}

fn texts(fields: &Fields<'_>, name: &'static str) -> Result<Vec<String>, InvalidAnnouncement> {
    let invalid = InvalidAnnouncement::Field(name);
    let items = fields
        .0
        .get(name)
        .and_then(Value::as_array)
        .ok_or(invalid)?;
    let items = items.iter().take(MAX_ITEMS);
    let text = |it: &Value| it.as_str().map(|it| cut(it, MAX_ITEM)).ok_or(invalid);
    items.map(text).collect()
}

fn cut(text: &str, characters: usize) -> String {
    text::tidy(text).chars().take(characters).collect()
}
