//! Text files as people edit them, on any system.
//!
//! Editors begin files with invisible marks, save them as UTF-16, and end lines in three ways;
//! text copied from web pages has unusual spaces and quotes. Text with only one possible meaning
//! is accepted. For the rest, [`look_alike`] says what is wrong with a line.

use crate::unseen::is_unseen;
use std::{fs::File, io::Read, path::Path};

/// A file is not readable text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is too long.
    #[error("it is longer than {0} bytes")]
    Long(u64),
    /// A line has another encoding, or is damaged.
    #[error("line {0}: this is not UTF-8 text: save the file as UTF-8")]
    NotText(usize),
}

/// The longest file that is read as text: 16 MiB.
pub(crate) const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the text of a file, see [`decode`].
///
/// # Errors
/// When the file cannot be read, has more than 16 MiB, or is not text.
pub fn read(path: &Path) -> Result<String, TextError> {
    read_from(File::open(path)?)
}

/// Reads the text of an open file, as [`read`] does.
pub(crate) fn read_from(file: File) -> Result<String, TextError> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(TextError::Long(MOST_BYTES));
    }
    decode(bytes)
}

/// Decodes text that was saved as UTF-8, or as UTF-16 with a byte-order mark. Removes marks at the
/// beginning, and NUL or Ctrl-Z at the end. A lone CR ends a line as LF does; CR LF stays.
///
/// # Errors
/// When it is something else; the error names the line.
pub fn decode(bytes: Vec<u8>) -> Result<String, TextError> {
    let text = match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            TextError::NotText(line(before.iter().map(|byte| *byte == b'\n')))
        })?,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.trim_end_matches(['\0', '\u{1a}']);
    if let Some((before, _)) = text.split_once('\0') {
        return Err(TextError::NotText(line(before.chars().map(|c| c == '\n'))));
    }
    if !text.contains('\r') {
        return Ok(text.to_owned());
    }
    let lines = text.split("\r\n").map(|line| line.replace('\r', "\n"));
    Ok(lines.collect::<Vec<_>>().join("\r\n"))
}

/// Whether the bytes begin with a byte-order mark.
pub(crate) fn is_marked(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    marks.iter().any(|mark| bytes.starts_with(mark))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text = String::new();
    for c in char::decode_utf16(units) {
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err(TextError::NotText(line(text.chars().map(|c| c == '\n')))),
        }
    }
    match rest {
        // Half a code unit at the end, such as a trailing NUL.
        [] | [0 | 0x1a | b'\n'] => Ok(text),
        _ => Err(TextError::NotText(line(text.chars().map(|c| c == '\n')))),
    }
}

/// The number of the line after this many line ends.
fn line(ends: impl Iterator<Item = bool>) -> usize {
    1 + ends.filter(|end| *end).count()
}

/// Describes a character in the line at this offset that only looks like another, such as a
/// non-breaking space or a typographic quote. Useful when the line has a mistake.
#[must_use]
pub fn look_alike(text: &str, offset: usize) -> Option<String> {
    let before = text.get(..offset)?;
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next()?;
    let number = 1 + before.matches('\n').count();
    let (column, c) = line.chars().enumerate().find(|(_, c)| is_look_alike(*c))?;
    let what = match c {
        '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' => {
            "a typographic quote: write \" or '"
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "a dash: write -",
        c if c.is_whitespace() => "an unusual space: write a plain one",
        _ => "an invisible character: remove it",
    };
    let column = column + 1;
    Some(format!(
        "line {number}, character {column} (U+{:04X}) is {what}",
        u32::from(c)
    ))
}

fn is_look_alike(c: char) -> bool {
    let quote_or_dash = matches!(
        c,
        '\u{2010}'..='\u{201f}' | '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' | '\u{2212}'
    );
    quote_or_dash || is_unseen(c) || (c.is_whitespace() && !c.is_ascii())
}

/// The text without surrounding white space and invisible characters.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_unseen(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_as_editors_save_it() {
        let text = "tick = '1s'\nname = 'é'\n";
        let table: [Vec<u8>; 7] = [
            text.into(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(&format!("\u{feff}{text}"), u16::to_le_bytes),
            utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
            format!("{text}\u{1a}").into(),
            format!("{text}\0\0").into(),
            text.replace('\n', "\r").into(),
        ];
        for bytes in table {
            assert_eq!(decode(bytes.clone()).unwrap(), text, "{bytes:?}");
        }
        let windows = text.replace('\n', "\r\n");
        assert_eq!(decode(windows.clone().into()).unwrap(), windows);
        assert_eq!(decode(b"a\rb\r\nc".to_vec()).unwrap(), "a\nb\r\nc");
    }

    #[test]
    fn invalid_text_is_reported_by_line() {
        let said = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
        assert!(said(b"fine\nlatin \xe9").starts_with("line 2: this is not UTF-8 text"));
        // UTF-16 without a mark.
        assert!(said(b"a\0\n\0b\0").starts_with("line 1: this is not UTF-8 text"));
        let broken = [
            &b"\xff\xfe"[..],
            &utf16("one\ntwo\nthree", u16::to_le_bytes),
            b"\x00\xd8",
        ]
        .concat();
        assert!(said(&broken).starts_with("line 3"));
        let cut = &utf16("\u{feff}one\ntwo\nthree", u16::to_le_bytes)[..];
        assert!(said(&[cut, b"x"].concat()).starts_with("line 3"));
        assert_eq!(decode([cut, b"\0"].concat()).unwrap(), "one\ntwo\nthree");
    }

    #[test]
    fn look_alikes_are_named_by_line_and_character() {
        for (line, said) in [
            (
                "b\u{a0}= 1",
                "line 2, character 2 (U+00A0) is an unusual space",
            ),
            (
                "b = \u{201c}x\u{201d}",
                "line 2, character 5 (U+201C) is a typographic quote",
            ),
            (
                "b\u{200b} = 1",
                "line 2, character 2 (U+200B) is an invisible",
            ),
            ("b = \u{2013}1", "line 2, character 5 (U+2013) is a dash"),
        ] {
            let text = format!("a = 1\n{line}\nc = 3");
            let found = look_alike(&text, text.find('b').unwrap()).unwrap();
            assert!(found.starts_with(said), "{found}");
        }
        assert_eq!(look_alike("a = x", 4), None);
        assert_eq!(trim("\u{feff} 192.0.2.1\u{a0}\u{200b}"), "192.0.2.1");
    }

    #[test]
    fn a_text_is_accepted_up_to_the_longest_length() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        let mut text = "x".repeat(MOST_BYTES as usize);
        std::fs::write(&path, &text).unwrap();
        assert!(read(&path).unwrap() == text);
        text.push('x');
        std::fs::write(&path, &text).unwrap();
        assert!(matches!(read(&path), Err(TextError::Long(MOST_BYTES))));
        assert!(matches!(read(directory.path()), Err(TextError::Read(_))));
    }
}
