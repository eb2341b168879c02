//! What a ticket says, and its JSON.

use crate::{InvalidScope, MAX_BYTES, Refused, Scope, dates};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// What a ticket says.
///
/// ```
/// # use metaserve_ticket::Claims;
/// # use std::time::{Duration, SystemTime};
/// let scopes = vec!["start:zone/*".parse()?];
/// let claims = Claims::new("host-7", "my-game", scopes, SystemTime::now(), Duration::from_secs(600));
/// claims.permit("start:zone/meadow")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Whom the ticket is about, such as the name of an account: 1 to 255 bytes without control
    /// characters.
    pub subject: String,
    /// Whom the ticket is for, such as the name of a game: 1 to 255 bytes without control
    /// characters. A [`Verifier`](crate::Verifier) accepts its own audience only.
    pub audience: String,
    /// What the ticket permits: 1 to 64 scopes.
    pub scopes: Vec<Scope>,
    /// When the ticket becomes valid, in whole seconds. `None` if it always was.
    pub not_before: Option<SystemTime>,
    /// When the ticket stops being valid, in whole seconds.
    pub expires: SystemTime,
}

/// Why claims cannot be those of a ticket.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidClaims {
    /// The subject or the audience is empty, too long, or contains a control character.
    #[error(
        "the {0} is not text of 1 to {max} bytes without control characters",
        max = Claims::MAX_NAME_BYTES
    )]
    Name(&'static str),
    /// There is no scope, or there are too many.
    #[error("the ticket has {0} scopes: it can have 1 to {max}", max = Claims::MAX_SCOPES)]
    Scopes(usize),
    /// One of the scopes is not valid.
    #[error("the scope {0:?} is not valid: {1}")]
    Scope(String, InvalidScope),
    /// A time is not one that a ticket can name: years from 1970 to 9999, as RFC 3339 writes them.
    #[error("the time {0} is not an RFC 3339 date between the years 1970 and 9999")]
    Time(&'static str),
    /// The ticket would never be valid.
    #[error("the ticket expires at {}, which is not after it becomes valid", dates::shown(*.0))]
    NeverValid(SystemTime),
    /// The ticket would be too long.
    #[error(
        "the ticket would have {0} bytes, more than {MAX_BYTES}: give it fewer or shorter scopes"
    )]
    TooLong(usize),
    /// A signed text is not the JSON object of a ticket.
    #[error("the content is not that of a ticket: {0}")]
    Json(String),
}

impl Claims {
    /// The length of the longest subject and audience.
    pub const MAX_NAME_BYTES: usize = 255;

    /// The most scopes of a ticket.
    pub const MAX_SCOPES: usize = 64;

    /// Claims that are valid from `from`, for `lifetime`. Parts of a second are cut off.
    ///
    /// They are checked when a ticket is [issued](crate::Issuer::issue).
    #[must_use]
    pub fn new(
        subject: impl Into<String>,
        audience: impl Into<String>,
        scopes: Vec<Scope>,
        from: SystemTime,
        lifetime: Duration,
    ) -> Self {
        let whole = |time| dates::whole_seconds(time).unwrap_or(time);
        Self {
            subject: subject.into(),
            audience: audience.into(),
            scopes,
            not_before: Some(whole(from)),
            // A sum that does not fit is refused as a ticket that is never valid.
            expires: whole(from.checked_add(lifetime).unwrap_or(from)),
        }
    }

    /// Checks that one of the scopes covers this right, such as `login` or `claim:zone/meadow`.
    ///
    /// # Errors
    /// [`Refused::Scope`] when none does.
    pub fn permit(&self, right: &str) -> Result<(), Refused> {
        if self.scopes.iter().any(|scope| scope.covers(right)) {
            return Ok(());
        }
        Err(Refused::Scope {
            right: right.to_owned(),
            scopes: self.scopes.clone(),
        })
    }

    /// Checks the bounds of every claim.
    fn check(&self) -> Result<(), InvalidClaims> {
        for (name, text) in [("subject", &self.subject), ("audience", &self.audience)] {
            let fits = (1..=Self::MAX_NAME_BYTES).contains(&text.len());
            if !fits || text.chars().any(char::is_control) {
                return Err(InvalidClaims::Name(name));
            }
        }
        if !(1..=Self::MAX_SCOPES).contains(&self.scopes.len()) {
            return Err(InvalidClaims::Scopes(self.scopes.len()));
        }
        if self.not_before.is_some_and(|from| from >= self.expires) {
            return Err(InvalidClaims::NeverValid(self.expires));
        }
        Ok(())
    }

    /// The JSON that is signed.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, InvalidClaims> {
        self.check()?;
        let not_before = self.not_before.map(|time| written("nbf", time));
        let content = Content {
            sub: self.subject.clone(),
            aud: self.audience.clone(),
            scopes: self.scopes.iter().map(Scope::to_string).collect(),
            nbf: not_before.transpose()?,
            exp: written("exp", self.expires)?,
        };
        serde_json::to_vec(&content).map_err(|error| InvalidClaims::Json(error.to_string()))
    }

    /// Reads the JSON of a ticket, which need not have been signed.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, InvalidClaims> {
        let json = str::from_utf8(json).map_err(|_| InvalidClaims::Json("not UTF-8".to_owned()))?;
        // serde would read a list as well.
        if !json.trim_ascii_start().starts_with('{') {
            return Err(InvalidClaims::Json("not a JSON object".to_owned()));
        }
        let content: Content =
            serde_json::from_str(json).map_err(|error| InvalidClaims::Json(error.to_string()))?;
        let scopes = content.scopes.into_iter().map(|text| match text.parse() {
            Ok(scope) => Ok(scope),
            Err(why) => Err(InvalidClaims::Scope(text, why)),
        });
        let not_before = content.nbf.map(|text| read("nbf", &text));
        let claims = Self {
            subject: content.sub,
            audience: content.aud,
            scopes: scopes.collect::<Result<_, _>>()?,
            not_before: not_before.transpose()?,
            expires: read("exp", &content.exp)?,
        };
        claims.check()?;
        Ok(claims)
    }
}

