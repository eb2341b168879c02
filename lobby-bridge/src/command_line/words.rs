//! The command line of the old VCMI proxy server: `key=value` words in any order
//! (`docs/specifications/vcmi-lobby.md`, section 13.1).

use std::{net::SocketAddr, str::FromStr};

use metaserve::program::settings::Given;

use crate::settings::BridgeSettings;

const DEFAULT_PORT: u16 = 5002;

/// The old words of a command line, parsed.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Remarks for the operator, with the old program's text where it had one.
    pub(crate) remarks: Vec<String>,
    any: bool,
    log: Option<String>,
    port: Option<u16>,
    capacity: Option<usize>,
    healthcheck: Option<u64>,
}

impl Words {
    /// Never fails: an invalid word leads to a remark and the default.
    pub(crate) fn parse(words: &[String]) -> Self {
        let mut parsed = Self {
            any: !words.is_empty(),
            ..Self::default()
        };
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "logging" => parsed.logging(value),
                "port" => {
                    parsed.port = parsed.number(
                        word,
                        value,
                        1,
                        "Cannot listen port 0, continue with default 5002",
                    );
                }
                "capacity" => {
                    parsed.capacity = parsed.number(
                        word,
                        value,
                        1,
                        "Cannot limit connections capacity with 0, continue with default 50",
                    );
                }
                "healthcheck" => {
                    parsed.healthcheck = parsed.number(
                        word,
                        value,
                        10,
                        "Too frequent timer for healthcheck, continue with default 30",
                    );
                }
                // The old program ignored unknown words.
                _ => {}
            }
        }
        parsed
    }

    /// Sets what the words mean. Flags override them, and they override the environment.
    pub(crate) fn say(&self, given: &mut Given<BridgeSettings>) {
        let port = self
            .port
            .or((self.any && !given.has("vcmi")).then_some(DEFAULT_PORT));
        if let Some(port) = port {
            let listen = SocketAddr::from(([0; 8], port)).to_string();
            given.say("vcmi", listen, &format!("port={port}"));
        }
        if let Some(capacity) = self.capacity {
            let word = format!("capacity={capacity}");
            given.say("vcmi-capacity", capacity.to_string(), &word);
        }
        if let Some(seconds) = self.healthcheck {
            let word = format!("healthcheck={seconds}");
            given.say("vcmi-healthcheck", seconds.to_string(), &word);
        }
        if let Some(level) = &self.log {
            given.say("log", level, &format!("logging={level}"));
        }
    }

    fn logging(&mut self, level: &str) {
        let level = match level {
            "debug" => "debug",
            "info" => "info",
            "warning" => "warn",
            "error" | "critical" => "error",
            _ => {
                return self.remarks.push(format!(
                    "Unknown logging level {level}, continue with default info"
                ));
            }
        };
        self.log = Some(level.to_owned());
    }

    fn number<N: FromStr + PartialOrd>(
        &mut self,
        word: &str,
        value: &str,
        least: N,
        too_small: &str,
    ) -> Option<N> {
        let Ok(number) = value.trim().parse::<N>() else {
            self.remarks.push(format!(
                "Not a usable number: {word}, continue with default"
            ));
            return None;
        };
        if number < least {
            self.remarks.push(too_small.to_owned());
            return None;
        }
        Some(number)
    }
}
