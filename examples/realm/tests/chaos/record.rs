//! What zones have done, as their outputs tell.

use crate::bots::{Played, is_gate, is_said};
use parking_lot::Mutex;
use realm::{
    command::{Event, Happening},
    ids::{Name, ZoneId},
    log::{Log, Outputs},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// What a character has done.
#[derive(Default)]
struct Done {
    /// The numbers that it said aloud, in order.
    said: BTreeMap<ZoneId, Vec<u64>>,
    /// How often it went through a gate.
    moved: usize,
}

#[derive(Clone)]
pub(super) struct Record {
    done: Arc<Mutex<BTreeMap<Name, Done>>>,
    count: watch::Sender<usize>,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            done: Arc::default(),
            count: watch::Sender::new(0),
        }
    }

    /// Listens to a zone from its beginning.
    pub(super) async fn listen(self, log: Arc<dyn Log>, zone: ZoneId) {
        let mut rev = 0;
        loop {
            let since = log.outputs(&zone, rev, 1_000, Duration::from_secs(1)).await;
            let Ok(since) = since else {
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Outputs::Since(since) = since else {
                panic!("{zone}: some of the outputs after {rev} are not kept any more");
            };
            for (next, output) in since {
                rev = next;
                for event in output.events {
                    self.note(&zone, event);
                }
            }
        }
    }

    fn note(&self, zone: &ZoneId, event: Event) {
        let mut done = self.done.lock();
        match (event.to, event.what) {
            (None, Happening::Said { from, text }) => {
                let who: Name = from.parse().unwrap();
                let said = &mut done.entry(who.folded()).or_default().said;
                let seq = text.parse().unwrap();
                said.entry(zone.clone()).or_default().push(seq);
            }
            (Some(who), Happening::Moved { .. }) => {
                done.entry(who.folded()).or_default().moved += 1;
            }
            _ => return,
        }
        self.count.send_modify(|it| *it += 1);
    }

    /// Waits until all that was accepted is done, and says what is wrong if anything is.
    pub(super) async fn compare(&self, played: &Played) {
        let accepted = played.accepted.values().flatten();
        let told = accepted.filter(|it| is_said(**it) || is_gate(**it)).count();
        let mut count = self.count.subscribe();
        // If one is lost, this waits for ever, unless another one is done twice.
        count.wait_for(|it| *it >= told).await.unwrap();
        for (name, accepted) in &played.accepted {
            let done = self.done.lock().remove(&name.folded()).unwrap_or_default();
            for (zone, said) in &done.said {
                assert!(said.is_sorted(), "{name} in {zone}: {said:?}");
            }
            let mut said: Vec<_> = done.said.into_values().flatten().collect();
            said.sort_unstable();
            let says: Vec<_> = accepted.iter().copied().filter(|it| is_said(*it)).collect();
            assert_eq!(said, says, "{name}");
            let gates = accepted.iter().filter(|it| is_gate(**it)).count();
            assert_eq!(done.moved, gates, "{name}");
        }
    }
}
