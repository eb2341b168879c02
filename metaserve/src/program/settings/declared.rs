//! The declared settings: clap's arguments, as settings.

use crate::program::nearest::nearest;
use clap::{
    Arg, ArgAction, Args, Command,
    builder::{PossibleValue, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{
    any::TypeId,
    error::Error,
    ffi::{OsStr, OsString},
    time::Duration,
};

/// Settings in the order of their declaration.
pub(super) struct Declared(Vec<Arg>);

/// The type of a value in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Switch,
    Duration,
    Text,
}

/// One setting, for pages and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeclaredSetting {
    /// Its name in files, and as a flag after two dashes.
    pub name: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Its section, such as a protocol.
    pub section: Option<String>,
    /// The placeholder of its value, such as `COUNT`.
    pub value: String,
    /// The lowest and the highest accepted value, if there are bounds.
    pub bounds: Option<String>,
    /// Its default, if that does not depend on anything.
    pub default: Option<String>,
    /// What it does.
    pub explanation: String,
    /// Whether it may be repeated.
    pub is_list: bool,
    /// Whether it may change while the program runs.
    pub is_live: bool,
    /// Whether the help omits it: an old name.
    pub is_hidden: bool,
}

impl Declared {
    pub(super) fn of<A: Args>() -> Self {
        let command = A::augment_args(Command::new("settings"));
        Self(command.get_arguments().cloned().collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arg> {
        self.0.iter()
    }

    /// The setting with this name or alias.
    pub(super) fn find(&self, named: &str) -> Option<&Arg> {
        let mut settings = self.iter();
        settings.find(|arg| names(arg).any(|name| name == named))
    }

    /// The name that was probably meant.
    pub(super) fn nearest(&self, mistyped: &str) -> Option<&str> {
        let shown = self.iter().filter(|arg| !arg.is_hide_set());
        nearest(mistyped, shown.flat_map(names))
    }

    pub(super) fn describe(&self, live: &Self) -> Vec<DeclaredSetting> {
        let describe = |arg: &Arg| {
            let defaults = arg.get_default_values().iter();
            let defaults: Vec<_> = defaults.map(|it| it.to_string_lossy()).collect();
            let shown = !defaults.is_empty() && !arg.is_hide_default_value_set();
            DeclaredSetting {
                name: name(arg).to_owned(),
                aliases: names(arg).skip(1).map(str::to_owned).collect(),
                section: arg.get_help_heading().map(str::to_owned),
                value: placeholder(arg),
                bounds: bounds(arg),
                default: shown.then(|| defaults.join(",")),
                explanation: explanation(arg),
                is_list: is_list(arg),
                is_live: live.find(name(arg)).is_some(),
                is_hidden: arg.is_hide_set(),
            }
        };
        self.iter().map(describe).collect()
    }
}

/// Its name in files.
pub(super) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

/// Its name, then its aliases.
pub(super) fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    std::iter::once(name(arg)).chain(arg.get_all_aliases().unwrap_or_default())
}

pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

pub(super) fn kind(arg: &Arg) -> Kind {
    let id = arg.get_value_parser().type_id();
    let is = |it: TypeId| id == it;
    if is(TypeId::of::<bool>()) {
        Kind::Switch
    } else if is(TypeId::of::<Duration>()) {
        Kind::Duration
    } else if [
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
    ]
    .into_iter()
    .any(is)
    {
        Kind::Number
    } else {
        Kind::Text
    }
}

/// Checks whether a text is a value of the setting.
pub(super) fn check(arg: &Arg, text: &OsStr) -> Result<(), String> {
    let alone = Command::new("setting").no_binary_name(true);
    let alone = alone.disable_help_flag(true).arg(arg.clone());
    match alone.try_get_matches_from([flag(arg, text)]) {
        Ok(_) => Ok(()),
        Err(error) => Err(reason(&error, &text.to_string_lossy())),
    }
}

/// The setting with a value, as on a command line.
pub(super) fn flag(arg: &Arg, text: &OsStr) -> OsString {
    let mut flag = OsString::from(format!("--{}=", name(arg)));
    flag.push(text);
    flag
}

/// clap's objection to a value, without the text around it.
fn reason(error: &clap::Error, text: &str) -> String {
    if let Some(source) = error.source() {
        let (source, quoted) = (source.to_string(), format!("{text:?}"));
        // A table is long, and its parser names the key.
        return match source.starts_with(&quoted) || text.starts_with('{') {
            true => source,
            false => format!("{quoted}: {source}"),
        };
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) if error.kind() == ErrorKind::InvalidValue => {
            format!("{text:?} is not one of {}", valid.join(", "))
        }
        _ => {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            said.strip_prefix("error: ").unwrap_or(said).to_owned()
        }
    }
}

fn placeholder(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// The bounds that [`within`](super::within) declares.
pub(super) fn bounds(arg: &Arg) -> Option<String> {
    let values = arg.get_possible_values();
    let hidden = values.iter().find(|it| it.is_hide_set());
    hidden.map(|it| it.get_name().to_owned())
}

fn explanation(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().map(str::trim).filter(|line| !line.is_empty());
    let sentences = lines.map(|line| match line.ends_with(['.', ':']) {
        true => line.to_owned(),
        false => format!("{line}."),
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// The setting for use on a command line. Any text is accepted, since all mistakes are reported at
/// once; the help shows the bounds and the variable.
pub(super) fn shown(arg: &Arg, variable: String) -> Arg {
    let possible = arg.get_possible_values().into_iter();
    let any = AnyText(possible.filter(|it| !it.is_hide_set()).collect());
    let mut shown = arg.clone().value_parser(any).env(variable);
    if let Some(bounds) = bounds(arg) {
        let with_bounds = |help: &dyn ToString| format!("{} [{bounds}]", help.to_string());
        if let Some(help) = arg.get_help() {
            shown = shown.help(with_bounds(help));
        }
        if let Some(help) = arg.get_long_help() {
            shown = shown.long_help(with_bounds(help));
        }
    }
    shown
}

/// Accepts any text, and shows the possible values to people and shells.
#[derive(Clone)]
struct AnyText(Vec<PossibleValue>);

impl TypedValueParser for AnyText {
    type Value = OsString;

    fn parse_ref(
        &self,
        _: &Command,
        _: Option<&Arg>,
        text: &OsStr,
    ) -> Result<OsString, clap::Error> {
        Ok(text.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let some = !self.0.is_empty();
        some.then(|| Box::new(self.0.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }
}
