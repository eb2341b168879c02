//! Values from the environment.

use super::{
    declared::{self, Declared},
    layer::{Entry, Layer, Origin},
    mistakes::Mistake,
};
use std::ffi::OsString;

/// The variable of a setting.
pub(super) fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The values of variables that begin with `prefix`, without those that begin with one of
/// `others`.
pub(super) fn layer(
    declared: &Declared,
    prefix: &str,
    others: &[&str],
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    mistakes: &mut Vec<Mistake>,
) -> Layer {
    let mut layer = Layer::new();
    let mut variables: Vec<_> = variables.into_iter().collect();
    variables.sort();
    for (name, text) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(prefix)) else {
            continue;
        };
        let is_other = others.iter().any(|other| name.starts_with(other));
        if is_other || name == variable(prefix, "config") || is_service_link(name) {
            continue;
        }
        let is_its = |it: &&str| variable(prefix, it) == name;
        let Some(arg) = declared
            .iter()
            .find(|arg| declared::names(arg).any(|it| is_its(&it)))
        else {
            let written = name[prefix.len()..].replace('_', "-").to_ascii_lowercase();
            let meant = declared.nearest(&written);
            let meant = meant.map(|it| format!(": did you mean {}?", variable(prefix, it)));
            let problem = format!("no such setting{}", meant.unwrap_or_default());
            mistakes.push(Mistake::new(name, problem));
            continue;
        };
        let texts = match (arg.get_value_delimiter(), text.to_str()) {
            (Some(delimiter), Some(text)) => text.split(delimiter).map(Into::into).collect(),
            _ => vec![text],
        };
        let origin = Origin::Variable(name.to_owned());
        let first = layer.insert(declared::name(arg).to_owned(), Entry { texts, origin });
        if let Some(first) = first {
            let problem = format!("the same setting as {}: choose one", first.origin);
            mistakes.push(Mistake::new(name, problem));
        }
    }
    layer
}

/// Whether Kubernetes or Docker sets this variable for a service that is named like the program,
/// such as `METASERVE_PORT_4433_UDP_ADDR`.
fn is_service_link(name: &str) -> bool {
    let is_port = |it: &str| {
        let mut parts = it.split('_');
        let number = parts.next().is_none_or(|it| it.parse::<u16>().is_ok());
        number
            && parts
                .next()
                .is_none_or(|it| ["TCP", "UDP", "SCTP"].contains(&it))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name
            .rsplit_once("_PORT_")
            .is_some_and(|(_, port)| is_port(port))
}
