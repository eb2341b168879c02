//! What is known of one game server, and whether it belongs on the list: pure.

use bytes::Bytes;
use metaserve::{ServerInfo, printable_name};
use std::time::{Duration, Instant};

/// After so many unanswered queries in a row a server leaves the list.
pub(super) const SILENCES: u32 = 3;

/// A server that has not answered is asked again so soon, if its interval is longer.
const SOON: Duration = Duration::from_secs(5);

/// How many different reasons for one silence are told.
const MOST_REASONS: usize = 4;

/// For how long answers are passed over once a server has told that it ends: it may still answer.
const ENDING: Duration = Duration::from_secs(10);

/// What happens to a server.
#[derive(Debug)]
pub(super) enum Event {
    /// It has answered a query.
    Answered(Bytes),
    /// It has not, for this reason.
    Unanswered(String),
    /// It has told its state itself, which holds for some time.
    Pushed { heartbeat: Bytes, until: Instant },
    /// It has told what to show instead of its answers for some time, while it answers.
    Described { heartbeat: Bytes, until: Instant },
    /// It has told that it ends.
    Withdrawn,
    /// Time has passed.
    Due,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It belongs on the list, with this heartbeat.
    Show(Bytes),
    /// It does not belong on the list.
    Hide,
    /// The operator should know.
    Say(Line),
}

/// What the operator should know. Text of strangers in it is printable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Listing(String),
    Waiting(String),
    NoAnswer(String),
    Gone(String),
}

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The last answer, as long as it holds.
    answer: Option<Bytes>,
    /// How many queries in a row were not answered.
    silences: u32,
    /// What was pushed, and until when it holds.
    pushed: Option<(Bytes, Instant)>,
    /// What was told to be shown instead of an answer, and until when that holds.
    described: Option<(Bytes, Instant)>,
    /// Until when answers do not count, since it has told that it ends.
    ending: Option<Instant>,
    /// What is on the list.
    shown: Option<Bytes>,
    /// The reasons that were told since the last answer.
    told: Vec<String>,
}

impl State {
    /// Takes in an event. The effects follow in their order.
    pub(super) fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut gone = String::new();
        match event {
            Event::Answered(_) if self.ending.is_some_and(|until| now < until) => {}
            Event::Answered(heartbeat) => {
                self.answer = Some(heartbeat);
                self.silences = 0;
                self.told.clear();
            }
            Event::Unanswered(reason) => {
                self.silences = self.silences.saturating_add(1);
                let was_listed = self.shown.is_some();
                if self.silences >= SILENCES {
                    self.answer = None;
                }
                let stays = self.answer.is_some() || self.pushed.is_some();
                // The line about the end has the reason as well.
                if self.is_news(&reason) && stays == was_listed {
                    effects.push(Effect::Say(match was_listed {
                        true => Line::NoAnswer(reason.clone()),
                        false => Line::Waiting(reason.clone()),
                    }));
                }
                gone = format!("it does not answer ({reason})");
            }
            Event::Pushed { heartbeat, until } => {
                self.pushed = Some((heartbeat, until));
                self.ending = None;
            }
            Event::Described { heartbeat, until } => {
                self.described = Some((heartbeat, until));
                self.ending = None;
            }
            Event::Withdrawn => {
                (self.answer, self.pushed, self.described) = (None, None, None);
                self.ending = Some(now + ENDING);
                gone = "it has told that it ends".to_owned();
            }
            Event::Due => gone = "it has not told its state in time".to_owned(),
        }
        for told in [&mut self.pushed, &mut self.described] {
            told.take_if(|(_, until)| *until <= now);
        }
        let told = |it: &Option<(Bytes, Instant)>| it.as_ref().map(|(it, _)| it.clone());
        let answer = self.answer.clone();
        let answer = answer.map(|answer| told(&self.described).unwrap_or(answer));
        let shown = told(&self.pushed).or(answer);
        let before = std::mem::replace(&mut self.shown, shown.clone());
        match (before, shown) {
            (None, Some(heartbeat)) => {
                let name = called(&heartbeat);
                effects.extend([Effect::Show(heartbeat), Effect::Say(Line::Listing(name))]);
            }
            (Some(before), Some(heartbeat)) if before != heartbeat => {
                effects.push(Effect::Show(heartbeat));
            }
            (Some(_), None) => effects.extend([Effect::Hide, Effect::Say(Line::Gone(gone))]),
            _ => {}
        }
        effects
    }

    /// How long after the last query the next one follows, for a server that is asked at this
    /// interval: never longer than that, so that it is known when a server that ends is noticed.
    /// `luck` is from 0 to 1: servers that are asked at the same time by chance do not stay together.
    pub(super) fn pause(&self, interval: Duration, luck: f64) -> Duration {
        let longest = match self.silences {
            0 => interval,
            _ => interval.min(SOON),
        };
        longest.mul_f64(0.8 + 0.2 * luck)
    }

    /// The last heartbeat could not be shown.
    pub(super) fn not_shown(&mut self) {
        self.shown = None;
    }

    /// Whether something was pushed that still holds.
    pub(super) fn is_pushed(&self) -> bool {
        self.pushed.is_some()
    }

    /// Whether something is to be shown instead of answers.
    pub(super) fn is_described(&self) -> bool {
        self.described.is_some()
    }

    /// Whether what was pushed does not hold any longer.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.pushed.as_ref().is_some_and(|(_, until)| *until <= now)
    }

    /// Whether this reason was not told since the last answer. It counts as told from now on.
    fn is_news(&mut self, reason: &str) -> bool {
        let is_news = self.told.len() < MOST_REASONS && !self.told.iter().any(|it| it == reason);
        if is_news {
            self.told.push(reason.to_owned());
        }
        is_news
    }
}

