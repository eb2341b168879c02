//! Limits log lines that strangers can cause: a number of each kind is written, the rest counted.

use crate::{bounds::Bucket, time::now};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Event, Level, Metadata, callsite::Identifier, field};
use tracing_subscriber::layer::{Context, Filter};

/// Lets through 50 lines of one kind at once, and 5 per second on average: as much as a person can
/// read, and less than 100 MB a day. A kind is a place in our source. Debug and trace lines are
/// never suppressed: the operator has asked for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet(Arc<Mutex<Kinds<Identifier>>>);

const AT_ONCE: f64 = 50.0;
const PER_SECOND: f64 = 5.0;

/// How often suppressed lines are reported.
const TELL_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Kind {
    bucket: Bucket,
    left_out: u64,
    /// The first suppressed line; `None` while it is being formatted.
    example: Option<String>,
}

impl Quiet {
    /// Reports the lines suppressed since the last call.
    pub(super) fn tell(&self) {
        let left_out = self.kinds().left_out();
        for (left_out, example) in left_out {
            tracing::warn!("suppressed {left_out} similar lines, for example: {example}");
        }
    }

    /// A handle that reports them from time to time.
    pub(super) fn teller(&self) -> Teller {
        Teller {
            quiet: self.clone(),
            told: now(),
        }
    }

    fn kinds(&self) -> MutexGuard<'_, Kinds<Identifier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports suppressed lines from time to time.
#[derive(Debug)]
pub(super) struct Teller {
    quiet: Quiet,
    told: Instant,
}

impl Teller {
    /// Reports if enough time has passed since the last report.
    pub(super) fn tell(&mut self) {
        let now = now();
        if now.saturating_duration_since(self.told) >= TELL_EVERY {
            self.told = now;
            self.quiet.tell();
        }
    }
}

/// The numbers of written and suppressed lines of each kind. Pure.
#[derive(Debug)]
struct Kinds<K>(HashMap<K, Kind>);

impl<K> Default for Kinds<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Kinds<K> {
    /// The lines suppressed since the last call: for each kind the number, and an example.
    fn left_out(&mut self) -> Vec<(u64, String)> {
        let take = |kind: &mut Kind| {
            let example = kind.example.take()?;
            Some((std::mem::take(&mut kind.left_out), example))
        };
        self.0.values_mut().filter_map(take).collect()
    }

    /// Counts one more line of this kind, and decides whether it is written, or kept as the
    /// example of the suppressed ones.
    fn count(&mut self, kind: K, now: Instant) -> Counted {
        let kind = self.0.entry(kind).or_default();
        if kind.bucket.spend(now, PER_SECOND, AT_ONCE) {
            return Counted::Through;
        }
        kind.left_out += 1;
        match kind.left_out {
            1 => Counted::First,
            _ => Counted::LeftOut,
        }
    }

    fn example(&mut self, kind: K, text: String) {
        self.0.entry(kind).or_default().example = Some(text);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Through,
    /// The first that is suppressed.
    First,
    LeftOut,
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
        let kind = metadata.callsite();
        let counted = self.kinds().count(kind.clone(), now());
        if counted == Counted::First {
            // Formatted without the lock: formatting the values may log, or panic.
            let mut text = Text::default();
            event.record(&mut text);
            self.kinds().example(kind, text.0);
        }
        counted == Counted::Through
    }
}

/// The message of an event without its fields.
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
    fn a_flood_of_one_kind_is_suppressed_and_counted_and_other_kinds_are_not() {
        let (mut kinds, start) = (Kinds::default(), now());
        let through = |kinds: &mut Kinds<_>, kind: &'static str, from: u32, to: u32, at| {
            let line = |n: &u32| {
                let counted = kinds.count(kind, at);
                if counted == Counted::First {
                    kinds.example(kind, format!("line {n}"));
                }
                counted == Counted::Through
            };
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
