//! Suggestions for mistyped names.

/// The name among `names` that was probably meant.
pub(super) fn nearest<'a>(
    mistyped: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let scored = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(mistyped, name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score > 0.85)
        .map(|(_, name)| name)
}
