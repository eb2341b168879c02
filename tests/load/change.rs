//! A share of something in its written form.

use std::{fmt, str::FromStr};

/// From 0 (none) to 1 (all).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl FromStr for Share {
    type Err = String;

    /// `10%` is a tenth, and so are `0.1` and `10`: a number above 1 is in percent.
    fn from_str(text: &str) -> Result<Self, String> {
        let explain = || format!("{text:?} is not a share: write 10% or 0.1");
        let (number, percent) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let number: f64 = number.trim().parse().map_err(|_| explain())?;
        let share = if percent || number > 1.0 {
            number / 100.0
        } else {
            number
        };
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(explain()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * 1000.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_parsed_in_every_common_form() {
        let table = [
            ("10%", Some(0.1)),
            ("10", Some(0.1)),
            ("0.1", Some(0.1)),
            ("0", Some(0.0)),
            ("1", Some(1.0)),
            ("1%", Some(0.01)),
            ("100", Some(1.0)),
            ("101%", None),
            ("-1", None),
            ("NaN", None),
            ("all", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse().ok(), expected.map(Share), "{text}");
        }
    }
}
