//! Strangers cause log lines: of each kind so many are written and the others counted.

use crate::{connection::now, rate::Bucket};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Event, Level, Metadata, callsite::Identifier, field};
use tracing_subscriber::layer::{Context, Filter};

/// Lets through 50 lines of one kind at once, and 5 a second lastingly: what a person can read, and
/// less than 100 MB a day. A kind is a place in our source. Lines for debugging are all let
/// through: whoever asks for them wants them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet(Arc<Mutex<Kinds<Identifier>>>);

const AT_ONCE: f64 = 50.0;
const PER_SECOND: f64 = 5.0;

/// How often it is told what was left out.
const TELL_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Kind {
    bucket: Bucket,
    left_out: u64,
    /// The first line that was left out.
    example: String,
}

impl Quiet {
    /// Tells from time to time what was left out, until it is dropped.
    pub(super) async fn tell(&self) {
        let mut time = tokio::time::interval(TELL_EVERY);
        loop {
            time.tick().await;
            let left_out = self.kinds().left_out();
            for (left_out, example) in left_out {
                tracing::warn!("{left_out} more lines were left out such as: {example}");
            }
        }
    }

    fn kinds(&self) -> MutexGuard<'_, Kinds<Identifier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was written and left out of each kind: pure.
#[derive(Debug)]
struct Kinds<K>(HashMap<K, Kind>);

impl<K> Default for Kinds<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Kinds<K> {
    /// What was left out since this was asked last: how many lines of a kind, and one of them.
    fn left_out(&mut self) -> Vec<(u64, String)> {
        let some = self.0.values_mut().filter(|kind| kind.left_out > 0);
        some.map(|kind| {
            let count = std::mem::take(&mut kind.left_out);
            (count, std::mem::take(&mut kind.example))
        })
        .collect()
    }

    /// Whether one more line of this kind is written. `text` is asked for the first that is not.
    fn lets_through(&mut self, kind: K, now: Instant, text: impl FnOnce() -> String) -> bool {
        let kind = self.0.entry(kind).or_default();
        let through = kind.bucket.spend(now, PER_SECOND, AT_ONCE);
        if !through {
            if kind.left_out == 0 {
                kind.example = text();
            }
            kind.left_out += 1;
        }
        through
    }
}

impl<S> Filter<S> for Quiet {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        self.kinds().lets_through(metadata.callsite(), now(), || {
            let mut text = Text::default();
            event.record(&mut text);
            text.0
        })
    }
}

/// An event's text without its fields.
#[derive(Default)]
struct Text(String);

impl field::Visit for Text {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_cut_and_counted_and_other_kinds_are_not() {
        let (mut kinds, start) = (Kinds::default(), now());
        let through = |kinds: &mut Kinds<_>, kind: &'static str, from: u32, to: u32, at| {
            let line = |n: &u32| kinds.lets_through(kind, at, || format!("line {n}"));
            (from..to).filter(line).count()
        };
        assert_eq!(through(&mut kinds, "one", 0, 1_000, start), 50);
        assert_eq!(through(&mut kinds, "other", 0, 10, start), 10);
        assert_eq!(kinds.left_out(), [(950, "line 50".to_owned())]);
        assert_eq!(kinds.left_out(), []);
        let later = start + Duration::from_secs(2);
        assert_eq!(through(&mut kinds, "one", 1_000, 2_000, later), 10);
        assert_eq!(kinds.left_out(), [(990, "line 1010".to_owned())]);
    }
}
