//! A watcher that reads now and then knows in the end what is held, whatever happens in between.

use super::super::{MAX_CHANGES, core::Claim, watch::Watch, *};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

/// More than a watch remembers.
const KEYS: usize = 2 * MAX_CHANGES;

#[derive(Clone, Debug)]
enum Step {
    Up { from: usize, count: usize },
    Down { from: usize, count: usize },
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..KEYS, prop_oneof![1..4_usize, 1..KEYS]);
    prop_oneof![
        range().prop_map(|(from, count)| Step::Up { from, count }),
        range().prop_map(|(from, count)| Step::Down { from, count }),
        prop_oneof![0..4_usize, 0..KEYS].prop_map(Step::Read),
    ]
}

fn key(number: usize) -> Key {
    Key::new(&format!("zone/{number:04}")).unwrap()
}

#[derive(Default)]
struct Mirror {
    keys: BTreeMap<Key, u64>,
    current: bool,
}

impl Mirror {
    fn told(&mut self, answer: Answer) {
        match answer {
            Answer::Reset { .. } => {
                self.keys.clear();
                self.current = false;
            }
            Answer::Up { key, epoch, .. } => {
                self.keys.insert(key, epoch);
            }
            Answer::Down { key, .. } => {
                assert!(
                    self.current,
                    "nothing is taken back of what is being listed"
                );
                self.keys.remove(&key);
            }
            Answer::Current { .. } => self.current = true,
            other => panic!("{other:?} to a watcher"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_watcher_knows_in_the_end_what_is_held(steps in vec(step(), 1..30)) {
        let mut watch = Watch::new(Prefix::new("zone/").unwrap());
        let (mut claims, mut mirror, mut epoch) = (BTreeMap::new(), Mirror::default(), 0);
        let mut read = |watch: &mut Watch, claims: &BTreeMap<Key, Claim>, most: usize| {
            let next = || watch.has_more().then(|| watch.next(7, claims, false)).flatten();
            std::iter::from_fn(next).take(most).for_each(|answer| mirror.told(answer));
            assert!(watch.remembers() <= MAX_CHANGES);
        };
        for step in steps {
            match step {
                Step::Up { from, count } => for number in from..KEYS.min(from + count) {
                    epoch += 1;
                    let (peer, id, value) = (PeerId(1), epoch, Bytes::new());
                    claims.insert(key(number), Claim { peer, id, epoch, value });
                    watch.touch(&key(number));
                },
                Step::Down { from, count } => for number in from..KEYS.min(from + count) {
                    if claims.remove(&key(number)).is_some() {
                        watch.touch(&key(number));
                    }
                },
                Step::Read(most) => read(&mut watch, &claims, most),
            }
        }
        read(&mut watch, &claims, usize::MAX);
        let held: BTreeMap<Key, u64> = claims.iter().map(|(key, it)| (key.clone(), it.epoch)).collect();
        prop_assert!(mirror.current);
        prop_assert_eq!(mirror.keys, held);
    }
}
