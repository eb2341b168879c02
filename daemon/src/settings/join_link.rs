//! The links by which the page lets players join a game's servers.

use metaserve::Game;
use std::str::FromStr;

/// A game and the link by which players join its servers, such as `openarena=quake3://{address}`.
/// Only the address of a server is ever inserted into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinLink {
    /// The game whose servers get the link.
    pub game: Game,
    /// A URL with `{address}` where the server's address and port belong.
    pub link: String,
}

/// The placeholder, which is replaced by `192.0.2.1:27960` or `[2001:db8::1]:27960`.
const ADDRESS: &str = "{address}";

/// The longest link, in bytes.
const MAX_BYTES: usize = 512;

/// Schemes that a browser executes, or with which it shows its own pages or the user's files.
const REFUSED_SCHEMES: [&str; 16] = [
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "edge",
    "file",
    "filesystem",
    "jar",
    "javascript",
    "livescript",
    "mocha",
    "resource",
    "vbscript",
    "view-source",
];

impl FromStr for JoinLink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write GAME=LINK, such as openarena=quake3://{address}";
        let (game, link) = text.split_once('=').ok_or(example)?;
        let game = Game::new(game).map_err(|error| error.to_string())?;
        let (scheme, rest) = link
            .split_once(':')
            .ok_or_else(|| format!("{link:?} has no scheme: {example}"))?;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(letters) {
            return Err(format!(
                "{scheme:?} is not a scheme: write it with lower-case letters, digits, +, - and ., \
                 beginning with a letter"
            ));
        }
        if REFUSED_SCHEMES.contains(&scheme) {
            return Err(format!(
                "a browser would run or open {scheme}: links by itself: choose the \
                 scheme that the game registers"
            ));
        }
        let around: Vec<_> = rest.split(ADDRESS).collect();
        if around.len() != 2 {
            return Err(format!("{link:?} must contain {{address}} once: {example}"));
        }
        // RFC 3986, without the comma, which separates links.
        let in_urls = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+;=%".contains(c);
        if let Some(c) = around.concat().chars().find(|c| !in_urls(*c)) {
            return Err(format!("{link:?} contains {c:?}: write it as %XX"));
        }
        if link.len() > MAX_BYTES {
            let bytes = link.len();
            return Err(format!(
                "the link has {bytes} bytes: use at most {MAX_BYTES}"
            ));
        }
        let link = link.to_owned();
        Ok(Self { game, link })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_games_are_accepted() {
        for (text, game, link) in [
            (
                "openarena=quake3://{address}",
                "openarena",
                "quake3://{address}",
            ),
            (
                "tf=steam://connect/{address}",
                "tf",
                "steam://connect/{address}",
            ),
            (
                "a game=https://play.example/?to={address}&x=%2C",
                "a game",
                "https://play.example/?to={address}&x=%2C",
            ),
            ("x=x-my.game+v2:{address}", "x", "x-my.game+v2:{address}"),
        ] {
            let parsed: JoinLink = text.parse().unwrap();
            assert_eq!((parsed.game.as_str(), &*parsed.link), (game, link));
        }
    }

    #[test]
    fn a_link_that_would_run_in_the_page_or_is_malformed_is_refused_with_the_reason() {
        for (text, reason) in [
            ("openarena", "write GAME=LINK"),
            ("=quake3://{address}", "is not a game tag"),
            ("x=quake3", "has no scheme"),
            ("x=javascript:alert({address})", "choose the scheme"),
            ("x=JavaScript:alert({address})", "is not a scheme"),
            ("x=java\tscript:alert({address})", "is not a scheme"),
            ("x= javascript:alert({address})", "is not a scheme"),
            ("x=data:text/html,{address}", "choose the scheme"),
            ("x=vbscript:{address}", "choose the scheme"),
            ("x=blob:{address}", "choose the scheme"),
            ("x=file:///{address}", "choose the scheme"),
            ("x={address}:x", "is not a scheme"),
            ("x=://{address}", "is not a scheme"),
            ("x=quake3://host", "{address} once"),
            ("x=quake3://{address}{address}", "{address} once"),
            ("x=quake3://{address}/{name}", "contains '{'"),
            ("x=quake3://{address}/\"><script>", "contains '\"'"),
            ("x=quake3://{address}/a b", "contains ' '"),
            ("x=quake3://{address}/ä", "contains 'ä'"),
            ("x=quake3://{address},y", "contains ','"),
        ] {
            let problem = text.parse::<JoinLink>().unwrap_err();
            assert!(problem.contains(reason), "{text}: {problem}");
        }
        let link = |bytes: usize| format!("x=quake3://{{address}}/{}", "a".repeat(bytes - 19));
        let longest: JoinLink = link(512).parse().unwrap();
        assert_eq!(longest.link.len(), 512);
        let long = link(513).parse::<JoinLink>().unwrap_err();
        assert_eq!(long, "the link has 513 bytes: use at most 512");
    }
}
