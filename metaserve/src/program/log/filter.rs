//! The log filter.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::ParseError};

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

pub(super) fn parse(filter: &str) -> Result<EnvFilter, InvalidFilter> {
    // Splits as the library does.
    let words = filter.split(',').map(str::trim);
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
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
