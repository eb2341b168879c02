//! Bytes of transcripts: hexadecimal digits, with names of variables in braces.

use std::collections::HashMap;

/// What earlier steps have learned.
pub(crate) type Variables = HashMap<String, Vec<u8>>;

/// The parts of a text: digits, or the name in braces.
fn parts(text: &str) -> impl Iterator<Item = (Vec<u8>, Option<&str>)> {
    text.split('{').enumerate().flat_map(|(number, part)| {
        let (name, digits) = match number {
            0 => (None, part),
            _ => {
                let (name, digits) = part.split_once('}').expect("a closing brace");
                (Some(name), digits)
            }
        };
        let name = name.map(|name| (Vec::new(), Some(name)));
        name.into_iter().chain([(decoded(digits), None)])
    })
}

fn decoded(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let pair = |pair: &[char]| {
        let text: String = pair.iter().collect();
        u8::from_str_radix(&text, 16).expect("two digits")
    };
    digits.chunks(2).map(pair).collect()
}

/// Writes a text. `{NAME.decimal}` is the number in four bytes, the lowest first, in digits.
pub(crate) fn write(text: &str, variables: &Variables) -> Vec<u8> {
    let known = |name: &str| variables.get(name).expect("a known variable").clone();
    let value = |name: &str| match name.strip_suffix(".decimal") {
        None => known(name),
        Some(name) => {
            let bytes = known(name).try_into().expect("four bytes");
            u32::from_le_bytes(bytes).to_string().into_bytes()
        }
    };
    let parts = parts(text).map(|(bytes, name)| name.map_or(bytes, value));
    parts.collect::<Vec<_>>().concat()
}

/// Compares a datagram with a text, and learns its variables: `{name:MIN-MAX}`. In these
/// transcripts, a new variable is the rest of the datagram, unless it has only one length.
pub(crate) fn read(
    text: &str,
    mut datagram: &[u8],
    variables: &mut Variables,
) -> Result<(), String> {
    let wrong = || {
        format!(
            "got {:?}, expected {text}",
            String::from_utf8_lossy(datagram)
        )
    };
    let wrong = wrong();
    for (bytes, name) in parts(text) {
        let expected = match name.map(|name| name.split_once(':')) {
            None => bytes,
            Some(None) => variables[name.unwrap_or_default()].clone(),
            Some(Some((name, range))) => {
                let (least, most) = range.split_once('-').expect("a range");
                let length = least.parse().unwrap_or(0)..=most.parse().unwrap_or(0);
                let rest = match length.start() == length.end() {
                    true => datagram.get(..*length.end()).unwrap_or_default(),
                    false => datagram,
                };
                if !length.contains(&rest.len()) {
                    return Err(wrong);
                }
                variables.insert(name.to_owned(), rest.to_vec());
                rest.to_vec()
            }
        };
        datagram = datagram.strip_prefix(&*expected).ok_or(&*wrong)?;
    }
    match datagram {
        [] => Ok(()),
        _ => Err(wrong),
    }
}