fn written(claim: &'static str, time: SystemTime) -> Result<String, InvalidClaims> {
    dates::write(time).ok_or(InvalidClaims::Time(claim))
}

fn read(claim: &'static str, text: &str) -> Result<SystemTime, InvalidClaims> {
    dates::read(text).ok_or(InvalidClaims::Time(claim))
}

/// The JSON object, with the names that PASETO registers. Readers ignore other members.
#[derive(Serialize, Deserialize)]
struct Content {
    sub: String,
    aud: String,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<String>,
    exp: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn claims() -> Claims {
        let from = dates::read("2026-11-26T16:00:00Z").unwrap();
        Claims::new(
            "alice",
            "my-game",
            vec!["login".parse().unwrap()],
            from,
            HOUR,
        )
    }

    fn changed(change: impl FnOnce(&mut Claims)) -> Result<Vec<u8>, InvalidClaims> {
        let mut claims = claims();
        change(&mut claims);
        claims.to_json()
    }

    #[test]
    fn claims_are_json_with_registered_names() {
        let json = r#"{"sub":"alice","aud":"my-game","scopes":["login"],"nbf":"2026-11-26T16:00:00Z","exp":"2026-11-26T17:00:00Z"}"#;
        assert_eq!(claims().to_json(), Ok(json.into()));
        assert_eq!(Claims::from_json(json.as_bytes()), Ok(claims()));
    }

    #[test]
    fn claims_beyond_their_bounds_are_not_written() {
        let scope = || "login".parse::<Scope>().unwrap();
        let long = || "x".repeat(255);
        assert!(changed(|it| it.subject = long()).is_ok());
        assert!(changed(|it| it.not_before = None).is_ok());
        assert!(changed(|it| it.scopes = vec![scope(); 64]).is_ok());
        let table = [
            (
                changed(|it| it.subject.clear()),
                InvalidClaims::Name("subject"),
            ),
            (
                changed(|it| it.audience.clear()),
                InvalidClaims::Name("audience"),
            ),
            (
                changed(|it| it.subject = long() + "x"),
                InvalidClaims::Name("subject"),
            ),
            (
                changed(|it| it.audience.push('\n')),
                InvalidClaims::Name("audience"),
            ),
            (changed(|it| it.scopes.clear()), InvalidClaims::Scopes(0)),
            (
                changed(|it| it.scopes = vec![scope(); 65]),
                InvalidClaims::Scopes(65),
            ),
            (
                changed(|it| it.not_before = Some(it.expires)),
                InvalidClaims::NeverValid(claims().expires),
            ),
            (
                changed(|it| it.expires += HOUR * 24 * 366 * 9_000),
                InvalidClaims::Time("exp"),
            ),
        ];
        for (written, expected) in table {
            assert_eq!(written, Err(expected));
        }
        let endless = Claims::new("a", "b", vec![scope()], claims().expires, Duration::MAX);
        assert_eq!(
            endless.to_json(),
            Err(InvalidClaims::NeverValid(claims().expires))
        );
    }

    #[test]
    fn json_that_is_not_of_a_ticket_is_refused_with_what_is_wrong() {
        let whole = r#"{"sub":"a","aud":"b","scopes":["login"],"exp":"2026-11-26T17:00:00Z"}"#;
        assert!(Claims::from_json(whole.as_bytes()).is_ok());
        let more = whole.replace("}", r#","iat":"2026-11-26T16:00:00Z","x":{"y":[1]}}"#);
        assert!(
            Claims::from_json(more.as_bytes()).is_ok(),
            "others are ignored"
        );
        let table = [
            (r#""sub":"a","#, "", "missing field `sub`"),
            (r#""aud":"b","#, "", "missing field `aud`"),
            (r#""scopes":["login"],"#, "", "missing field `scopes`"),
            (
                r#","exp":"2026-11-26T17:00:00Z""#,
                "",
                "missing field `exp`",
            ),
            (r#""sub":"a""#, r#""sub":1"#, "expected a string"),
            (
                r#""sub":"a""#,
                r#""sub":"a","sub":"b""#,
                "duplicate field `sub`",
            ),
            (r#"["login"]"#, r#""login""#, "expected a sequence"),
            (r#"["login"]"#, "[]", "0 scopes"),
            (
                r#"["login"]"#,
                r#"["Login"]"#,
                "the scope \"Login\" is not valid",
            ),
            (
                "2026-11-26T",
                "2026-11-26 at ",
                "the time exp is not an RFC 3339 date",
            ),
            ("}", "", "EOF"),
        ];
        for (part, instead, expected) in table {
            let changed = whole.replace(part, instead);
            assert_ne!(changed, whole);
            let refused = Claims::from_json(changed.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(refused.contains(expected), "{changed}: {refused}");
        }
        // In a member that is ignored, where serde does not look.
        let not_text = [&whole.as_bytes()[..whole.len() - 1], b",\"x\":\"\xff\"}"].concat();
        let refused = Claims::from_json(&not_text).unwrap_err().to_string();
        assert!(refused.ends_with("not UTF-8"), "{refused}");
        let list = br#"["a","b",["login"],null,"2026-11-26T17:00:00Z"]"#;
        let refused = Claims::from_json(list).unwrap_err().to_string();
        assert!(refused.contains("not a JSON object"), "{refused}");
    }
}
