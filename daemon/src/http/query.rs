//! What a request asks for: pure.

use axum::http::StatusCode;
use metaserve::{Game, ServerInfo, announce::Problem, bounds::Position, list::Server};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Which servers, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) game: Option<Game>,
    /// In lower case. Empty for all servers.
    words: Vec<String>,
    pub(super) limit: usize,
    /// Where the previous page ended.
    pub(super) after: Option<Position>,
}

/// The number of servers in one answer: by default, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// The longest text to search for, in bytes.
const MAX_WORDS_BYTES: usize = 200;

impl Query {
    /// Reads the query of a request: what follows the question mark.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let mut query = Self {
            game: None,
            words: Vec::new(),
            limit: DEFAULT_LIMIT,
            after: None,
        };
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            match &*name {
                // A form sends this when nothing was chosen.
                "game" if value.is_empty() => {}
                "game" => query.game = Some(game(&value)?),
                "q" if value.len() > MAX_WORDS_BYTES => {
                    let reason = format!("use at most {MAX_WORDS_BYTES} bytes");
                    return Err(Problem::parameter("q", reason));
                }
                "q" => {
                    let words = value.to_lowercase();
                    query.words = words.split_whitespace().map(str::to_owned).collect();
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|it| (1..=MAX_LIMIT).contains(it));
                    let reason = || format!("choose a number from 1 to {MAX_LIMIT}");
                    query.limit = limit.ok_or_else(|| Problem::parameter("limit", reason()))?;
                }
                "after" => {
                    let reason = "use the `next` of the previous answer";
                    let after = value.parse();
                    query.after = Some(after.map_err(|_| Problem::parameter("after", reason))?);
                }
                _ => {
                    let known = "unknown parameter: use game, q, limit or after";
                    return Err(Problem::new(StatusCode::BAD_REQUEST, known));
                }
            }
        }
        Ok(query)
    }

    /// What tells one query from another in a tag of the list's state, where the revision does not:
    /// that belongs to the game.
    pub(super) fn mark(&self) -> String {
        let mut hash = DefaultHasher::new();
        (&self.words, self.limit, self.after.map(|it| it.to_string())).hash(&mut hash);
        format!("{:016x}", hash.finish())
    }

    /// Whether the query asks for this server, on this page or another.
    pub(super) fn wants(&self, server: &Server) -> bool {
        let placement = &server.placement;
        let game = self
            .game
            .as_ref()
            .is_none_or(|game| *game == placement.game);
        game && (self.words.is_empty() || self.found_in(server))
    }

    /// Whether the server has each word, in any order, in one of its texts.
    fn found_in(&self, server: &Server) -> bool {
        let placement = &server.placement;
        let mut texts = vec![
            placement.game.as_str().to_lowercase(),
            placement.address.to_string(),
        ];
        texts.extend(placement.second_address.map(|it| it.to_string()));
        if let Some(info) = ServerInfo::from_json(&server.heartbeat) {
            let said = [Some(info.name), info.map, info.mode, info.region];
            let said = said.into_iter().flatten().chain(info.tags);
            texts.extend(said.map(|text| text.to_lowercase()));
        }
        let found = |word: &String| texts.iter().any(|text| text.contains(word));
        self.words.iter().all(found)
    }
}

/// The game with this tag.
pub(super) fn game(tag: &str) -> Result<Game, Problem> {
    Game::new(tag).map_err(|error| Problem::parameter("game", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_refused_and_its_parameter_named() {
        let long = format!("q={}", "x".repeat(201));
        let table = [
            ("limit=0", Some("limit")),
            ("limit=1001", Some("limit")),
            ("limit=-1", Some("limit")),
            ("limit=99999999999999999999999", Some("limit")),
            ("after=x", Some("after")),
            ("game=%00", Some("game")),
            (&*long, Some("q")),
            ("colour=red", None),
        ];
        for (text, parameter) in table {
            let problem = Query::parse(Some(text)).expect_err(text);
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            assert_eq!(problem.parameter, parameter, "{text}");
        }
    }

    #[test]
    fn omitted_parameters_have_defaults() {
        for text in [None, Some(""), Some("game=&q=")] {
            let query = Query::parse(text).expect("fine");
            assert_eq!((query.limit, query.after, query.game), (100, None, None));
        }
    }

    #[test]
    fn each_word_is_searched_in_every_text_of_a_server() {
        use metaserve::list::{By, Claims, Origin, Placement};
        use std::{sync::Arc, time::SystemTime};
        let info = ServerInfo {
            map: Some("Waldo World".to_owned()),
            mode: Some("CTF".to_owned()),
            region: Some("Frankfurt".to_owned()),
            description: Some("Unsearched".to_owned()),
            tags: vec!["alltalk".to_owned(), "No-Lag".to_owned()],
            ..ServerInfo::new("Dusty's Größe")
        };
        let server = Server {
            number: 1,
            placement: Arc::new(Placement {
                game: Game::new("marathon").expect("a tag"),
                address: ([192, 0, 2, 7], 27_960).into(),
                second_address: Some("[2001:db8::7]:27960".parse().expect("an address")),
                identity: None,
                by: By::Quic,
                claims: Claims::default(),
            }),
            heartbeat: info.to_json().into(),
            updated: SystemTime::UNIX_EPOCH,
            origin: Origin::Here,
        };
        let longest = format!("q={}", "+".repeat(200));
        let table = [
            ("", true),
            ("q=", true),
            (&*longest, true),
            ("game=marathon", true),
            ("game=quake", false),
            ("q=GR%C3%96SSE", false),
            ("q=GR%C3%96%C3%9FE", true),
            ("q=ctf+dusty", true),
            ("q=frankFURT+no-lag", true),
            ("q=alltalk+asia", false),
            ("q=unsearched", false),
            ("q=dusty+dm", false),
            ("q=waldo&game=quake", false),
            ("q=MARA", true),
            ("q=192.0.2.7:27960", true),
            // A search by the second address once found nothing.
            ("q=2001:DB8::7", true),
        ];
        for (text, wanted) in table {
            let query = Query::parse(Some(text)).expect(text);
            assert_eq!(query.wants(&server), wanted, "{text}");
        }
    }
}
