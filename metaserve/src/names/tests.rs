//! Names in virtual time: what peers are told, and a model that checks any interleaving.

mod bounds;
mod daemon;
mod model;
mod oracle;
mod settling;
mod stories;
mod watches;
