//! One script for each method that must happen whole.

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
        Script::new(concat!(
            include_str!("lua/prelude.lua"),
            include_str!($file)
        ))
    };
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
