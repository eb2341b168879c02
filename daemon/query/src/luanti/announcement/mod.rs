//! What a Luanti server tells the list of its players' game, `POST /announce`.
//!
//! Other programs that take announcements use this to understand them: the agent, whose address an
//! operator can set as `serverlist_url`.

mod said;
#[cfg(test)]
mod tests;

use crate::text;
use metaserve::{Player, ServerInfo};
use serde_json::{Map, Value};

/// The longest text of a request in characters.
const MAX_CHARACTERS: usize = 8192;

/// The port of a server that does not say which one it has.
const DEFAULT_PORT: u16 = 30000;

/// What a server announces.
#[derive(Clone, Debug, PartialEq)]
pub enum Announcement {
    /// It is there, and this is its state.
    Listed {
        /// Its port.
        port: u16,
        /// Its state. Mods are left out: players get them from the server.
        info: Box<ServerInfo>,
        /// What it says to lists of servers.
        said: Box<Said>,
    },
    /// It has ended.
    Gone {
        /// Its port.
        port: u16,
    },
}

/// What a server says to lists of servers, beside what everybody wants to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Whether it has just started. Some fields are said only then.
    pub starts: bool,
    /// The address that it wants to be listed at; empty for the one that the request comes from.
    pub address: String,
    /// The fields that a list may give out, in their proper types and within their bounds.
    pub fields: Map<String, Value>,
}

impl Said {
    /// Keeps of these fields what a list may give out. The server is at the address of its request.
    ///
    /// # Errors
    /// A field is missing, or has another type.
    pub fn new(fields: &Map<String, Value>) -> Result<Self, InvalidAnnouncement> {
        Fields(fields).info()?;
        Ok(Self {
            fields: said::said(&Fields(fields))?,
            ..Self::default()
        })
    }

    /// What it says as everybody understands it.
    ///
    /// # Errors
    /// A field is missing, or has another type.
    pub fn info(&self) -> Result<ServerInfo, InvalidAnnouncement> {
        Fields(&self.fields).info()
    }
}

/// Why a request is no announcement. Its text is for the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAnnouncement {
    /// There is no field `json`, or it is in no form that servers use.
    #[error("The field `json` is missing.")]
    Missing,
    /// It is longer than 8,192 characters.
    #[error("JSON data is too big.")]
    TooLong,
    /// It is no JSON, no object, or has no action that is known.
    #[error("Invalid JSON data: no object with a known action.")]
    Action,
    /// A field is missing, or has another type.
    #[error("Invalid JSON data: `{0}`.")]
    Field(&'static str),
}

impl Announcement {
    /// Reads the body of a request with this `Content-Type`. The address in it is passed over: the
    /// one that the request comes from counts.
    ///
    /// # Errors
    /// When it is none. Nothing is to be listed then.
    pub fn read(content_type: &str, body: &[u8]) -> Result<Self, InvalidAnnouncement> {
        let json = field(content_type, body).ok_or(InvalidAnnouncement::Missing)?;
        Self::from_json(&json)
    }

    /// Reads the query of a request without a body, as some programs send it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_query(query: &str) -> Result<Self, InvalidAnnouncement> {
        Self::read("application/x-www-form-urlencoded", query.as_bytes())
    }

    /// Reads the field `json` of a request.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidAnnouncement> {
        use InvalidAnnouncement::{Action, Field, TooLong};
        let characters = json.iter().filter(|byte| (**byte as i8) >= -0x40).count();
        if characters > MAX_CHARACTERS {
            return Err(TooLong);
        }
        let fields: Map<String, Value> = serde_json::from_slice(json).map_err(|_| Action)?;
        let fields = Fields(&fields);
        let port = match fields.0.get("port") {
            None => Some(DEFAULT_PORT),
            Some(_) => fields.number("port").ok().and_then(|it| it.try_into().ok()),
        };
        let port = port.filter(|port| *port != 0).ok_or(Field("port"))?;
        match fields.text("action").map_err(|_| Action)? {
            "delete" => Ok(Self::Gone { port }),
            action @ ("start" | "update") => Ok(Self::Listed {
                port,
                info: Box::new(fields.info()?),
                said: Box::new(Said {
                    starts: action == "start",
                    address: match fields.0.get("address") {
                        None => String::new(),
                        Some(_) => fields.text("address")?.trim().to_owned(),
                    },
                    fields: said::said(&fields)?,
                }),
            }),
            _ => Err(Action),
        }
    }
}

