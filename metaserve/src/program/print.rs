//! Printing to outputs that may be closed, full or unread.
//!
//! The macros of the standard library panic when standard output or standard error cannot be
//! written, so programs print with these functions instead: commands with [`print()`] and
//! [`complain`], services with [`announce`], and both end with [`end`].

use super::log::{self, FLUSH_TIMEOUT, Lines};
use std::{
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
    sync::OnceLock,
};

/// Whether the output of a command is still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known, it is.
    Reads,
    /// The reader has closed the pipe, as `head` does. A command that only prints should end.
    Gone,
}

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub struct PrintError(io::Error);

/// Prints text to standard output, for commands. Waits for a slow reader. A reader that has closed
/// the pipe is not an error.
///
/// # Errors
/// When the text cannot be written, for example to a full disk.
pub fn print(text: impl AsRef<[u8]>) -> Result<Reader, PrintError> {
    reader(to(&mut io::stdout().lock(), text.as_ref()))
}

fn to(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    out.write_all(text)?;
    // The text may not end with a line break.
    out.flush()
}

fn reader(printed: io::Result<()>) -> Result<Reader, PrintError> {
    match printed {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(PrintError(error)),
    }
}

/// Prints text to standard output, for services. Returns before the text is written, and ignores
/// errors.
pub fn announce(text: impl AsRef<[u8]>) {
    /// A process has one standard output.
    static OUTPUT: OnceLock<Option<Lines>> = OnceLock::new();
    let start = || Lines::to(io::stdout(), "print", |_| {}).ok();
    if let Some(lines) = OUTPUT.get_or_init(start) {
        lines.push(text.as_ref());
    }
}

/// Prints text to standard error, and ignores errors. If a [log] has been started, the text comes
/// after the lines logged before, and waiting for it is bounded like the end of the log.
pub fn complain(text: impl AsRef<[u8]>) {
    match log::lines() {
        Some(lines) => {
            lines.push(text.as_ref());
            lines.flush(FLUSH_TIMEOUT);
        }
        // An error here cannot be reported anywhere.
        None => drop(to(&mut io::stderr().lock(), text.as_ref())),
    }
}

/// Ends a program: prints the error, if any, in a line that begins with `error:`, and returns exit
/// code 0 or 1.
pub fn end(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Ends a program whose settings have mistakes: like [`end`], but with exit code 2, as for an
/// invalid command line.
pub fn end_mistakes(error: impl Display) -> ExitCode {
    end(Err(error));
    ExitCode::from(2)
}

/// Ends a program whose command line asks for help or the version, or is invalid: prints that, and
/// returns exit code 0 or 2, or 1 when it cannot be printed.
pub fn end_usage(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if error.use_stderr() || io::stdout().is_terminal() {
        // clap uses colours only on a terminal; an error here cannot be reported.
        let _ = error.print();
        return ExitCode::from(code);
    }
    match print(error.render().to_string()) {
        Ok(_) => ExitCode::from(code),
        Err(error) => end(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_not_an_error_but_a_full_disk_is() {
        let reader = |kind: ErrorKind| reader(Err(kind.into()));
        assert_eq!(reader(ErrorKind::BrokenPipe).unwrap(), Reader::Gone);
        let full = reader(ErrorKind::StorageFull).unwrap_err().to_string();
        assert!(
            full.starts_with("cannot write to standard output"),
            "{full}"
        );
    }
}
