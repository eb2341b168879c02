//! What players and plain clients are promised, by gateways and zone hosts over real connections.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod api;
mod chat;
mod document;
mod entry;
mod frames;
mod pages;
mod player;
mod readers;
mod resume;
mod walks;
mod world;
