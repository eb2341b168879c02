//! One script for each method that must happen whole.

use crate::log::{MOST_CHAT, MOST_INPUT, MOST_MAIL, MOST_OUTPUT};
use redis::Script;
use std::sync::LazyLock;

pub(super) struct Scripts {
    pub(super) admit: Script,
    pub(super) append: Script,
    pub(super) post: Script,
    pub(super) take: Script,
    pub(super) commit: Script,
    pub(super) woken: Script,
    pub(super) absent: Script,
    pub(super) saved: Script,
}

macro_rules! script {
    ($file:literal) => {
        script(include_str!($file))
    };
}

fn script(body: &str) -> Script {
    let prelude = include_str!("lua/prelude.lua");
    Script::new(&format!(
        "local most_input, most_output = {MOST_INPUT}, {MOST_OUTPUT}\n\
         local most_mail, most_chat = {MOST_MAIL}, {MOST_CHAT}\n{prelude}{body}"
    ))
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    admit: script!("lua/admit.lua"),
    append: script!("lua/append.lua"),
    post: script!("lua/post.lua"),
    take: script!("lua/take.lua"),
    commit: script!("lua/commit.lua"),
    woken: script!("lua/woken.lua"),
    absent: script!("lua/absent.lua"),
    saved: script!("lua/saved.lua"),
});