impl Line {
    /// Writes it to the log.
    pub(super) fn log(&self, server: &str) {
        match self {
            Self::Listing(name) => tracing::info!(server, "listing {name:?}"),
            Self::Waiting(reason) => {
                tracing::info!(server, "waiting for the game server: {reason}")
            }
            Self::NoAnswer(reason) => {
                tracing::info!(server, "the game server does not answer: {reason}");
            }
            Self::Gone(reason) => tracing::warn!(server, "off the list: {reason}"),
        }
    }
}

/// The name in a heartbeat, for people.
fn called(heartbeat: &[u8]) -> String {
    match ServerInfo::from_json(heartbeat) {
        Some(info) => printable_name(&info.name),
        None => format!("{} bytes", heartbeat.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn named(name: &str) -> Bytes {
        ServerInfo::new(name).to_json().into()
    }

    fn answered(name: &str) -> Event {
        Event::Answered(named(name))
    }

    fn unanswered(reason: &str) -> Event {
        Event::Unanswered(reason.to_owned())
    }

    fn show(name: &str) -> Effect {
        Effect::Show(named(name))
    }

    /// What follows from each event, all at one time.
    fn story<const N: usize>(events: [Event; N]) -> [Vec<Effect>; N] {
        let (mut state, now) = (State::default(), metaserve::time::now());
        events.map(|event| state.handle(event, now))
    }

    #[test]
    fn three_silences_in_a_row_take_a_server_off_the_list_and_an_answer_brings_it_back() {
        let listing = |name: &str| vec![show(name), Effect::Say(Line::Listing(name.into()))];
        let no_answer = Effect::Say(Line::NoAnswer("silence".into()));
        let gone = Effect::Say(Line::Gone("it does not answer (silence)".into()));
        let told = story([
            answered("a"),
            unanswered("silence"),
            unanswered("silence"),
            answered("a"),
            unanswered("silence"),
            unanswered("silence"),
            unanswered("silence"),
            unanswered("silence"),
            answered("b"),
        ]);
        assert_eq!(
            told,
            [
                listing("a"),
                vec![no_answer],
                vec![],
                vec![],
                vec![Effect::Say(Line::NoAnswer("silence".into()))],
                vec![],
                vec![Effect::Hide, gone],
                vec![],
                listing("b"),
            ]
        );
    }

    /// With an interval of ten minutes it was on the list for half an hour after its end.
    #[test]
    fn a_server_that_ends_is_off_the_list_15_s_after_its_interval_however_long_that_is() {
        for seconds in [1, 5, 60, 600] {
            let interval = Duration::from_secs(seconds);
            for luck in [0.0, 0.5, 1.0] {
                let (mut state, start) = (State::default(), metaserve::time::now());
                state.handle(answered("a"), start);
                let mut asked = start + state.pause(interval, luck);
                let gone = loop {
                    // Each query waits for as long as it may.
                    let missed = asked + metaserve_query::PATIENCE;
                    if !state.handle(unanswered("silence"), missed).is_empty()
                        && state.shown.is_none()
                    {
                        break missed;
                    }
                    asked = missed.max(asked + state.pause(interval, luck));
                };
                assert!(gone - start <= interval + Duration::from_secs(15));
            }
        }
        // Once it answers, it is asked as seldom as the operator wants.
        let (mut state, now) = (State::default(), metaserve::time::now());
        let interval = Duration::from_secs(600);
        state.handle(unanswered("silence"), now);
        assert_eq!(state.pause(interval, 1.0), SOON);
        state.handle(answered("a"), now);
        assert_eq!(state.pause(interval, 1.0), interval);
        assert_eq!(state.pause(interval, 0.0), interval.mul_f64(0.8));
    }

    #[test]
    fn each_reason_for_waiting_is_told_once_and_not_endlessly_many() {
        let mut state = State::default();
        let mut told = |reason: &str| {
            let effects = state.handle(unanswered(reason), metaserve::time::now());
            effects == [Effect::Say(Line::Waiting(reason.into()))]
        };
        let reasons = ["closed", "closed", "silence", "closed", "c", "d", "e"];
        let expected = [true, false, true, false, true, true, false];
        assert_eq!(reasons.map(&mut told), expected);
    }

    #[test]
    fn an_answer_that_stays_the_same_changes_nothing() {
        let [_, second, third] = story([answered("a"), answered("a"), answered("b")]);
        assert_eq!((second, third), (vec![], vec![show("b")]));
    }

    #[test]
    fn what_is_pushed_holds_for_its_time_and_comes_before_answers() {
        const SECOND: Duration = Duration::from_secs(1);
        let (mut state, start) = (State::default(), metaserve::time::now());
        let push = |name, seconds| Event::Pushed {
            heartbeat: named(name),
            until: start + SECOND * seconds,
        };
        state.handle(answered("asked"), start);
        assert_eq!(state.handle(push("told", 60), start), [show("told")]);
        assert_eq!(state.handle(answered("asked again"), start), []);
        assert!(!state.is_due(start + SECOND * 59));
        assert_eq!(state.handle(Event::Due, start + SECOND * 59), []);
        assert!(state.is_due(start + SECOND * 60));
        let due = state.handle(Event::Due, start + SECOND * 60);
        assert_eq!(due, [show("asked again")]);
        // Without queries it leaves the list.
        let mut state = State::default();
        state.handle(push("told", 60), start);
        let gone = state.handle(Event::Due, start + SECOND * 60);
        assert_eq!(gone[0], Effect::Hide);
    }

    #[test]
    fn a_server_that_tells_that_it_ends_leaves_at_once_and_returns_with_an_answer() {
        let until = metaserve::time::now() + Duration::from_secs(60);
        let heartbeat = named("told");
        let push = Event::Pushed { heartbeat, until };
        let [_, _, withdrawn, early] =
            story([answered("a"), push, Event::Withdrawn, answered("a")]);
        assert_eq!(withdrawn[0], Effect::Hide);
        // It still answered while it was ending, and was on the list again.
        assert_eq!(early, []);
        let (mut state, start) = (State::default(), metaserve::time::now());
        state.handle(Event::Withdrawn, start);
        assert_eq!(state.handle(answered("a"), start + ENDING)[0], show("a"));
    }

    /// Luanti tells its name and its players, and only a query says whether it is still there.
    #[test]
    fn what_a_server_tells_for_its_answers_is_shown_for_its_time_while_it_answers() {
        let (mut state, start) = (State::default(), metaserve::time::now());
        let until = start + Duration::from_secs(60);
        let describe = |name| Event::Described {
            heartbeat: named(name),
            until,
        };
        assert_eq!(state.handle(describe("told"), start), []);
        assert_eq!(state.handle(answered("asked"), start)[0], show("told"));
        assert_eq!(state.handle(describe("new"), start), [show("new")]);
        for _ in 1..SILENCES {
            state.handle(unanswered("silence"), start);
        }
        assert_eq!(state.handle(unanswered("silence"), start)[0], Effect::Hide);
        assert_eq!(state.handle(answered("asked"), start)[0], show("new"));
        assert_eq!(state.handle(answered("asked"), until), [show("asked")]);
        state.handle(describe("late"), start);
        assert_eq!(state.handle(Event::Withdrawn, start)[0], Effect::Hide);
        assert_eq!(state.handle(describe("again"), start), []);
        assert_eq!(state.handle(answered("asked"), start)[0], show("again"));
    }

    #[test]
    fn what_could_not_be_shown_is_shown_with_the_next_answer() {
        let (mut state, now) = (State::default(), metaserve::time::now());
        state.handle(answered("a"), now);
        state.not_shown();
        assert_eq!(state.handle(answered("a"), now)[0], show("a"));
    }
}
