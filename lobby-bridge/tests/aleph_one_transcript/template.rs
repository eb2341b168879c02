//! Templates: hexadecimal digits, and items in braces, which `player.rs` explains.

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(Vec<u8>),
    /// `{name/len}`
    Variable(String, usize),
    /// `{*len}`
    Any(usize),
    /// `{cstr}`
    String,
    /// `{rest}`
    Rest,
    /// `{near:V:TOL/4}`
    Near(i32, i32),
}

pub(super) fn parse(template: &str) -> Vec<Part> {
    let (mut parts, mut digits) = (Vec::new(), String::new());
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if first != '{' {
            digits.extend((!first.is_whitespace()).then_some(first));
            rest = &rest[1..];
            continue;
        }
        literal(&mut parts, &mut digits);
        let (item, after) = rest[1..].split_once('}').expect("a closed brace");
        parts.push(brace(item));
        rest = after;
    }
    literal(&mut parts, &mut digits);
    parts
}

fn literal(parts: &mut Vec<Part>, digits: &mut String) {
    if !digits.is_empty() {
        parts.push(Part::Literal(unhex(digits)));
        digits.clear();
    }
}

fn brace(item: &str) -> Part {
    if item == "cstr" {
        return Part::String;
    }
    if item == "rest" {
        return Part::Rest;
    }
    if let Some(length) = item.strip_prefix('*') {
        return Part::Any(length.parse().expect("a length"));
    }
    let (name, length) = item.rsplit_once('/').expect("a length");
    if let Some(near) = name.strip_prefix("near:") {
        let (value, tolerance) = near.split_once(':').expect("a tolerance");
        let number = |text: &str| text.parse().expect("a number");
        return Part::Near(number(value), number(tolerance));
    }
    Part::Variable(name.to_owned(), length.parse().expect("a length"))
}

pub(super) fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).expect("digits"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("digits"))
        .collect()
}
