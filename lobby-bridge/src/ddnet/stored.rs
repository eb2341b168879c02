//! The file of the list: the seed of the tokens, and the servers with what they have said, so that a
//! restart is not noticed. Pure. (`docs/specifications/ddnet-register.md`, sections 4 and 9.)

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{address::Address, entries::Servers};

/// The content of the file. It contains secrets of servers.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredList {
    /// 32 bytes as hexadecimal digits.
    pub seed: String,
    /// The servers.
    #[serde(default)]
    pub servers: Vec<Stored>,
}

/// A server in the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Its secret.
    pub secret: String,
    /// The number of its information.
    pub serial: u64,
    /// Its information.
    pub info: Box<RawValue>,
    /// Its addresses, each with the time of the last success, in milliseconds since 1970.
    pub addresses: Vec<(String, u64)>,
}

impl Stored {
    /// The addresses, with the times by this run's clock. Those that cannot be read are left out.
    pub(super) fn addresses(
        &self,
        now: Instant,
        wall: SystemTime,
    ) -> impl Iterator<Item = (Address, Instant)> {
        self.addresses.iter().filter_map(move |(address, at)| {
            let success = UNIX_EPOCH.checked_add(Duration::from_millis(*at))?;
            // A success in the future was before the clock was set back.
            let age = wall.duration_since(success).unwrap_or_default();
            Some((address.parse().ok()?, now.checked_sub(age)?))
        })
    }
}

impl StoredList {
    /// Makes the content of the file. `now` and `wall` are of the same moment.
    #[must_use]
    pub fn new(seed: &[u8; 32], servers: &Servers, now: Instant, wall: SystemTime) -> Self {
        let stored = servers.iter().filter_map(|(secret, entry)| {
            let info = String::from_utf8(entry.info.json().to_vec()).ok()?;
            let addresses = entry.addresses.iter().map(|(address, success)| {
                let at = wall.checked_sub(now.saturating_duration_since(*success));
                let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let since = since.unwrap_or_default();
                (address.to_string(), since.as_millis() as u64)
            });
            Some(Stored {
                secret: secret.as_str().to_owned(),
                serial: entry.serial,
                info: RawValue::from_string(info).ok()?,
                addresses: addresses.collect(),
            })
        });
        Self {
            seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(),
            servers: stored.collect(),
        }
    }

    /// The seed; `None` if it is not 32 bytes.
    #[must_use]
    pub fn seed(&self) -> Option<[u8; 32]> {
        if self.seed.len() != 64 || !self.seed.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(self.seed.get(2 * at..2 * at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        bytes?.try_into().ok()
    }
}
