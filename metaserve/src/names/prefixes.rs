//! Which prefixes cover a key.

use super::key::{Key, Prefix};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

/// Things that belong to prefixes, found by the keys that these cover.
#[derive(Debug)]
pub(super) struct Prefixes<T>(BTreeMap<Prefix, BTreeSet<T>>);

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy + Ord> Prefixes<T> {
    pub(super) fn insert(&mut self, prefix: &Prefix, item: T) {
        self.0.entry(prefix.clone()).or_default().insert(item);
    }

    pub(super) fn remove(&mut self, prefix: &Prefix, item: T) {
        if let Some(items) = self.0.get_mut(prefix) {
            items.remove(&item);
            if items.is_empty() {
                self.0.remove(prefix);
            }
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<T> {
        self.0.values().flatten().copied().collect()
    }

    /// All whose prefix covers `key`.
    pub(super) fn of(&self, key: &Key) -> Vec<T> {
        self.sets(key).into_iter().flatten().copied().collect()
    }

    /// The things of each prefix that covers `key`, in their order. Costs a search for each of
    /// these prefixes and for each neighbour that is none; other prefixes cost nothing.
    pub(super) fn sets(&self, key: &Key) -> Vec<&BTreeSet<T>> {
        let mut found = Vec::new();
        let mut text = key.as_str();
        let mut bound = Bound::Included(text);
        while let Some((prefix, items)) = self
            .0
            .range::<str, _>((Bound::Unbounded, bound))
            .next_back()
        {
            if text.starts_with(prefix.as_str()) {
                found.push(items);
                text = &text[..prefix.as_str().len()];
                bound = Bound::Excluded(text);
            } else {
                // Every further prefix of the key is one of what both have in common.
                text = common(text, prefix.as_str());
                bound = Bound::Included(text);
            }
        }
        found
    }
}

fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
    &one[..one.floor_char_boundary(same.count())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exactly_the_prefixes_of_a_key_are_found(
            key in "[abä/]{1,8}",
            prefixes in proptest::collection::vec("[abä/]{0,6}", 0..20),
        ) {
            let key = Key::new(&key).unwrap();
            let mut all = Prefixes::default();
            let mut expected = Vec::new();
            for (number, prefix) in prefixes.iter().enumerate() {
                let prefix = Prefix::new(prefix).unwrap();
                all.insert(&prefix, number);
                expected.extend(prefix.covers(&key).then_some(number));
            }
            let mut found = all.of(&key);
            found.sort_unstable();
            prop_assert_eq!(found, expected);
            for (number, prefix) in prefixes.iter().enumerate() {
                all.remove(&Prefix::new(prefix).unwrap(), number);
            }
            prop_assert!(all.0.is_empty());
        }
    }
}
