//! Kinds of values, written in the same way in every program.

use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
    error::ErrorKind,
};
use std::{ffi::OsStr, ops::RangeInclusive, time::Duration};

/// A number or a measure: it has an order and a written form.
pub trait Quantity: Copy + Ord + Send + Sync + 'static {
    /// Parses it.
    ///
    /// # Errors
    /// When the text is something else; the error says what to write.
    fn read(text: &str) -> Result<Self, String>;

    /// Writes it.
    fn write(self) -> String;
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Quantity for $number {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| match !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
                    true => format!("{text} is out of range: choose a smaller number"),
                    false => format!("{text:?} is not a whole number of 0 or more"),
                })
            }

            fn write(self) -> String {
                self.to_string()
            }
        })*
    };
}

numbers!(u16 u32 u64 usize);

/// With units, such as `200ms` or `1m 30s`; a number without unit is in seconds.
impl Quantity for Duration {
    fn read(text: &str) -> Result<Self, String> {
        let seconds = text.parse().map(Self::from_secs);
        seconds.or_else(|_| {
            humantime::parse_duration(text).map_err(|error| {
                format!(
                    "{text:?} is not a duration ({error}): write a duration like 200ms, 3s or 1m, or \
                     a number of seconds"
                )
            })
        })
    }

    fn write(self) -> String {
        humantime::format_duration(self).to_string()
    }
}

/// Accepts quantities within bounds: see [`within`].
#[derive(Clone, Debug)]
pub struct Within<T>(RangeInclusive<T>);

/// Accepts numbers or durations from the lowest to the highest sensible value, for
/// `#[arg(value_parser = within(1..=1024))]`.
#[must_use]
pub fn within<T: Quantity>(bounds: RangeInclusive<T>) -> Within<T> {
    Within(bounds)
}

impl<T: Quantity> Within<T> {
    fn read(&self, text: &str) -> Result<T, String> {
        let (lowest, highest) = (*self.0.start(), *self.0.end());
        let way_out = |value: T| match value < lowest {
            true => format!("{} or more, up to {}", lowest.write(), highest.write()),
            false => format!("{} or less, down to {}", highest.write(), lowest.write()),
        };
        match T::read(text) {
            Ok(value) if self.0.contains(&value) => Ok(value),
            Ok(value) => Err(format!(
                "{} is out of range: choose {}",
                value.write(),
                way_out(value)
            )),
            // The number is larger than the type can hold.
            Err(_) if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) => Err(
                format!("{text} is out of range: choose {}", way_out(highest)),
            ),
            Err(problem) => Err(problem),
        }
    }
}

impl<T: Quantity> TypedValueParser for Within<T> {
    type Value = T;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, text: &OsStr) -> Result<T, clap::Error> {
        self.read(&text.to_string_lossy())
            .map_err(|problem| clap::Error::raw(ErrorKind::ValueValidation, problem))
    }

    /// A hidden value that shows the bounds: clap has no other place for them.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let (lowest, highest) = (self.0.start().write(), self.0.end().write());
        let bounds = PossibleValue::new(format!("{lowest} to {highest}")).hide(true);
        Some(Box::new(std::iter::once(bounds)))
    }
}

/// Parses `on` or `off`, or `true` or `false`, for `#[arg(action = ArgAction::Set, value_parser =
/// switch)]`.
///
/// # Errors
/// When the text is something else.
pub fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("write on or off"),
    }
}
