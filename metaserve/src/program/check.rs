//! `check`: what a program would do with its settings, without starting it.

use super::{
    complain,
    print::{PrintError, print},
    settings::{Given, Settings},
};
use std::fmt::Display;

/// Say what the program would do with these settings, without starting it
///
/// Reads settings, certificates and other files, tries the addresses, and prints what it finds: each
/// setting with its value and where that comes from, then the rest. Exit code 1 says that it would
/// not start. Run it as the user that the program runs as: another one may be able to read more, or
/// less.
#[derive(Debug, clap::Args)]
pub struct Check<S: Settings> {
    #[command(flatten)]
    given: Given<S>,
}

/// Why `check` fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There are problems, which were printed.
    #[error("{program} would not start: {problems} {}", if *.problems == 1 { "problem" } else { "problems" })]
    Problems {
        /// The program, as people call it.
        program: &'static str,
        /// How many.
        problems: usize,
    },
    /// Nothing can be printed.
    #[error(transparent)]
    Print(#[from] PrintError),
}

/// What is found by and by.
#[derive(Debug, Default)]
pub struct Findings {
    problems: usize,
}

impl Findings {
    /// Prints what was found, or a problem. It goes on to the end, whether somebody reads or not:
    /// the exit code is the answer.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn add<P: Display>(&mut self, found: Result<String, P>) -> Result<(), PrintError> {
        match found {
            Ok(finding) => print(finding).map(drop),
            Err(problem) => {
                complain(format!("problem: {problem:#}\n"));
                self.problems += 1;
                Ok(())
            }
        }
    }
}

impl<S: Settings> Check<S> {
    /// A check of settings that are given elsewhere in the command line.
    #[must_use]
    pub fn of(given: Given<S>) -> Self {
        Self { given }
    }

    /// Prints the settings and their mistakes, and then what `look` finds. `program` is how people
    /// call it, such as `the daemon`.
    ///
    /// # Errors
    /// When the program would not start, or standard output cannot be written.
    pub fn run(
        self,
        program: &'static str,
        look: impl FnOnce(&S, &mut Findings) -> Result<(), PrintError>,
    ) -> Result<(), CheckError> {
        let file = self.given.file().map(|file| file.display().to_string());
        let file = file.as_deref().unwrap_or("none");
        print(format!("configuration file: {file}\n"))?;
        let (settled, mistakes) = self.given.look();
        print(format!("{}\n", settled.values))?;
        let mut findings = Findings::default();
        for mistake in mistakes {
            findings.add(Err(mistake))?;
        }
        look(&settled.settings, &mut findings)?;
        match findings.problems {
            0 => Ok(print(format!("{program} would start\n")).map(drop)?),
            problems => Err(CheckError::Problems { program, problems }),
        }
    }
}
