//! Mistakes in settings. All of them are reported at once.

use super::layer::Origin;
use std::fmt;

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    place: String,
    problem: String,
}

/// Two settings contradict each other, or one makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The name of the setting.
    pub setting: &'static str,
    /// What is wrong, and what to do.
    pub what: String,
}

/// All mistakes in settings, one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<Mistake>);

impl Problem {
    /// The setting with this name, and what is wrong with it.
    #[must_use]
    pub fn new(setting: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { setting, what }
    }
}

impl Mistake {
    /// A mistake at a place, such as a line of a file.
    pub(super) fn new(place: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            problem: problem.into(),
        }
    }

    /// An invalid value of a setting.
    pub(super) fn of_value(name: &str, origin: &Origin, problem: &str) -> Self {
        match origin {
            Origin::Line { .. } => Self::new(origin, format!("`{name}`: {problem}")),
            _ => Self::new(origin, problem),
        }
    }

    /// Settings that contradict each other.
    pub(super) fn of_settings(origin: &Origin, problem: String) -> Self {
        match origin {
            // The problem already contains the name of the flag.
            Origin::Flag(_) | Origin::Default => Self::new("", problem),
            _ => Self::new(origin, problem),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.is_empty() {
            true => f.write_str(&self.problem),
            false => write!(f, "{}: {}", self.place, self.problem),
        }
    }
}

impl Mistakes {
    /// An error if there are any mistakes.
    pub(super) fn found(mistakes: Vec<Mistake>) -> Result<(), Self> {
        match mistakes.is_empty() {
            true => Ok(()),
            false => Err(Self(mistakes)),
        }
    }

    /// A mistake that is not about a single setting.
    pub(super) fn of(error: &impl fmt::Display) -> Self {
        Self(vec![Mistake::new("", error.to_string())])
    }

    /// Iterates over them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [mistake] = &self.0[..] {
            return write!(f, "{mistake}");
        }
        write!(f, "{} mistakes in the settings", self.0.len())?;
        self.0.iter().try_for_each(|it| write!(f, "\n  {it}"))
    }
}
