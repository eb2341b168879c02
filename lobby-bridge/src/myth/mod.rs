//! The metaserver of Myth and Aleph One.

pub mod connectivity;
pub mod description;
pub mod listing;
