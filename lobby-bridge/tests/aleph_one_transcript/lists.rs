//! Lists, whose entries may come in any order and in any number of frames.

/// Returns the entries of a list frame of this type.
pub(super) fn entries(number: u16, body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut entries = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let length = length(number, rest).filter(|length| *length <= rest.len());
        let length = length.ok_or_else(|| format!("no entry of type {number}: {rest:02x?}"))?;
        let (entry, after) = rest.split_at(length);
        entries.push(entry.to_vec());
        rest = after;
    }
    Ok(entries)
}

fn length(number: u16, rest: &[u8]) -> Option<usize> {
    Some(match number {
        0 => 24,
        18 => 8,
        2 => 32 + usize::from(u16::from_be_bytes([*rest.get(20)?, *rest.get(21)?])),
        _ => {
            let name = 62 + rest.get(62..)?.iter().position(|byte| *byte == 0)? + 1;
            name + rest.get(name..)?.iter().position(|byte| *byte == 0)? + 1
        }
    })
}
