//! The HTTPS service beside the login daemon: passwords for tokens, so that they need not travel in
//! clear (`docs/specifications/myth-metaserver.md`, section 9).
//!
//! ```text
//!  client ──TLS──▶ listener.rs: places, deadlines ──▶ service.rs: routes
//!                               ├─ tokens.rs: /metaclient/login, signup ─▶ Accounts
//!                               └─ page.rs: /metaclient/settings
//! ```
//!
//! Tokens are not bound to the salt of a login (`docs/specifications/myth-metaserver.md`,
//! section 8.5, leaves that open): other programs that store tokens in the same database know no
//! salts.

mod certificate;
mod form;
mod listener;
mod page;
mod pages;
mod service;
mod settings;
mod tokens;
mod web;

pub use certificate::{CertificateError, described};
pub use service::{BindError, Service};
pub use settings::{Limits, Settings};

/// The name that released versions of Aleph One have built in. They check that a certificate is
/// for it even when players have switched verification off.
pub const HOST: &str = "metaserver.lhowon.org";
