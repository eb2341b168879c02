//! Templates of datagrams: hexadecimal digits with `{variables}`.

use std::collections::HashMap;

/// Splits a template into literal bytes and what is between braces.
fn parts(template: &str) -> Vec<Result<Vec<u8>, String>> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        let digits: Vec<char> = literal.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = digits.chunks(2).map(|pair| {
            let pair: String = pair.iter().collect();
            u8::from_str_radix(&pair, 16).expect("two hexadecimal digits")
        });
        let bytes: Vec<u8> = bytes.collect();
        if !bytes.is_empty() {
            parts.push(Ok(bytes));
        }
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        parts.push(Err(name.to_owned()));
        rest = after;
    }
    parts
}

/// Makes the bytes of a template.
pub(super) fn make(template: &str, variables: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let part = |part| match part {
        Ok(bytes) => bytes,
        Err(name) => variables
            .get(&name)
            .cloned()
            .unwrap_or_else(|| panic!("no {name}")),
    };
    parts(template).into_iter().flat_map(part).collect()
}

/// Compares bytes with a template, and binds the variables that it gives lengths.
pub(super) fn matches(
    template: &str,
    bytes: &[u8],
    variables: &mut HashMap<String, Vec<u8>>,
) -> bool {
    let (parts, mut rest) = (parts(template), bytes);
    for (position, part) in parts.iter().enumerate() {
        let name = match part {
            Ok(literal) => match rest.strip_prefix(&literal[..]) {
                Some(after) => {
                    rest = after;
                    continue;
                }
                None => return false,
            },
            Err(name) => name,
        };
        let Some((name, lengths)) = name.split_once(':') else {
            match rest.strip_prefix(&variables[name][..]) {
                Some(after) => rest = after,
                None => return false,
            }
            continue;
        };
        // Up to the next literal, or to the end.
        let length = match parts.get(position + 1) {
            Some(Ok(next)) => rest.windows(next.len()).position(|it| it == &next[..]),
            _ => Some(rest.len()),
        };
        let (least, most) = lengths.split_once('-').expect("two lengths");
        let range = least.parse().expect("a number")..=most.parse().expect("a number");
        let Some(length) = length.filter(|it| range.contains(it)) else {
            return false;
        };
        variables.insert(name.to_owned(), rest[..length].to_vec());
        rest = &rest[length..];
    }
    rest.is_empty()
}
