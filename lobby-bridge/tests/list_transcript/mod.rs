//! Plays recorded conversations of game servers and clients with a list.

#![allow(dead_code, reason = "each test file uses what it needs")]

mod bytes;
mod http;
mod json;
mod player;
mod script;

#[allow(unused_imports, reason = "each test file uses what it needs")]
pub(crate) use self::{
    http::{Answer, Request, ask, read},
    player::Player,
    script::Transcript,
};