/// The fields of an announcement, by name.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn info(&self) -> Result<ServerInfo, InvalidAnnouncement> {
        let some = |words: &str| text::some(text::tidy(words));
        // Those of players are there as well, and newer than the number.
        let players = self.players()?;
        let clients = self.number("clients")?;
        Ok(ServerInfo {
            mode: some(self.text("gameid")?),
            players: Some(players.as_ref().map_or(clients, |it| it.len() as u32)),
            max_players: Some(self.number("clients_max")?),
            password: match self.0.get("password") {
                None => None,
                Some(_) => Some(self.flag("password")?),
            },
            version: some(self.text("version")?),
            description: some(self.text("description")?),
            website: self.text("url").ok().and_then(some),
            player_list: players.unwrap_or_default(),
            ..ServerInfo::new(text::tidy(self.text("name")?))
        })
    }

    fn text(&self, name: &'static str) -> Result<&str, InvalidAnnouncement> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.ok_or(InvalidAnnouncement::Field(name))
    }

    /// A number, which other programs write as a text.
    fn number(&self, name: &'static str) -> Result<u32, InvalidAnnouncement> {
        let number = match self.0.get(name) {
            Some(Value::String(digits)) => digits.parse().ok(),
            Some(number) => number.as_u64().and_then(|it| it.try_into().ok()),
            None => None,
        };
        number.ok_or(InvalidAnnouncement::Field(name))
    }

    /// Yes or no, which other programs write as a text.
    fn flag(&self, name: &'static str) -> Result<bool, InvalidAnnouncement> {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) => Ok(matches!(&**text, "true" | "1")),
            _ => Err(InvalidAnnouncement::Field(name)),
        }
    }

    fn players(&self) -> Result<Option<Vec<Player>>, InvalidAnnouncement> {
        const NAME: &str = "clients_list";
        let Some(list) = self.0.get(NAME) else {
            return Ok(None);
        };
        let names = list.as_array().ok_or(InvalidAnnouncement::Field(NAME))?;
        let player = |name: &Value| Some(Player::new(text::tidy(name.as_str()?)));
        let players: Option<_> = names.iter().map(player).collect();
        players.map(Some).ok_or(InvalidAnnouncement::Field(NAME))
    }
}

/// The field `json` of a form.
fn field(content_type: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut parameters = content_type.split(';').map(str::trim);
    let kind = parameters.next()?;
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let mut fields = form_urlencoded::parse(body);
        let (_, json) = fields.find(|(name, _)| name == "json")?;
        return Some(json.into_owned().into_bytes());
    }
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.find_map(|it| it.strip_prefix("boundary="))?;
    let boundary = format!("--{}", boundary.trim_matches('"'));
    part(boundary.as_bytes(), body)
}

/// The content of the part `json` of a form in parts: between an empty line and the next boundary,
/// without the line's end before it.
fn part(boundary: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = after(boundary, body)?;
    loop {
        let (head, content) = split(b"\r\n\r\n", rest)?;
        let (content, next) = split(boundary, content)?;
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        if head.contains("name=\"json\"") {
            return content.strip_suffix(b"\r\n").map(<[u8]>::to_owned);
        }
        rest = next;
    }
}

fn after<'a>(mark: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    split(mark, bytes).map(|(_, after)| after)
}

/// What comes before and after the first of these marks.
fn split<'a>(mark: &[u8], bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(mark.len())
        .position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}
