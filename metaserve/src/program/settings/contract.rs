//! The interface between a program and its settings.

use super::{
    declared::{Declared, DeclaredSetting},
    layer::Values,
    mistakes::Problem,
};
use crate::program::log::LogFormat;
use clap::Command;
use std::ffi::OsString;

/// The settings of a program. Each field needs a default, or is an `Option` or a `Vec`. No field
/// may require or exclude another: [`complete`](Self::complete) checks that.
pub trait Settings: clap::Args {
    /// The settings that may change while the program runs: a part of the struct, or none
    /// ([`Fixed`]).
    type Live: clap::Args;

    /// The prefix of the environment variables, such as `METASERVE_`. A variable with this prefix
    /// that names no setting is a mistake.
    const VARIABLES: &'static str;

    /// Prefixes of the variables of other programs.
    const OTHERS: &'static [&'static str] = &[];

    /// Settings that belong together, such as a certificate and its key: when a layer has one of
    /// them, lower layers are ignored for all of them.
    const TOGETHER: &'static [&'static [&'static str]] = &[];

    /// The log filter and the log format.
    fn log(&self) -> (&str, LogFormat);

    /// Fills in defaults that depend on other settings, and reports settings that contradict each
    /// other. `values` says which ones were given.
    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let _ = values;
        Vec::new()
    }

    /// All declared settings, in order.
    fn declared() -> Vec<DeclaredSetting>
    where
        Self: Sized,
    {
        Declared::of::<Self>().describe(&Declared::of::<Self::Live>())
    }

    /// The default settings, for programs without a command line.
    #[must_use]
    fn defaults() -> Self
    where
        Self: Sized,
    {
        defaults()
    }
}

/// No settings: none may change while the program runs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Fixed {}

/// The settings in these flags.
pub(super) fn typed<S: Settings>(flags: Vec<OsString>) -> Result<S, clap::Error> {
    let command = S::augment_args(Command::new("settings").no_binary_name(true));
    S::from_arg_matches(&command.try_get_matches_from(flags)?)
}

/// # Panics
/// When a setting has no default: a defect in the declaration, which any test finds.
pub(super) fn defaults<S: Settings>() -> S {
    typed(Vec::new()).unwrap_or_else(|error| panic!("a setting without a default: {error}"))
}
