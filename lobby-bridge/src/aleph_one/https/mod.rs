//! The HTTPS service beside the login daemon: it exchanges passwords for tokens, so that passwords
//! do not travel in clear (`docs/specifications/myth-metaserver.md`, section 9).
//!
//! ```text
//!  client ──TLS──▶ web: places, deadlines ──▶ service.rs: routes
//!                               ├─ tokens.rs: /metaclient/login, signup ─▶ Accounts
//!                               └─ page.rs: /metaclient/settings
//! ```
//!
//! Tokens do not depend on the salt of a login (section 8.5 leaves that open), because other
//! programs that store tokens in the same database know no salts.

mod form;
mod page;
mod pages;
mod service;
mod settings;
mod tokens;
mod web;

pub use service::{BindError, Service};
pub use settings::{Limits, Settings};

pub use crate::web::{CertificateError, described};

/// The host name that is built into released versions of Aleph One. They check that a certificate
/// covers it even if players have switched verification off.
pub const HOST: &str = "metaserver.lhowon.org";
