//! Build dates, as C compilers write them.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Converts `Mon D YYYY HH:MM:SS` to SQL's `YYYY-MM-DD HH:MM:SS`; `None` if it is no date
/// (`docs/specifications/myth-metaserver.md`, section 23.5).
pub(super) fn build_date(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace();
    let mut word = || words.next();
    let (month, day, year, time) = (word()?, word()?, word()?, word()?);
    if word().is_some() || year.len() != 4 {
        return None;
    }
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    let day = number(day, 2)?;
    let year = number(year, 4)?;
    let mut parts = time.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let possible = (1..=days).contains(&day)
        && (1000..).contains(&year)
        && hour < 24
        && minute < 60
        && second < 60
        && parts.next().is_none();
    possible.then(|| format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

fn number(digits: &str, most: usize) -> Option<u32> {
    let all_digits = digits.bytes().all(|it| it.is_ascii_digit()) && digits.len() <= most;
    all_digits.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_dates_of_compilers_are_parsed() {
        let table = [
            ("Aug 29 2025 12:34:56", Some("2025-08-29 12:34:56")),
            ("Jan  1 2026 00:00:00", Some("2026-01-01 00:00:00")),
            ("Feb 29 2024 23:59:59", Some("2024-02-29 23:59:59")),
            ("Feb 29 2025 12:00:00", None),
            ("Aug 0 2025 12:00:00", None),
            ("Apr 30 2025 12:00:00", Some("2025-04-30 12:00:00")),
            ("Apr 31 2025 12:00:00", None),
            ("Jun 31 2025 12:00:00", None),
            ("Sep 31 2025 12:00:00", None),
            ("Nov 31 2025 12:00:00", None),
            ("Dec 31 2025 12:00:00", Some("2025-12-31 12:00:00")),
            ("Aug 32 2025 12:00:00", None),
            ("aug 29 2025 12:00:00", None),
            ("Aug 29 2025 24:00:00", None),
            ("Aug 29 2025 12:60:00", None),
            ("Aug 29 2025 12:00:60", None),
            ("Aug 29 2025 12:00", None),
            ("Aug 29 2025 12:00:00:00", None),
            ("Aug 29 2025 12:00:00 x", None),
            ("Aug 29 25 12:00:00", None),
            ("Aug +9 2025 12:00:00", None),
            (" ", None),
        ];
        for (text, date) in table {
            assert_eq!(build_date(text).as_deref(), date, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_handled_without_panic(text: String) {
            let _ = build_date(&text);
        }
    }
}
