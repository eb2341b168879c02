//! Names in virtual time: what peers are told, and a model that checks any interleaving.

mod model;
mod oracle;
mod stories;
mod watches;
