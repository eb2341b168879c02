//! The format of transcripts.

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Transcript {
    pub(crate) scenario: String,
    /// The settings of the master; by default it lists any address.
    pub(crate) settings: Option<Vec<String>>,
    pub(crate) steps: Vec<Step>,
}

/// One step. What it does is said by the fields that it has.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) conn: String,
    /// The family of a new socket, `udp4` or `udp6`.
    pub(crate) open: Option<String>,
    pub(crate) send_hex: Option<String>,
    pub(crate) expect_hex: Option<String>,
    pub(crate) within: Option<f64>,
    pub(crate) quiet: Option<f64>,
    pub(crate) drain: Option<f64>,
    pub(crate) sleep: Option<f64>,
    pub(crate) close: bool,
    pub(crate) expect_servers: Option<Vec<String>>,
    pub(crate) count: Option<usize>,
    pub(crate) not: Vec<String>,
    pub(crate) ext: bool,
    pub(crate) exact: bool,
    pub(crate) register_many: Option<usize>,
    pub(crate) heartbeat: String,
    /// What each of many servers is asked; by default the question of Quake III.
    pub(crate) question: Option<String>,
    pub(crate) info: String,
}
