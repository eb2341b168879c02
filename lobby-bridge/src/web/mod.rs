//! HTTP for protocols that need it: one listener for all that share an address.
//!
//! ```text
//!  TCP ──▶ listener.rs: places, slow clients ──▶ client.rs: whose request, how often, banned?
//!       ──▶ the routes of a protocol ──▶ body.rs ──▶ master/: the owner of its list
//!                                    └─▶ page.rs: a list that is made once for all who fetch it
//! ```
//!
//! [`ServerList`] is where a protocol begins that has a list of servers over HTTP.

mod body;
mod certificate;
mod client;
mod listener;
mod master;
mod page;
mod reply;
mod settings;
mod sites;

pub(crate) use self::{
    body::read,
    certificate::Certificate,
    client::Client,
    listener::{Caller, Listener, Patience, Tls},
    master::{Counter, Ready, WebList, Worker},
    page::{Maker, Page, Source, page},
    sites::Site,
};
pub use self::{
    certificate::{CertificateError, described},
    master::{
        Effect, Errand, Event, ListLobby, ListSettings, Native, News, Orders, RegistryLimits,
        ServerList, Shown, ShownOf,
    },
    reply::Reply,
    settings::{Limits, Settings, WebSettings},
    sites::{BindError, Sites},
};

#[cfg(test)]
pub(crate) use self::master::net;
