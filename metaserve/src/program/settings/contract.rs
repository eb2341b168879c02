//! What a program says of its settings.

use super::{
    declared::{Declared, DeclaredSetting},
    layer::Values,
    mistakes::Problem,
};
use crate::program::log::LogFormat;
use clap::Command;
use std::ffi::OsString;

/// The settings of a program. Each field needs a default, or is an `Option` or a `Vec`, and no
/// field requires another or excludes it: that is what [`complete`](Self::complete) looks at.
pub trait Settings: clap::Args {
    /// Those that may change while the program runs: a part of the struct, or none
    /// ([`Fixed`]).
    type Live: clap::Args;

    /// What the names of their variables begin with, such as `METASERVE_`. A variable that begins
    /// so and names no setting is a mistake.
    const VARIABLES: &'static str;

    /// Variables of other programs, by what they begin with.
    const OTHERS: &'static [&'static str] = &[];

    /// Settings that belong together, such as a certificate and its key: when a layer has one of
    /// them, those of lower layers do not count.
    const TOGETHER: &'static [&'static [&'static str]] = &[];

    /// What is logged, and how.
    fn log(&self) -> (&str, LogFormat);

    /// Fills in defaults that depend on other settings, and names settings that contradict each
    /// other. `values` says which were given.
    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        let _ = values;
        Vec::new()
    }

    /// All declared settings, in their order.
    fn declared() -> Vec<DeclaredSetting>
    where
        Self: Sized,
    {
        Declared::of::<Self>().describe(&Declared::of::<Self::Live>())
    }

    /// The defaults, for programs that are no command line.
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

/// The settings that these flags say.
pub(super) fn typed<S: Settings>(flags: Vec<OsString>) -> Result<S, clap::Error> {
    let command = S::augment_args(Command::new("settings").no_binary_name(true));
    S::from_arg_matches(&command.try_get_matches_from(flags)?)
}

/// # Panics
/// When a setting has no default: a mistake in the declaration, which any test finds.
pub(super) fn defaults<S: Settings>() -> S {
    typed(Vec::new()).unwrap_or_else(|error| panic!("a setting without a default: {error}"))
}
