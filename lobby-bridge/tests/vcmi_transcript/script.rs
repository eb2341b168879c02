//! The format of recorded conversations.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Transcript {
    pub(crate) scenario: String,
    pub(crate) requires: Option<String>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Step {
    Open {
        conn: String,
    },
    Send {
        conn: String,
        send_hex: String,
        chunk: Option<usize>,
        delay_ms: Option<u64>,
    },
    Expect {
        conn: String,
        expect_text: Option<String>,
        expect_hex: Option<String>,
        encoding: Option<String>,
    },
    ExpectAny {
        conn: String,
        options: Vec<String>,
    },
    ExpectFinal {
        conn: String,
        r#final: HashMap<String, String>,
    },
    ExpectMessages {
        conn: String,
        messages: Vec<String>,
    },
    ExpectEof {
        conn: String,
    },
    ExpectSilence {
        conn: String,
        ms: Option<u64>,
    },
    Close {
        conn: String,
        mode: Option<String>,
    },
    Shutdown {
        conn: String,
    },
    Sleep {
        ms: u64,
    },
    SendRandom {
        conn: String,
        seed: String,
        length: usize,
        background: Option<bool>,
    },
    ExpectRandom {
        conn: String,
        seed: String,
        length: usize,
    },
}
