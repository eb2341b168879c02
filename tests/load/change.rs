//! A share of something, as people write it.

use std::{fmt, str::FromStr};

/// From 0 (none) to 1 (all).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

impl FromStr for Share {
    type Err = String;

    /// `10%` is a tenth, and so are `0.1` and `10`: what is above 1 can only be meant in percent.
    fn from_str(text: &str) -> Result<Self, String> {
        let explain = || format!("{text:?} is no share: write 10% or 0.1");
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
    fn a_share_is_read_as_people_write_it() {
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
