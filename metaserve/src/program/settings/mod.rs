//! The settings of a program, each declared once.
//!
//! A program declares its settings as a struct with clap's derive. A field is a setting, with its
//! name, default, bounds ([`within`]) and explanation. The flag, the variable, the key in the TOML
//! file, the help, the table that `check` prints ([`Values`]) and the reference page
//! ([`reference()`]) all come from it. Values are text until all layers are merged, by name:
//!
//! ```text
//! defaults < file < environment < flags        Given::settle() -> Settled { settings, values }
//! ```
//!
//! [`Given`] is the field in the struct of a command line. It accepts the flags, and reads file
//! and environment at the start and at each reload. It reports every mistake in any of them at
//! once ([`Mistakes`]).
//!
//! ```
//! use clap::{Args, Parser};
//! use metaserve::program::{
//!     log::LogFormat,
//!     settings::{Given, Settings, within},
//! };
//!
//! #[derive(Args, Debug)]
//! struct ShopSettings {
//!     /// Serve at most this many customers at a time
//!     #[arg(long, value_name = "COUNT", default_value = "10", value_parser = within(1..=99_usize))]
//!     customers: usize,
//! }
//!
//! impl Settings for ShopSettings {
//!     type Live = Self;
//!     const VARIABLES: &str = "SHOP_";
//!
//!     fn log(&self) -> (&str, LogFormat) {
//!         ("info", LogFormat::Auto)
//!     }
//! }
//!
//! #[derive(Parser)]
//! struct CommandLine {
//!     #[command(flatten)]
//!     settings: Given<ShopSettings>,
//! }
//!
//! let line = CommandLine::parse_from(["shop", "--customers", "100"]);
//! let mistakes = line.settings.settle().unwrap_err();
//! assert!(mistakes.to_string().contains("--customers: 100 is out of range: choose 99 or less"));
//! ```

mod contract;
mod declared;
mod environment;
mod file;
mod given;
mod kinds;
mod layer;
mod mistakes;
mod page;
mod running;
#[cfg(test)]
mod tests;

pub use contract::{Fixed, Settings};
pub use declared::DeclaredSetting;
pub use given::{Given, Settled};
pub use kinds::{Quantity, Within, switch, within};
pub use layer::Values;
pub use mistakes::{Mistake, Mistakes, Problem};
pub use page::reference;
pub use running::Running;
