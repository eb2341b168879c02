//! The format of recorded conversations.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Transcript {
    pub(crate) scenario: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) conn: Option<String>,
    pub(crate) open: Option<String>,
    pub(crate) send_hex: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) expect_hex: Option<String>,
    pub(crate) quiet: Option<f64>,
    pub(crate) drain: Option<f64>,
    pub(crate) http: Option<Http>,
    pub(crate) until: Option<f64>,
    pub(crate) expect: Expected,
    pub(crate) close: bool,
}

#[derive(Deserialize)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) multipart: Option<String>,
    pub(crate) family: Option<u8>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Expected {
    pub(crate) status: Value,
    pub(crate) json: Option<Value>,
    pub(crate) contains: Option<String>,
}
