//! Limits on scarce resources, shared fairly by address so that a few addresses cannot take
//! everything.
//!
//! ```text
//!  address ──▶ Origin ──▶ Fair: a tree of prefixes ──▶ admitted, admitted instead of another, refused
//!                           ▲
//!                        Places: the same behind a lock, with a guard for each place
//! ```
//!
//! [`Origin`] names the prefixes that an address counts for. [`Fair`] is the algorithm, without
//! lock, clock or socket. [`Places`] is the handle that a program holds. [`Bucket`] limits a rate, and
//! [`Rates`] that of each of many.
//! [`Rows`] shares the rows of the list, and [`Order`] sorts them where only the first are shown.
//! [`Trusted`] are prefixes that the operator knows to be shared by many. [`Attempts`] limits how
//! often passwords are guessed.

mod attempts;
mod bucket;
mod fair;
mod order;
mod origin;
mod places;
mod rates;
mod rows;
mod trusted;

pub use attempts::{Attempt, AttemptLimits, Attempts};
pub use bucket::Bucket;
pub use fair::{Admitted, Fair, Id, Refused};
pub use order::{InvalidPosition, Order, Position};
pub use origin::{Origin, Prefix};
pub use places::{Place, Places, Room, Taken};
pub use rates::Rates;
pub use rows::{Rows, Standing, Waiting};
pub use trusted::{InvalidPrefix, Trusted, TrustedPrefix};
