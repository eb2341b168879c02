//! The flags of a command line, combined with file and environment.

use super::{
    contract::{Settings, defaults, typed},
    declared::{self, Declared},
    environment, file,
    layer::{Entry, Layer, Origin, Values},
    mistakes::{Mistake, Mistakes},
};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Id, parser::ValueSource};
use std::{
    env,
    ffi::OsString,
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// The settings given on a command line, and the file that it names with `--config`. Flatten it
/// into a clap struct; [`settle`](Self::settle) turns it into settings.
pub struct Given<S> {
    config: Option<PathBuf>,
    flags: Layer,
    words: Layer,
    settings: PhantomData<fn() -> S>,
}

/// Settings with the source of each value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settled<S> {
    /// The settings.
    pub settings: S,
    /// The same values as text.
    pub values: Values,
}

impl<S: Settings> Given<S> {
    /// The settings of all layers.
    ///
    /// # Errors
    /// All mistakes in file, environment and flags.
    pub fn settle(&self) -> Result<Settled<S>, Mistakes> {
        let (settled, mistakes) = self.look();
        Mistakes::found(mistakes)?;
        Ok(settled)
    }

    /// The settings of all layers except those with mistakes, and the mistakes.
    #[must_use]
    pub fn look(&self) -> (Settled<S>, Vec<Mistake>) {
        self.look_in(env::vars_os())
    }

    pub(super) fn look_in(
        &self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> (Settled<S>, Vec<Mistake>) {
        let (mut settled, mut mistakes) = self.apart_in(variables);
        for problem in settled.settings.complete(&settled.values) {
            let origin = settled.values.origin(problem.setting);
            mistakes.push(Mistake::of_settings(origin, problem.what));
        }
        (settled, mistakes)
    }

    /// The settings of all layers, without checking them together: for a program that uses some of
    /// them for something else.
    ///
    /// # Errors
    /// All mistakes in file, environment and flags, without contradictions.
    pub fn apart(&self) -> Result<Settled<S>, Mistakes> {
        let (settled, mistakes) = self.apart_in(env::vars_os());
        Mistakes::found(mistakes)?;
        Ok(settled)
    }

    fn apart_in(
        &self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> (Settled<S>, Vec<Mistake>) {
        let declared = Declared::of::<S>();
        let mut mistakes = Vec::new();
        let file = match self.file() {
            Some(path) => file::layer(&declared, &path, &mut mistakes),
            None => Layer::new(),
        };
        let environment =
            environment::layer(&declared, S::VARIABLES, S::OTHERS, variables, &mut mistakes);
        let layers = [&self.flags, &self.words, &environment, &file];
        let values = Values::merge(&declared, S::TOGETHER, &layers);
        let mut flags = Vec::new();
        for (arg, value) in declared.iter().zip(values.iter()) {
            let Entry { texts, origin } = &value.entry;
            for text in texts.iter().filter(|_| *origin != Origin::Default) {
                match declared::check(arg, text) {
                    Ok(()) => flags.push(declared::flag(arg, text)),
                    Err(problem) => {
                        mistakes.push(Mistake::of_value(&value.arg, origin, &problem));
                    }
                }
            }
        }
        let settings = typed(flags).unwrap_or_else(|error| {
            mistakes.push(Mistake::new("", error.to_string()));
            defaults()
        });
        (Settled { settings, values }, mistakes)
    }

    /// The configuration file, if one is named.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let variable = || env::var_os(environment::variable(S::VARIABLES, CONFIG));
        self.config.clone().or_else(|| Some(variable()?.into()))
    }

    /// Whether the setting with this name is given as a flag or a variable.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let variable = environment::variable(S::VARIABLES, name);
        self.flags.contains_key(name) || env::var_os(variable).is_some()
    }

    /// Sets a value from an argument of another form. It wins over the environment; flags win over
    /// it.
    pub fn say(&mut self, name: &str, text: impl Into<OsString>, word: &str) {
        let texts = vec![text.into()];
        let origin = Origin::Word(word.to_owned());
        self.words.insert(name.to_owned(), Entry { texts, origin });
    }

    /// Adds the flags of the settings that `wanted` selects by name to a command, and `--config`.
    #[must_use]
    pub fn add_to(command: Command, wanted: impl Fn(&str) -> bool) -> Command {
        let declared = Declared::of::<S>();
        let variable = |name: &str| environment::variable(S::VARIABLES, name);
        let is_global = declared.iter().any(Arg::is_global_set);
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .env(variable(CONFIG))
            .global(is_global)
            .help(
                "Read settings from this TOML file: the same names as here without the leading dashes, \
                 such as `log = \"debug\"`",
            );
        let command = command.arg(config);
        let wanted = declared.iter().filter(|arg| wanted(declared::name(arg)));
        wanted.fold(command, |command, arg| {
            command.arg(declared::shown(arg, variable(declared::name(arg))))
        })
    }
}

const CONFIG: &str = "config";

impl<S: Settings> Args for Given<S> {
    fn augment_args(command: Command) -> Command {
        Self::add_to(command, |_| true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }

    fn group_id() -> Option<Id> {
        None
    }
}

impl<S: Settings> FromArgMatches for Given<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_flag = |id: &str| {
            matches!(matches.try_contains_id(id), Ok(true))
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let mut flags = Layer::new();
        for arg in Declared::of::<S>().iter() {
            let id = arg.get_id().as_str();
            if is_flag(id) {
                let texts = matches.get_many::<OsString>(id).unwrap_or_default();
                let entry = Entry {
                    texts: texts.cloned().collect(),
                    origin: Origin::Flag(format!("--{}", declared::name(arg))),
                };
                flags.insert(declared::name(arg).to_owned(), entry);
            }
        }
        let config = is_flag(CONFIG).then(|| matches.get_one::<PathBuf>(CONFIG).cloned());
        Ok(Self {
            config: config.flatten(),
            flags,
            ..Self::default()
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<S> Default for Given<S> {
    /// No settings are given.
    fn default() -> Self {
        Self {
            config: None,
            flags: Layer::new(),
            words: Layer::new(),
            settings: PhantomData,
        }
    }
}

impl<S> Given<S> {
    /// These settings, with the settings of this file.
    #[must_use]
    pub fn with_file(self, file: &Path) -> Self {
        Self {
            config: Some(file.to_owned()),
            ..self
        }
    }
}

impl<S> Clone for Given<S> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            flags: self.flags.clone(),
            words: self.words.clone(),
            settings: PhantomData,
        }
    }
}

impl<S> fmt::Debug for Given<S> {
    /// Prints no values: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.flags.keys().chain(self.words.keys()).collect();
        f.debug_struct("Given")
            .field("config", &self.config)
            .field("names", &names)
            .finish()
    }
}
