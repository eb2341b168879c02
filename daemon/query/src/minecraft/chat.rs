//! Texts of the Java edition: plain, with colour codes, or trees of styled parts.

use crate::text::{self, Codes};
use serde_json::Value;

/// The words of a text, in one line.
pub(super) fn text(tree: &Value) -> String {
    let mut text = String::new();
    collect(tree, &mut text);
    plain(&text)
}

/// Without colour codes and in one line: operators centre their texts with spaces.
pub(super) fn plain(text: &str) -> String {
    let text = Codes::Minecraft.strip(text);
    let text = text::tidy(&text);
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

/// A part that names a translation has no words of its own, unless it brings some for those who
/// lack the translation. The reader of JSON has limited how deep a tree is.
fn collect(part: &Value, text: &mut String) {
    match part {
        Value::String(plain) => text.push_str(plain),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, text)),
        Value::Object(part) => {
            let words = part.get("text").or(part.get("fallback"));
            let parts = [words, part.get("extra")].into_iter().flatten();
            parts.for_each(|part| collect(part, text));
        }
        _ => {}
    }
}
