//! The format of recorded conversations.

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Transcript {
    pub(crate) scenario: String,
    pub(crate) profile: String,
    #[serde(default)]
    pub(crate) features: Vec<String>,
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(crate) struct Setup {
    #[serde(default)]
    pub(crate) accounts: Vec<Account>,
    #[serde(default)]
    pub(crate) hubs: Vec<Hub>,
}

#[derive(Deserialize)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) moderator: bool,
    pub(crate) hide_in_room: bool,
    pub(crate) token_hex: Option<String>,
    #[serde(default)]
    pub(crate) token_age: u32,
}

#[derive(Deserialize)]
pub(crate) struct Hub {
    pub(crate) id: u16,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) network_version: String,
}

/// One step. Its kind follows from the fields that are present.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) t: u32,
    pub(crate) conn: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) within: Option<f64>,
    pub(crate) open: Option<String>,
    pub(crate) pong: Option<bool>,
    pub(crate) send_hex: Option<String>,
    pub(crate) frag: Option<usize>,
    pub(crate) gap: Option<f64>,
    pub(crate) r#type: Option<u16>,
    pub(crate) expect_hex: Option<String>,
    pub(crate) expect_list: Option<Vec<String>>,
    pub(crate) expect_rooms: Option<bool>,
    pub(crate) expect_notices: Option<Notices>,
    pub(crate) expect_keepalive: Option<(f64, f64)>,
    pub(crate) expect_close: Option<f64>,
    pub(crate) expect_silence: Option<f64>,
    pub(crate) expect_no_keepalive: Option<f64>,
    pub(crate) discard: Option<f64>,
    pub(crate) close: Option<bool>,
    pub(crate) sleep: Option<f64>,
    pub(crate) gamehost: Option<GameHost>,
    pub(crate) gamehost_check: Option<GameHostCheck>,
    pub(crate) quiet: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Notices {
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
    pub(crate) settle: Option<f64>,
    pub(crate) lines: Vec<Line>,
    pub(crate) note: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) equals_hex: Option<String>,
    pub(crate) contains_hex: Vec<String>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct GameHost {
    pub(crate) name: String,
    pub(crate) tcp: Option<String>,
    pub(crate) udp: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct GameHostCheck {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) joiner: bool,
    pub(crate) pings: Option<(usize, usize)>,
    #[serde(default)]
    pub(crate) crc_ok: bool,
}
