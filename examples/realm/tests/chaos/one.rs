//! Looks while all goes on whether somebody is in two zones.

use crate::world::zones;
use realm::ids::{Name, ZoneId};
use redis::aio::MultiplexedConnection;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Reads the players of all zones at one time, again and again.
pub(super) struct Watch {
    looks: AbortOnDropHandle<()>,
    count: tokio::sync::watch::Receiver<u64>,
}

impl Watch {
    pub(super) fn start(url: String) -> Self {
        let (count, counted) = tokio::sync::watch::channel(0);
        let looks = tokio::spawn(async move {
            let client = redis::Client::open(url).unwrap();
            let mut connection = None;
            loop {
                sleep(PAUSE).await;
                if connection.is_none() {
                    connection = client.get_multiplexed_async_connection().await.ok();
                }
                let Some(there) = &mut connection else {
                    continue;
                };
                match players(there).await {
                    Ok(players) => {
                        for (name, zones) in &players {
                            assert_eq!(zones.len(), 1, "{name} is in {zones:?}");
                        }
                        count.send_modify(|it| *it += u64::from(!players.is_empty()));
                    }
                    // It restarts.
                    Err(_) => connection = None,
                }
            }
        });
        Self {
            looks: AbortOnDropHandle::new(looks),
            count: counted,
        }
    }

    /// How often it has seen somebody. Fails if somebody was in two zones.
    pub(super) async fn end(self) -> u64 {
        if self.looks.is_finished() {
            self.looks.await.unwrap();
            unreachable!("it looks for ever");
        }
        let count = *self.count.borrow();
        assert!(count > 0, "nobody was seen");
        count
    }
}

/// The zones of everybody who is in one, in one transaction.
async fn players(
    redis: &mut MultiplexedConnection,
) -> redis::RedisResult<BTreeMap<Name, Vec<ZoneId>>> {
    let mut read = redis::pipe();
    read.atomic();
    let zones: Vec<_> = zones().collect();
    for zone in &zones {
        read.hvals(format!("z:{zone}:obj"));
    }
    let objects: Vec<Vec<String>> = read.query_async(redis).await?;
    let mut players: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (zone, objects) in zones.iter().zip(objects) {
        for object in objects {
            let object: realm::object::Object = serde_json::from_str(&object).unwrap();
            if let Some(player) = object.player {
                players.entry(player.name).or_default().push(zone.clone());
            }
        }
    }
    Ok(players)
}
