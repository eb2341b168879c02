//! Strangers cause log lines: of each kind so many are written and the others counted.

use crate::{connection::now, rate::Bucket};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Event, Level, Metadata, callsite::Identifier, field};
use tracing_subscriber::layer::{Context, Filter};

/// Lets through 50 lines of one kind at once, and 5 a second lastingly: what a person can read, and
/// less than 100 MB a day. A kind is a place in our source. Lines for debugging are all let
/// through: whoever asks for them wants them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet(Arc<Mutex<HashMap<Identifier, Kind>>>);

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
            for (left_out, example) in self.left_out() {
                tracing::warn!("{left_out} more lines were left out such as: {example}");
            }
        }
    }

    /// What was left out since this was asked last: how many lines of a kind, and one of them.
    fn left_out(&self) -> Vec<(u64, String)> {
        let mut kinds = self.kinds();
        let some = kinds.values_mut().filter(|kind| kind.left_out > 0);
        some.map(|kind| {
            let count = std::mem::take(&mut kind.left_out);
            (count, std::mem::take(&mut kind.example))
        })
        .collect()
    }

    /// Whether one more line of this kind is written. `text` is asked for the first that is not.
    fn lets_through(&self, kind: Identifier, now: Instant, text: impl FnOnce() -> String) -> bool {
        let mut kinds = self.kinds();
        let kind = kinds.entry(kind).or_default();
        let through = kind.bucket.spend(now, PER_SECOND, AT_ONCE);
        if !through {
            if kind.left_out == 0 {
                kind.example = text();
            }
            kind.left_out += 1;
        }
        through
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lets_through(metadata.callsite(), now(), || {
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
        let kinds = [tracing::info_span!("one"), tracing::info_span!("other")];
        let [one, other] = kinds.map(|span| span.metadata().unwrap().callsite());
        let (quiet, start) = (Quiet::default(), now());
        let through = |kind: &Identifier, from: u32, to: u32, at| {
            let line = |n: &u32| quiet.lets_through(kind.clone(), at, || format!("line {n}"));
            (from..to).filter(line).count()
        };
        assert_eq!(through(&one, 0, 1_000, start), 50);
        assert_eq!(through(&other, 0, 10, start), 10);
        assert_eq!(quiet.left_out(), [(950, "line 50".to_owned())]);
        assert_eq!(quiet.left_out(), []);
        let later = start + Duration::from_secs(2);
        assert_eq!(through(&one, 1_000, 2_000, later), 10);
        assert_eq!(quiet.left_out(), [(990, "line 1010".to_owned())]);
    }
}
