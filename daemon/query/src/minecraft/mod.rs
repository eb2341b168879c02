//! Minecraft: the Java edition over TCP, the Bedrock edition over UDP.
//!
//! ```text
//!  java ──▶ status (1.7 and later)      ─┐
//!      └──▶ legacy (1.6, 1.4 and before) ─┴──▶ chat: texts as trees ──▶ ServerInfo
//!  bedrock ─────────────────────────────────────────────────────────▶
//! ```

mod bedrock;
mod chat;
mod java;
mod legacy;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use bedrock::dialogue;
pub(crate) use java::calls;

use crate::Unanswered;

fn malformed(what: &str) -> Unanswered {
    Unanswered::Malformed(what.to_owned())
}
