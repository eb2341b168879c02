//! Log lines for systemd's journal.
//!
//! The journal records the time of each line, and takes its priority from a prefix: see
//! `sd-daemon(3)`. Its own protocol would put the fields of a line where `journalctl` does not
//! show them by default, so that an operator would read *refused* without the address.

use std::fmt;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
    },
    registry::LookupSpan,
};

/// Whether standard error is connected to the journal, as set up by systemd.
pub(super) fn is_journal() -> bool {
    #[cfg(target_os = "linux")]
    return std::env::var("JOURNAL_STREAM").is_ok_and(|stream| {
        use std::os::unix::fs::MetadataExt;
        // Child processes inherit the variable even if their standard error goes elsewhere.
        let error = std::fs::metadata("/proc/self/fd/2");
        error.is_ok_and(|error| format!("{}:{}", error.dev(), error.ino()) == stream)
    });
    #[cfg(not(target_os = "linux"))]
    return false;
}

/// Formats an event as one line for the journal: the priority as a prefix, then message and fields
/// as text, without the time.
#[derive(Debug)]
pub(super) struct Journal {
    text: Format<Full, ()>,
}

impl Default for Journal {
    fn default() -> Self {
        let text = tracing_subscriber::fmt::format();
        let text = text.without_time().with_level(false).with_target(false);
        Self {
            text: text.with_ansi(false),
        }
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // The numbers of syslog(3).
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        // A line break would start a new line in the journal, with its own priority.
        let mut line = String::new();
        self.text
            .format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "<{priority}>{}", line.trim_end().replace('\n', " "))
    }
}
