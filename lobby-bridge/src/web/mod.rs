//! HTTP for protocols that need it: one listener for all that share an address.
//!
//! ```text
//!  TCP ──▶ listener.rs: places, slow clients ──▶ client.rs: whose request, how often, banned?
//!       ──▶ the routes of a protocol ──▶ body.rs ──▶ ask.rs: the owner of its state
//!                                    └─▶ page.rs: a list that is made once for all who fetch it
//! ```

mod ask;
mod body;
mod certificate;
mod client;
mod listener;
mod page;
mod reply;
mod settings;
mod sites;

pub(crate) use self::{
    ask::ask,
    body::read,
    certificate::Certificate,
    client::Client,
    listener::{Caller, Listener, Patience, Tls},
    page::{Maker, Page, Source, page},
    reply::Reply,
    sites::Site,
};
pub use self::{
    certificate::{CertificateError, described},
    settings::{Limits, Settings, WebSettings},
    sites::{BindError, Sites},
};
