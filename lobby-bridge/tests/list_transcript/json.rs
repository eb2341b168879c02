//! Patterns of JSON: objects match if they have all that is named; `{*}` is anything; `has` and
//! `hasnot` find items in lists.

use serde_json::Value;

/// Says what is wrong with `got`, if anything is. `text` fills in variables.
pub(super) fn compare(
    wanted: &Value,
    got: &Value,
    text: &dyn Fn(&str) -> String,
) -> Result<(), String> {
    let is = |wanted: &Value, got: &Value| compare(wanted, got, text).is_ok();
    match wanted {
        Value::String(words) => {
            let words = text(words);
            let same = words == "{*}" || got.as_str() == Some(&words);
            same.then_some(()).ok_or(format!("{got} is not {words:?}"))
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("has") => {
            let items = got.as_array().ok_or("no list")?;
            let missing = fields["has"].as_array().into_iter().flatten();
            let mut missing = missing.filter(|it| !items.iter().any(|item| is(it, item)));
            missing
                .next()
                .map_or(Ok(()), |it| Err(format!("no {it} in {got}")))
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("hasnot") => {
            let items = got.as_array().ok_or("no list")?;
            let unwanted = fields["hasnot"].as_array().into_iter().flatten();
            let mut unwanted = unwanted.filter(|it| items.iter().any(|item| is(it, item)));
            unwanted
                .next()
                .map_or(Ok(()), |it| Err(format!("{it} in {got}")))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, wanted)| {
            let got = got.get(name).ok_or(format!("no {name} in {got}"))?;
            compare(wanted, got, text)
        }),
        Value::Array(wanted) => {
            let items = got.as_array().filter(|it| it.len() == wanted.len());
            let items = items.ok_or(format!("{got} is not {wanted:?}"))?;
            let mut pairs = wanted.iter().zip(items);
            pairs.try_for_each(|(wanted, got)| compare(wanted, got, text))
        }
        wanted => (wanted == got)
            .then_some(())
            .ok_or(format!("{got} is not {wanted}")),
    }
}
