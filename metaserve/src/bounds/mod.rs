//! Who may have how much of what is scarce: shared fairly by address, so that a few addresses
//! cannot take everything.
//!
//! ```text
//!  address ──▶ Origin ──▶ Fair: a tree of prefixes ──▶ admitted, admitted instead of another, refused
//!                           ▲
//!                        Places: the same behind a lock, with a guard for each place
//! ```
//!
//! [`Origin`] says for which prefixes an address counts. [`Fair`] is the rule, without lock, clock
//! or socket. [`Places`] is what a program holds. [`Bucket`] is how often something may happen.
//! [`Rows`] shares the rows of the list, and [`Order`] is how they follow each other where only
//! the first are shown.
//! [`Trusted`] are prefixes that the operator knows to belong to many.

mod bucket;
mod fair;
mod order;
mod origin;
mod places;
mod rows;
mod trusted;

pub use bucket::Bucket;
pub use fair::{Admitted, Fair, Id, Refused};
pub use order::{InvalidPosition, Order, Position};
pub use origin::{Origin, Prefix};
pub use places::{Place, Places, Room, Taken};
pub use rows::{Rows, Standing, Waiting};
pub use trusted::{InvalidPrefix, Trusted, TrustedPrefix};
