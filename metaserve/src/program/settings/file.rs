//! Values from a TOML file.

use super::{
    declared::{self, Declared, Kind},
    layer::{Entry, Layer, Origin},
    mistakes::Mistake,
};
use crate::text;
use clap::Arg;
use std::{ffi::OsString, path::Path, sync::Arc};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// The values in a file. All mistakes in it are reported, whatever other layers say.
pub(super) fn layer(declared: &Declared, file: &Path, mistakes: &mut Vec<Mistake>) -> Layer {
    match text::read(file) {
        Ok(text) => parse(declared, file, &text, mistakes),
        Err(error) => {
            let problem = format!("cannot use the configuration file: {error}");
            mistakes.push(Mistake::new(file.display(), problem));
            Layer::new()
        }
    }
}

fn parse(declared: &Declared, file: &Path, text: &str, mistakes: &mut Vec<Mistake>) -> Layer {
    let file: Arc<Path> = file.into();
    let line = |offset| 1 + text.bytes().take(offset).filter(|it| *it == b'\n').count();
    let at = |line| Origin::Line {
        file: file.clone(),
        line,
    };
    // Sorted by line, since they are found in another order.
    let mut found: Vec<(usize, Mistake)> = Vec::new();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let (line, key) = (line(span.start), text.get(span.clone()).unwrap_or_default());
        let is_double = error.message().contains("duplicate key");
        let mistake = match text::look_alike(text, span.start) {
            Some(look_alike) => Mistake::new(file.display(), look_alike),
            None if is_double => {
                Mistake::new(at(line), format!("`{key}` is given twice: choose one"))
            }
            None => Mistake::new(at(line), error.message().replace('\n', ", ")),
        };
        found.push((line, mistake));
        // Errors that follow from a mistake are not reported.
        found.dedup_by_key(|(line, _)| *line);
    }
    let is_broken = |line: usize| found.iter().any(|(broken, _)| *broken == line);
    let mut of_values: Vec<(usize, Mistake)> = Vec::new();
    let mut layer = Layer::new();
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let (origin, here) = (at(line(key.span().start)), line(key.span().start));
        let key = key.get_ref();
        let Some(arg) = declared.find(key) else {
            let meant = declared.nearest(key);
            let meant = meant.map(|it| format!(": did you mean `{it}`?"));
            let problem = format!("`{key}` is not a setting{}", meant.unwrap_or_default());
            of_values.push((here, Mistake::new(origin, problem)));
            continue;
        };
        let values: Vec<_> = match value.get_ref() {
            DeValue::Array(items) if declared::is_list(arg) => items.iter().collect(),
            _ => vec![value],
        };
        // A setting with a mistake counts as given.
        let mut texts = Vec::new();
        for value in values {
            let text = written(arg, value, text);
            let checked = text.and_then(|it| declared::check(arg, &it).map(|()| it));
            match checked {
                Ok(text) => texts.push(text),
                Err(problem) => {
                    // Only an actual value has a position.
                    let line = match (key_of(value, &problem), value.span()) {
                        (Some(offset), _) => line(offset),
                        (None, span) if span.is_empty() => here,
                        (None, span) => line(span.start),
                    };
                    of_values.push((line, Mistake::of_value(key, &at(line), &problem)));
                }
            }
        }
        let name = declared::name(arg).to_owned();
        if let Some(before) = layer.insert(name, Entry { texts, origin }) {
            let problem = format!("`{key}` is the same setting as in {}", before.origin);
            of_values.push((here, Mistake::new(at(here), problem)));
        }
    }
    of_values.retain(|(line, _)| !is_broken(*line));
    found.append(&mut of_values);
    found.sort_by_key(|(line, _)| *line);
    mistakes.extend(found.into_iter().map(|(_, mistake)| mistake));
    layer
}

/// The value as it would be written on a command line, if it has the type of the setting.
fn written(arg: &Arg, value: &Spanned<DeValue<'_>>, text: &str) -> Result<OsString, String> {
    let kind = declared::kind(arg);
    let written = match (value.get_ref(), kind) {
        (DeValue::String(it), Kind::Text | Kind::Duration | Kind::Switch) => it.to_string(),
        (DeValue::Boolean(it), Kind::Switch) => it.to_string(),
        (DeValue::Integer(it), Kind::Number | Kind::Duration) => {
            let number = i128::from_str_radix(it.as_str(), it.radix());
            number.map_or_else(|_| it.to_string(), |it| it.to_string())
        }
        // A setting with an inner structure parses it itself.
        (DeValue::Table(_), Kind::Text) => inline(value, text),
        (other, _) => {
            let expected = match kind {
                Kind::Number => "a number, without quotes",
                Kind::Switch => "\"on\" or \"off\"",
                Kind::Duration => "a duration in quotes, such as \"3s\", or a number of seconds",
                Kind::Text => "text in quotes",
            };
            let found = match other {
                DeValue::Array(_) => "a list",
                other => other.type_str(),
            };
            return Err(format!("write {expected}, not a value of type {found}"));
        }
    };
    Ok(written.into())
}

/// A value as it is written inside of a line, so that a table under `[[a heading]]` and one in braces
/// are the same.
fn inline(value: &Spanned<DeValue<'_>>, text: &str) -> String {
    let list = |items: Vec<String>, [begin, end]: [&str; 2]| match items.is_empty() {
        true => format!("{begin}{end}"),
        false => format!("{begin} {} {end}", items.join(", ")),
    };
    match value.get_ref() {
        DeValue::String(it) => quoted(it),
        DeValue::Array(items) => {
            let items = items.iter().map(|it| inline(it, text));
            list(items.collect(), ["[", "]"])
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<_>, _)| {
                let key: &DeString<'_> = key.get_ref();
                format!("{} = {}", quoted(key), inline(value, text))
            };
            list(table.iter().map(entry).collect(), ["{", "}"])
        }
        _ => text.get(value.span()).unwrap_or_default().to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Where the key of a table is that a problem is about: the problem begins with it.
fn key_of(value: &Spanned<DeValue<'_>>, problem: &str) -> Option<usize> {
    let DeValue::Table(table) = value.get_ref() else {
        return None;
    };
    let (key, _) = problem.strip_prefix('`')?.split_once('`')?;
    let mut keys = table.keys().map(|it| (it.get_ref(), it.span().start));
    keys.find(|(it, _)| &***it == key).map(|(_, at)| at)
}
