//! Which lines are logged.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// A text is not a log filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFilter {
    /// It does not have the form of one.
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
    /// A word in it is not a level. It would be taken for a part of the program otherwise, of
    /// which alone lines are logged.
    #[error(
        "{filter:?}: `{word}` is not a level (error, warn, info, debug, trace, off); to log \
         one part of the program in detail, write `info,{word}=debug`"
    )]
    Level {
        /// The text.
        filter: String,
        /// The word in it.
        word: String,
    },
}

/// The text, if it is a log filter: a level, or levels of parts as in `info,quinn=debug`. What
/// it does not name is logged at `info`.
///
/// # Errors
/// When it is not.
pub fn filter(filter: &str) -> Result<String, InvalidFilter> {
    parse(filter).map(|_| filter.to_owned())
}

pub(super) fn parse(filter: &str) -> Result<EnvFilter, InvalidFilter> {
    // As the library does it.
    let words = filter.split(',').map(str::trim);
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let is_level = |word: &&str| word.parse::<LevelFilter>().is_ok();
    // With `=`, `::` or brackets it says of what part it is the level.
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
    // Later directives win over earlier ones for the same part.
    let whole = match words.iter().any(is_level) {
        true => words.join(","),
        false => [&["info"], &*words].concat().join(","),
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

    /// What the filter is, written as the library understands it.
    fn understood(filter: &str) -> String {
        parse(filter).map_or_else(|error| error.to_string(), |filter| filter.to_string())
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
}
