//! The command line of the old VCMI proxy server: `key=value` words in any order
//! (section 13.1 of its specification).

use std::{net::SocketAddr, str::FromStr, time::Duration};

use crate::options::{Options, Seconds};

const DEFAULT_PORT: u16 = 5002;

/// The old words of a command line, understood.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// What the operator should read about them, in the old program's words where it had some.
    pub(crate) remarks: Vec<String>,
    any: bool,
    log: Option<String>,
    port: Option<u16>,
    capacity: Option<usize>,
    healthcheck: Option<u64>,
}

impl Words {
    /// Never fails: what cannot be used is remarked on, and the default stays.
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
                // The old program ignored what it did not know.
                _ => {}
            }
        }
        parsed
    }

    /// `options` with the words in them. A flag wins over a word, so `is_flag` says which of
    /// the options were given as flags; a word wins over the environment.
    pub(crate) fn apply(&self, mut options: Options, is_flag: impl Fn(&str) -> bool) -> Options {
        fn fill<T>(option: &mut Option<T>, is_flag: bool, word: Option<T>) {
            if let (false, Some(word)) = (is_flag, word) {
                *option = Some(word);
            }
        }
        let port = self
            .port
            .or((self.any && options.vcmi.is_none()).then_some(DEFAULT_PORT));
        let listen = port.map(|port| SocketAddr::from(([0; 8], port)));
        let healthcheck = self
            .healthcheck
            .map(|seconds| Seconds(Duration::from_secs(seconds)));
        fill(&mut options.vcmi, is_flag("vcmi"), listen);
        fill(
            &mut options.vcmi_capacity,
            is_flag("vcmi_capacity"),
            self.capacity,
        );
        fill(
            &mut options.vcmi_healthcheck,
            is_flag("vcmi_healthcheck"),
            healthcheck,
        );
        fill(&mut options.log, is_flag("log"), self.log.clone());
        options
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
