//! `check`: reports what a program would do with its settings, without starting it.

use super::{
    complain,
    print::{PrintError, print},
    settings::{Given, Settings},
};
use std::fmt::Display;

/// Report what the program would do with these settings, without starting it
///
/// The command reads settings, certificates and other files, tries the addresses, and prints what
/// it finds: first each setting with its value and source, then the rest. Exit code 1 means that
/// the program would not start. Run it as the user that the program runs as: another user may be
/// able to read more, or less.
#[derive(Debug, clap::Args)]
pub struct Check<S: Settings> {
    #[command(flatten)]
    given: Given<S>,
}

/// Why `check` fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There are problems, which have been printed.
    #[error("{program} would not start: {problems} {}", if *.problems == 1 { "problem" } else { "problems" })]
    Problems {
        /// The program as people call it.
        program: &'static str,
        /// The number of problems.
        problems: usize,
    },
    /// The result cannot be printed.
    #[error(transparent)]
    Print(#[from] PrintError),
}

/// The results of a check so far.
#[derive(Debug, Default)]
pub struct Findings {
    problems: usize,
}

impl Findings {
    /// Prints what was found, or a problem. Continues even if nobody reads the output: the exit
    /// code is the answer.
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
    /// A check of settings that are given elsewhere on the command line.
    #[must_use]
    pub fn of(given: Given<S>) -> Self {
        Self { given }
    }

    /// Prints the settings and their mistakes, then what `look` finds. `program` is what people
    /// call the program, such as `the daemon`.
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
