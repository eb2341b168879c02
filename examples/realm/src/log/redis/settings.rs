//! Whether a Redis is set up to lose nothing.

use super::connections::Connections;
use crate::log::LogError;
use redis::cmd;
use std::collections::HashMap;

pub(super) async fn warnings(connections: &Connections) -> Result<Vec<String>, LogError> {
    connections.query::<String>(&cmd("PING")).await?;
    let mut warnings = Vec::new();
    let wanted = [
        (
            "appendonly",
            "yes",
            "what happened since its last snapshot is lost when it ends",
        ),
        (
            "appendfsync",
            "always",
            "the last second can be lost when the machine loses power",
        ),
        (
            "maxmemory-policy",
            "noeviction",
            "it forgets zones and characters when its memory is full",
        ),
    ];
    for (setting, value, otherwise) in wanted {
        let is = match setting_of(connections, setting).await {
            Err(LogError::Away(why)) => return Err(LogError::Away(why)),
            Err(why) => {
                warnings.push(format!(
                    "Cannot tell whether Redis is set up to lose nothing ({why}): it should have \
                     {setting} {value}."
                ));
                break;
            }
            Ok(is) => is,
        };
        if is != value {
            warnings.push(format!(
                "Redis has {setting} {is}: {otherwise}. Set {setting} {value} in redis.conf."
            ));
        }
    }
    Ok(warnings)
}

async fn setting_of(connections: &Connections, setting: &str) -> Result<String, LogError> {
    let mut get = cmd("CONFIG");
    get.arg("GET").arg(setting);
    let mut settings: HashMap<String, String> = connections.query(&get).await?;
    Ok(settings.remove(setting).unwrap_or_default())
}
