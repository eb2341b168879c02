//! A table of the bans in a file.

use super::{
    BanFileError, Bans, Whom,
    edit::short,
    file::{ban_of, read_text, remark},
};
use crate::printable;
use std::{
    path::Path,
    time::{Duration, SystemTime},
};

const HEADINGS: [&str; 4] = ["PREFIX", "UNTIL", "LEFT", "REMARK"];

/// All bans of a file as a table, in the order of the file, with the time that is left. Includes
/// bans that have ended.
///
/// # Errors
/// When the file cannot be read, or has a mistake.
pub fn table(path: &Path, now: SystemTime) -> Result<String, BanFileError> {
    let text = read_text(path)?;
    Bans::parse(&text).map_err(|lines| BanFileError::BadLines {
        path: path.to_owned(),
        lines,
    })?;
    Ok(aligned(&rows(&text, now)))
}

fn rows(text: &str, now: SystemTime) -> Vec<[String; 4]> {
    let row = |line: &str| {
        let ban = ban_of(line)?.ok()?;
        let [until, left] = match ban.until {
            None => ["-".to_owned(), "-".to_owned()],
            Some(until) => [
                humantime::format_rfc3339_seconds(until).to_string(),
                left(until, now),
            ],
        };
        let mut prefix = short(ban.prefix);
        if ban.whom == Whom::Guests {
            prefix.push_str(" guests");
        }
        Some([prefix, until, left, printable(remark(line))])
    };
    text.lines().filter_map(row).collect()
}

/// The time until a ban ends, in its two largest units.
fn left(until: SystemTime, now: SystemTime) -> String {
    let left = until.duration_since(now).unwrap_or_default();
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let unit = match seconds {
        0 => return "ended".to_owned(),
        1..3_600 => 1,
        3_600..86_400 => 60,
        _ => 3_600,
    };
    humantime::format_duration(Duration::from_secs(seconds - seconds % unit)).to_string()
}

/// Aligns columns under headings, each as wide as its widest text.
fn aligned(rows: &[[String; 4]]) -> String {
    let rows = || {
        let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
        std::iter::once(HEADINGS).chain(rows)
    };
    let width = |column: usize| rows().map(|row| row[column].chars().count()).max();
    let widths: [usize; 4] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: [&str; 4]| {
        let cells = row.into_iter().zip(widths);
        let cells: String = cells
            .map(|(text, width)| format!("{text:width$}  "))
            .collect();
        format!("{}\n", cells.trim_end())
    };
    rows().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ban_is_shown_with_the_time_that_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bans");
        let text = "# ours\n192.0.2.7 until 1970-01-01T02:00:30Z # spam \x1b[2J\n10.0.0.0/8\n\
                    2001:db8::1 until 1970-01-01T00:00:01Z\n\
                    192.0.2.8 until 1970-01-03T05:00:59Z#x\n192.0.2.9 until 1970-01-01T00:30:07Z\n";
        std::fs::write(&path, text).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(
            table(&path, now).unwrap(),
            "PREFIX       UNTIL                 LEFT      REMARK\n\
             192.0.2.7    1970-01-01T02:00:30Z  2h        spam  [2J\n\
             10.0.0.0/8   -                     -\n\
             2001:db8::1  1970-01-01T00:00:01Z  ended\n\
             192.0.2.8    1970-01-03T05:00:59Z  2days 5h  x\n\
             192.0.2.9    1970-01-01T00:30:07Z  30m 6s\n"
        );
        std::fs::write(&path, "x").unwrap();
        assert!(
            table(&path, now)
                .unwrap_err()
                .to_string()
                .contains("line 1")
        );
    }

    #[test]
    fn the_time_left_is_shown_in_two_units() {
        let left = |millis| {
            let until = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            left(until, SystemTime::UNIX_EPOCH)
        };
        for (millis, expected) in [
            (0, "ended"),
            (1, "1s"),
            (1_000, "1s"),
            (1_001, "2s"),
            (3_599_000, "59m 59s"),
            (5_430_000, "1h 30m"),
            (86_399_000, "23h 59m"),
            (90_030_000, "1day 1h"),
        ] {
            assert_eq!(left(millis), expected, "{millis}");
        }
    }
}
