//! What programs print, where it may be closed, full, or read by nobody.
//!
//! The macros of the standard library panic when standard output or error cannot be written, so
//! programs print with these instead: commands with [`print()`] and [`complain`], services with
//! [`announce`], and both end with [`end`].

use super::log::{self, FLUSH_TIMEOUT, Lines};
use std::{
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
    sync::OnceLock,
};

/// Whether somebody still reads what a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known.
    Reads,
    /// It has seen enough, as `head` does. A command that does nothing but print ends.
    Gone,
}

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub struct PrintError(io::Error);

/// Prints text to standard output, for commands: it waits for a reader that is slow. A reader that
/// is gone is no error.
///
/// # Errors
/// When it cannot be written, to a full disk for example.
pub fn print(text: impl AsRef<[u8]>) -> Result<Reader, PrintError> {
    reader(to(&mut io::stdout().lock(), text.as_ref()))
}

fn to(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    out.write_all(text)?;
    // It may be within a line.
    out.flush()
}

fn reader(printed: io::Result<()>) -> Result<Reader, PrintError> {
    match printed {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(PrintError(error)),
    }
}

/// Prints text to standard output, for programs that serve: nobody waits until it is written, and
/// nothing happens when it cannot be.
pub fn announce(text: impl AsRef<[u8]>) {
    /// A process has one standard output.
    static OUTPUT: OnceLock<Option<Lines>> = OnceLock::new();
    let start = || Lines::to(io::stdout(), "print", |_| {}).ok();
    if let Some(lines) = OUTPUT.get_or_init(start) {
        lines.push(text.as_ref());
    }
}

/// Prints text to standard error, if that can be written. Where a [log] has begun, it
/// comes after what was logged, and is waited for as long as the end of the log is.
pub fn complain(text: impl AsRef<[u8]>) {
    match log::lines() {
        Some(lines) => {
            lines.push(text.as_ref());
            lines.flush(FLUSH_TIMEOUT);
        }
        // Nobody is left to tell.
        None => drop(to(&mut io::stderr().lock(), text.as_ref())),
    }
}

/// The end of a program: says what went wrong, if anything did, in a line that begins with
/// `error:`, and gives exit code 0 or 1.
pub fn end(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// The end of a program whose settings have mistakes: as [`end`], with exit code 2, as for a
/// command line that cannot be understood.
pub fn end_mistakes(error: impl Display) -> ExitCode {
    end(Err(error));
    ExitCode::from(2)
}

/// The end of a program whose command line asks for help or its version, or cannot be understood:
/// prints that, and gives exit code 0 or 2; and 1 when what was asked for cannot be printed.
pub fn end_usage(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if error.use_stderr() || io::stdout().is_terminal() {
        // In colours, which nobody has to see.
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
    fn a_reader_that_is_gone_is_no_error_and_a_full_disk_is() {
        let reader = |kind: ErrorKind| reader(Err(kind.into()));
        assert_eq!(reader(ErrorKind::BrokenPipe).unwrap(), Reader::Gone);
        let full = reader(ErrorKind::StorageFull).unwrap_err().to_string();
        assert!(
            full.starts_with("cannot write to standard output"),
            "{full}"
        );
    }
}
