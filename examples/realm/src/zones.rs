//! Which zones are running, and where.

use crate::{
    client::{ApiError, get},
    ids::ZoneId,
};
use metaserve::program::table::Table;
use serde::{Deserialize, Serialize};

/// A zone that is running, as a gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    pub zone: ZoneId,
    /// The name of its host.
    pub host: String,
    /// Where the host serves it.
    pub url: String,
    /// The epoch of its owner's claim.
    pub epoch: u64,
    /// How many players are there.
    pub players: usize,
}

#[derive(Deserialize)]
struct Zones {
    zones: Vec<Row>,
}

/// All zones that are running.
///
/// # Errors
/// No gateway can be reached.
pub async fn all(gateways: &[String]) -> Result<Vec<Row>, ApiError> {
    Ok(get::<Zones>(gateways, "zones").await?.zones)
}

/// The same as a table.
///
/// # Errors
/// No gateway can be reached.
pub async fn table(gateways: &[String]) -> Result<String, ApiError> {
    let all = all(gateways).await?;
    if all.is_empty() {
        return Ok("no zone is running: each is started when somebody goes there".to_owned());
    }
    let mut table = Table::new(["ZONE", "HOST", "EPOCH", "PLAYERS"]);
    for row in all {
        table.row([
            row.zone.to_string(),
            row.host,
            row.epoch.to_string(),
            row.players.to_string(),
        ]);
    }
    Ok(table.to_string().trim_end().to_owned())
}
