//! Banned addresses and prefixes, in a file that the operator keeps.
//!
//! ```text
//! # One address or prefix per line; a number sign begins a remark.
//! 192.0.2.7
//! 198.51.100.0/24   # 2026-11-21T10:00:00Z floods
//! 2001:db8::/32
//! ```
//!
//! [`Bans`] is what a file says, for looking addresses up (`lookup.rs`); `file.rs` reads the text,
//! and [`change_file`] with [`ban`] and [`unban`] (`edit.rs`) changes it.

mod edit;
mod file;
mod lookup;

pub use edit::{Edited, ban, change_file, unban};
pub use file::{BadLine, BanFileError, prefix};
pub use lookup::Bans;
