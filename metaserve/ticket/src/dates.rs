//! Times as tickets write them: RFC 3339 text, in whole seconds.

use std::time::{Duration, SystemTime};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// 9999-12-31T23:59:59Z, the last second that four digits of a year can name.
const LAST: u64 = 253_402_300_799;

/// Whole seconds since 1970, if RFC 3339 can write this time.
fn seconds(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_secs()).filter(|seconds| *seconds <= LAST)
}

fn at(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Cuts off parts of a second. `None` for a time that a ticket cannot name.
pub(crate) fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    at(seconds(time)?)
}

/// `2026-11-26T16:00:00Z`. `None` for a time that a ticket cannot name.
pub(crate) fn write(time: SystemTime) -> Option<String> {
    let seconds = i64::try_from(seconds(time)?).ok()?;
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    date.format(&Rfc3339).ok()
}

/// The text of a time for a sentence.
pub(crate) fn shown(time: SystemTime) -> String {
    write(time).unwrap_or_else(|| "a date that cannot be shown".to_owned())
}

/// Reads RFC 3339 with any offset, and cuts off parts of a second. `None` for any other text, and
/// for times before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    whole_seconds(at(seconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_written_in_utc() {
        let table = [
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("2026-11-26T16:00:00Z", Some("2026-11-26T16:00:00Z")),
            ("2026-11-26T16:00:00+00:00", Some("2026-11-26T16:00:00Z")),
            ("2026-11-26T17:30:00+01:30", Some("2026-11-26T16:00:00Z")),
            ("2026-11-26T16:00:00.999Z", Some("2026-11-26T16:00:00Z")),
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z")),
            ("9999-12-31T23:59:59-01:00", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-11-26", None),
            ("2026-11-26T16:00:00", None),
            ("2026-02-30T16:00:00Z", None),
            ("1764172800", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = read(text).map(|time| write(time).unwrap());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_time_that_no_ticket_can_name_is_not_written() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let after = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST + 1);
        for time in [before, after] {
            assert_eq!((write(time), whole_seconds(time)), (None, None));
        }
        assert_eq!(shown(before), "a date that cannot be shown");
    }
}
