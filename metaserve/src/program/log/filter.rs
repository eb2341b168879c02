//! The log filter.

use crate::program::nearest::nearest;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// The crates that log in our programs: the first part of every target.
pub const TARGETS: [&str; 15] = [
    "async_nats",
    "metaserve",
    "metaserve_agent",
    "metaserve_client",
    "metaserve_daemon",
    "metaserve_heartbeat",
    "metaserve_lobby_bridge",
    "quinn",
    "quinn_proto",
    "quinn_udp",
    "sea_orm",
    "sqlx",
    "sqlx_core",
    "sqlx_mysql",
    "sqlx_sqlite",
];

/// A library that logs nothing unless the filter names it: it logs each attempt to connect, and the
/// daemon says in its own words what that means.
const SILENT: &str = "async_nats";

/// A text that is not a log filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFilter {
    /// The text does not have the form of a filter.
    #[error(
        "{filter:?} is neither a level (error, warn, info, debug, trace, off) nor a filter \
         such as `info,quinn=debug`: {problem}"
    )]
    Form {
        /// The text.
        filter: String,
        /// What is wrong with it.
        problem: ParseError,
    },
    /// A word in the text is not a level. The library would take it for a target, and log only
    /// that target.
    #[error(
        "{filter:?}: `{word}` is not a level (error, warn, info, debug, trace, off); to log \
         one part of the program in detail, write `info,{word}=debug`"
    )]
    Level {
        /// The text.
        filter: String,
        /// The word.
        word: String,
    },
}

/// Returns the text if it is a log filter: a level, or levels of targets as in `info,quinn=debug`.
/// Targets that it does not name log at `info`.
///
/// # Errors
/// When it is not a log filter.
pub fn filter(filter: &str) -> Result<String, InvalidFilter> {
    parse(filter).map(|_| filter.to_owned())
}

/// The words of a filter. Splits as the library does.
fn words(filter: &str) -> impl Iterator<Item = &str> {
    let words = filter.split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}

/// The targets in a valid filter that select no line of [`TARGETS`], each with a suggestion.
pub(super) fn unknown_targets(filter: &str) -> impl Iterator<Item = (&str, String)> {
    let targets = words(filter).filter(|word| word.parse::<LevelFilter>().is_err());
    let targets = targets.map(|word| word.split(['=', '[']).next().unwrap_or(word));
    let unknown = targets.filter(|target| !target.is_empty() && !is_known(target));
    unknown.map(|target| {
        let name = target.split("::").next().unwrap_or(target);
        let suggestion = match nearest(name, TARGETS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("use one of {}", TARGETS.join(", ")),
        };
        (target, suggestion)
    })
}

/// Whether a target selects lines of one of [`TARGETS`]. The library compares beginnings, so `sql`
/// selects `sqlx_core` as well.
fn is_known(target: &str) -> bool {
    TARGETS.iter().any(|name| {
        let inside = target.strip_prefix(name);
        name.starts_with(target) || inside.is_some_and(|rest| rest.starts_with("::"))
    })
}

pub(super) fn parse(filter: &str) -> Result<EnvFilter, InvalidFilter> {
    let words: Vec<_> = words(filter).collect();
    let is_level = |word: &&str| word.parse::<LevelFilter>().is_ok();
    // With `=`, `::` or brackets, a word names a target.
    let bare = |word: &&str| !word.contains(['=', ':', '[']);
    let mistyped = words
        .iter()
        .copied()
        .find(|word| bare(word) && !is_level(word));
    if let Some(word) = mistyped {
        return Err(InvalidFilter::Level {
            filter: filter.to_owned(),
            word: word.to_owned(),
        });
    }
    // Later directives win over earlier ones for the same target.
    let whole = match words.iter().any(is_level) {
        true => words.join(","),
        false => [&["info"], &*words].concat().join(","),
    };
    let whole = match words.iter().any(|word| word.starts_with(SILENT)) {
        true => whole,
        false => format!("{SILENT}=off,{whole}"),
    };
    let parsed = EnvFilter::builder().parse(whole);
    parsed.map_err(|problem| InvalidFilter::Form {
        filter: filter.to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter as the library prints it.
    fn understood(filter: &str) -> String {
        let understood =
            parse(filter).map(|filter| filter.to_string().replace("async_nats=off,", ""));
        understood.unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn a_library_with_a_silent_log_speaks_when_it_is_named() {
        let shown = |filter| parse(filter).unwrap().to_string();
        assert_eq!(shown("debug"), "async_nats=off,debug");
        assert_eq!(shown("async_nats=debug"), "async_nats=debug,info");
    }

    #[test]
    fn a_mistyped_filter_is_named_and_never_silences_the_log() {
        let table = [
            ("info", "info"),
            ("INFO", "info"),
            ("0", "off"),
            ("off", "off"),
            ("", "info"),
            (" debug , quinn=trace", "quinn=trace,debug"),
            ("quinn=trace", "quinn=trace,info"),
            ("off,quinn=trace", "quinn=trace,off"),
            ("quinn::connection", "quinn::connection=trace,info"),
        ];
        for (filter, expected) in table {
            assert_eq!(understood(filter), expected, "{filter:?}");
        }
        let spans = understood("[connection{peer}]=debug");
        assert!(spans.starts_with("info,"), "{spans}");
        for (filter, named) in [
            ("inof", "`inof` is not a level"),
            ("info,quin", "write `info,quin=debug`"),
            ("warning", "`warning` is not a level"),
            ("info,quinn=debgu", "neither a level"),
            ("a=b=c", "neither a level"),
        ] {
            let complaint = understood(filter);
            assert!(complaint.contains(named), "{filter:?}: {complaint}");
        }
    }

    #[test]
    fn an_unknown_target_is_named_with_the_nearest_known_one() {
        for known in [
            "debug",
            "quinn=debug",
            "quinn::connection",
            "info,quinn_p=trace",
            "[connection{peer}]=debug",
            "metaserve_daemon[connection]=debug",
        ] {
            assert_eq!(unknown_targets(known).count(), 0, "{known:?}");
        }
        for (filter, target, suggestion) in [
            ("info,quin_proto=debug", "quin_proto", "mean `quinn_proto`?"),
            ("metaserved=debug", "metaserved", "mean `metaserve`?"),
            ("quinnn::connection", "quinnn::connection", "mean `quinn`?"),
            ("axum=debug", "axum", "use one of async_nats, "),
        ] {
            let unknown: Vec<_> = unknown_targets(filter).collect();
            assert_eq!((unknown.len(), unknown[0].0), (1, target));
            assert!(unknown[0].1.contains(suggestion), "{unknown:?}");
        }
    }
}
