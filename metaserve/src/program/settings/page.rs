//! The reference page: all settings of a program as rows of Markdown.

use super::{DeclaredSetting, Settings, environment};
use std::fmt::Write;

/// The tables of a program's settings for a reference page in Markdown, one for each section.
#[must_use]
pub fn reference<S: Settings>() -> String {
    let mut page = String::new();
    let mut section = None;
    for it in S::declared().iter().filter(|it| !it.is_hidden) {
        if section != Some(&it.section) {
            if let Some(heading) = &it.section {
                let _ = write!(page, "\n### {heading}\n");
            }
            page.push_str("\n| setting | default | bounds | reload | meaning |\n");
            page.push_str("| --- | --- | --- | --- | --- |\n");
            section = Some(&it.section);
        }
        let _ = writeln!(page, "{}", row(it));
    }
    let prefix = S::VARIABLES;
    let example = environment::variable(prefix, "log-format");
    let _ = write!(
        page,
        "\nThe environment variable of each setting is `{prefix}` and its name: `{example}`, for \
         example.\n"
    );
    page
}

fn row(it: &DeclaredSetting) -> String {
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    let name = code(&format!("--{} {}", it.name, it.value));
    let aliases = it.aliases.iter().map(|alias| code(&format!("--{alias}")));
    let aliases: Vec<_> = aliases.collect();
    let also = match aliases.is_empty() {
        true => String::new(),
        false => format!(" (also {})", aliases.join(", ")),
    };
    let default = it.default.as_deref().map(code).unwrap_or_default();
    let bounds = it.bounds.as_deref().unwrap_or_default();
    let reload = if it.is_live { "yes" } else { "" };
    let meaning = it.explanation.replace('|', "\\|");
    let several = match it.is_list {
        true => " May be repeated; in a file it is a list.",
        false => "",
    };
    format!("| {name}{also} | {default} | {bounds} | {reload} | {meaning}{several} |")
}
