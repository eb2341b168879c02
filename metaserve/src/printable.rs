//! Text of strangers, made safe for a terminal.

/// `text` without what could move the cursor, change colours, or turn the direction of the text
/// after it: control characters become spaces, characters that direct the layout are left out.
/// A heartbeat is whatever a stranger's server sent.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = text.chars().filter(|c| !directs_layout(*c));
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Unicode's marks, embeddings, overrides and isolates of direction, its line and paragraph
/// separators, and what takes no room at all.
fn directs_layout(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_take_over_the_terminal() {
        let table = [
            ("Dusty's", "Dusty's"),
            ("Größe 東京 ✈", "Größe 東京 ✈"),
            ("\x1b[2Jgone", " [2Jgone"),
            ("\u{9b}31mred", " 31mred"),
            ("two\r\nlines\t\0\u{7f}", "two  lines   "),
            ("\u{202e}desrever\u{2028}\u{200b}", "desrever"),
        ];
        for (text, shown) in table {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }
}
