//! What a request to register says, and how it is answered. Pure.
//! (`docs/specifications/ddnet-register.md`, sections 2, 3 and 6.)

use std::{fmt, net::IpAddr, net::SocketAddr};

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use bytes::Bytes;
use serde_json::json;

use super::address::{Address, Scheme, registered};
use crate::{metrics::Outcome, web::Reply};

/// The longest value of a header in bytes (`docs/specifications/ddnet-register.md`, section 2).
const MAX_VALUE_BYTES: usize = 64;

/// Identifies a server: a UUID that it makes when it starts. Whoever knows it can take the server
/// off the list, so it is never shown.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Secret(Box<str>);

impl Secret {
    /// Reads a UUID of 36 characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.into()))
    }

    /// The text, for the file of the list.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A request that can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address that it is about.
    pub address: Address,
    /// Whose it is.
    pub secret: Secret,
    /// What it asks for.
    pub action: Action,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List the address, or keep it listed.
    Register(Registration),
    /// Take the server off the list.
    Delete,
}

/// A server registers one of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Sent back in the challenge.
    pub challenge_secret: String,
    /// The server's token of protocol 0.7, which has to be in front of the challenge.
    pub connless_token: Option<[u8; 4]>,
    /// The token of the last challenge.
    pub challenge_token: Option<String>,
    /// The number of the information, which grows with each change.
    pub serial: u64,
    /// The information, or nothing if the list should know it.
    pub body: Bytes,
    /// Whether the body says that it is JSON.
    pub is_json: bool,
}

impl Request {
    /// Reads the headers of a request from this address, and its body.
    ///
    /// # Errors
    /// A header is missing, or cannot be understood.
    pub fn read(from: IpAddr, headers: &HeaderMap, body: Bytes) -> Result<Self, Answer> {
        let address = required(headers, "Address")?;
        let (scheme, port) = registered(address).ok_or_else(|| {
            Answer::refused("Address: give tw-0.6+udp://connecting-address.invalid:PORT")
        })?;
        let at = SocketAddr::new(from.to_canonical(), port);
        let secret = Secret::new(required(headers, "Secret")?);
        let secret = secret.ok_or_else(|| Answer::refused("Secret: give a UUID"))?;
        let action = match optional(headers, "Action")? {
            None => Action::Register(Registration::read(scheme, headers, body)?),
            Some("delete") => Action::Delete,
            Some(_) => return Err(Answer::refused("Action: give delete, or leave it out")),
        };
        Ok(Self {
            address: Address { at, scheme },
            secret,
            action,
        })
    }
}

