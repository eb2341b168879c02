//! Errors that read the same however they are printed.

use std::{error::Error, fmt};

/// Writes an error and what caused it, without saying the same twice.
pub(crate) fn write(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    f.write_str(&text)
}

/// Makes `{:?}` of an error its sentence: a `main` that returns the error prints it so.
macro_rules! debug_as_sentence {
    ($($error:ty),+) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::sentence::write(self, f)
            }
        }
    )+};
}

pub(crate) use debug_as_sentence;

#[cfg(test)]
mod tests {
    use crate::{Close, CloseCode, Ended, Fingerprint, Game, Trust};

    #[test]
    fn an_error_returned_by_main_is_printed_as_a_sentence() {
        let refused = Ended::Refused(Close::new(CloseCode::Banned, "because"));
        let lost = Ended::Lost(quinn::ConnectionError::TimedOut);
        let table = [
            (format!("{refused:?}"), refused.to_string()),
            (
                format!("{lost:?}"),
                "the connection to the daemon was lost: timed out".into(),
            ),
        ];
        for (debug, display) in table {
            assert_eq!(debug, display);
        }
        let file = Trust::file("missing.pem".as_ref()).unwrap_err();
        let text = format!("{file:?}");
        assert!(
            text.starts_with("missing.pem: cannot read the file: "),
            "{text}"
        );
        let fingerprint = "abc".parse::<Fingerprint>().unwrap_err();
        assert_eq!(format!("{fingerprint:?}"), fingerprint.to_string());
        let game = Game::new("").unwrap_err();
        assert_eq!(format!("{game:?}"), game.to_string());
    }
}