impl Registration {
    fn read(scheme: Scheme, headers: &HeaderMap, body: Bytes) -> Result<Self, Answer> {
        let challenge_secret = required(headers, "Challenge-Secret")?;
        let uuid = challenge_secret.split_once(':').map(|(uuid, _)| uuid);
        if !uuid.is_some_and(is_uuid) {
            return Err(Answer::refused("Challenge-Secret: give UUID:tw0.6/ipv4"));
        }
        let connless_token = match optional(headers, "Connless-Token")? {
            Some(text) if scheme == Scheme::Seven => {
                let token = token(text);
                Some(token.ok_or_else(|| Answer::refused("Connless-Token: give 8 hex digits"))?)
            }
            None if scheme == Scheme::Seven => {
                return Err(Answer::refused(
                    "Connless-Token: missing, needed for tw-0.7",
                ));
            }
            _ => None,
        };
        let serial = required(headers, "Info-Serial")?;
        let is_number = serial.bytes().all(|it| it.is_ascii_digit());
        let serial = serial.parse().ok().filter(|_| is_number);
        Ok(Self {
            challenge_secret: challenge_secret.to_owned(),
            connless_token,
            challenge_token: optional(headers, "Challenge-Token")?.map(str::to_owned),
            serial: serial.ok_or_else(|| Answer::refused("Info-Serial: give a number"))?,
            body,
            is_json: is_json(headers),
        })
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Answer> {
    optional(headers, name)?.ok_or_else(|| Answer::refused(format!("{name}: missing")))
}

fn optional<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Answer> {
    let mut values = headers.get_all(name).into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // A proxy could have believed the other one.
    if values.next().is_some() {
        return Err(Answer::refused(format!("{name}: given twice")));
    }
    match value.to_str() {
        Ok(text) if text.len() <= MAX_VALUE_BYTES => Ok(Some(text)),
        Ok(_) => Err(Answer::refused(format!(
            "{name}: longer than {MAX_VALUE_BYTES} bytes"
        ))),
        Err(_) => Err(Answer::refused(format!("{name}: not readable"))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// Whether this is a UUID in its usual form, of 36 characters.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Reads four bytes in the order of their hexadecimal digits.
fn token(text: &str) -> Option<[u8; 4]> {
    let digits = text.len() == 8 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let number = u32::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some(number.to_be_bytes())
}

/// The answer to a request (`docs/specifications/ddnet-register.md`, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Listed, kept, or taken off.
    Success,
    /// A challenge has been sent, and its token is needed.
    NeedChallenge,
    /// The information is needed.
    NeedInfo,
    /// The request is refused, with this status of HTTP and this reason.
    Error(u16, String),
}

impl Answer {
    /// The refusal of a request that cannot be understood.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Error(400, reason.into())
    }

    /// What it says of the server that has asked to be listed.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::Success => Outcome::Kept,
            Self::NeedChallenge => Outcome::Unproved,
            Self::NeedInfo => Outcome::NoInfo,
            Self::Error(status, _) => Outcome::refused(*status),
        }
    }

    /// The answer as it is sent: JSON, with a line feed at its end.
    pub(crate) fn reply(&self) -> Reply {
        let (status, body) = match self {
            Self::Success => (200, json!({ "status": "success" })),
            Self::NeedChallenge => (200, json!({ "status": "need_challenge" })),
            Self::NeedInfo => (200, json!({ "status": "need_info" })),
            Self::Error(status, message) => {
                (*status, json!({ "status": "error", "message": message }))
            }
        };
        Reply {
            status,
            body: format!("{body}\n").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    const SECRET: &str = "0ad36cca-85e8-4e39-a7e7-70d33ba47b8c";
    const SEVEN: &[(&str, &str)] = &[
        ("Address", "tw-0.7+udp://connecting-address.invalid:8303"),
        ("Secret", SECRET),
        (
            "Challenge-Secret",
            "6fc7885b-85e8-4e39-a7e7-70d33ba47b8c:tw0.7/ipv4",
        ),
        ("Connless-Token", "d64cf267"),
        ("Info-Serial", "3"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("Community-Token", "of a newer server, which is ignored"),
    ];

    fn read(headers: &[(&str, &str)]) -> Result<Request, Answer> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Request::read("::ffff:192.0.2.7".parse().unwrap(), &map, Bytes::new())
    }

    fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut headers = SEVEN.to_vec();
        headers.push((name, value));
        headers
    }

    #[test]
    fn a_registration_of_protocol_seven_is_understood() {
        let request = read(SEVEN).unwrap();
        assert_eq!(
            request.address.to_string(),
            "tw-0.7+udp://192.0.2.7:8303",
            "the address that it comes from, without IPv6 around it"
        );
        let Action::Register(registration) = request.action else {
            panic!("{request:?}");
        };
        assert_eq!(registration.connless_token, Some([0xd6, 0x4c, 0xf2, 0x67]));
        assert_eq!((registration.serial, registration.is_json), (3, true));
    }

    #[test]
    fn a_delete_needs_only_address_and_secret() {
        let request = read(&[SEVEN[0], SEVEN[1], ("Action", "delete")]).unwrap();
        assert_eq!(request.action, Action::Delete);
    }

    #[test]
    fn headers_that_are_missing_or_unreadable_are_named() {
        for (missing, _) in &SEVEN[..5] {
            let rest: Vec<_> = SEVEN
                .iter()
                .copied()
                .filter(|it| it.0 != *missing)
                .collect();
            let Err(Answer::Error(400, message)) = read(&rest) else {
                panic!("{missing}");
            };
            assert!(message.starts_with(missing), "{message}");
        }
        let long = "x".repeat(65);
        for (name, value) in [
            ("Secret", "not-a-uuid"),
            ("Secret", "0ad36cca-85e8-4e39-a7e7+70d33ba47b8c"),
            ("Challenge-Secret", SECRET),
            ("Challenge-Secret", "tw0.7/ipv4"),
            ("Connless-Token", "+64cf267"),
            ("Connless-Token", "d64cf26"),
            ("Info-Serial", "-1"),
            ("Info-Serial", "+1"),
            ("Info-Serial", ""),
            ("Info-Serial", "99999999999999999999"),
            ("Challenge-Token", &long),
            ("Action", "register"),
        ] {
            let refused = read(&with(name, value));
            assert!(
                matches!(&refused, Err(Answer::Error(400, why)) if why.starts_with(name)),
                "{name}: {value}: {refused:?}"
            );
        }
    }

    #[test]
    fn answers_are_json_with_a_line_feed() {
        let answer = Answer::refused("\"quoted\"").reply();
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            "{\"message\":\"\\\"quoted\\\"\",\"status\":\"error\"}\n"
        );
        assert_eq!(
            Answer::NeedInfo.reply().body,
            "{\"status\":\"need_info\"}\n"
        );
    }

    proptest! {
        #[test]
        fn no_headers_make_the_reader_panic(values: [Vec<u8>; 7]) {
            let mut headers = HeaderMap::new();
            for ((name, _), value) in SEVEN.iter().zip(values) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.insert(*name, value);
                }
            }
            let _ = Request::read([192, 0, 2, 7].into(), &headers, Bytes::new());
        }
    }
}
