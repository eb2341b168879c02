//! `check`: what the bridge would do with its settings.

use anyhow::Context;
use metaserve::program::{check::Check, listen, settings::Given};

use crate::{
    accounts::{Administration, sqlite_file},
    bans::Guard,
    settings::{Bridge, BridgeSettings},
};

pub(super) async fn run(given: Given<BridgeSettings>) -> anyhow::Result<()> {
    let (settled, _) = given.look();
    // Beforehand, since it waits.
    let hub = hubs(&settled.settings).await;
    Check::of(given).run("the bridge", |settings, findings| {
        if let Some(hub) = hub {
            findings.add(hub)?;
        }
        if let Some(file) = &settings.ban_file {
            let opened = Guard::open(file).map(|_| format!("bans: {}\n", file.display()));
            findings.add(opened)?;
        }
        for address in [
            settings.vcmi.vcmi,
            settings.aleph_one.aleph_one,
            settings.aleph_one.aleph_one_https,
        ]
        .into_iter()
        .flatten()
        {
            let listens = listen::tcp(address).map(|_| format!("listen: {address} (TCP)\n"));
            let listens = listens.or_else(|error| match error.kind() {
                // The bridge that runs may have it.
                std::io::ErrorKind::AddrInUse => {
                    Ok(format!("listen: {address} (TCP), which is in use now\n"))
                }
                _ => Err(error).with_context(|| format!("cannot listen on {address}")),
            });
            findings.add(listens)?;
        }
        let files = Bridge::of(settings.clone()).map(|_| String::new());
        findings.add(files.map_err(anyhow::Error::from))
    })?;
    Ok(())
}

/// Whether Aleph One's new players can gather, if there is a database to look at.
async fn hubs(settings: &BridgeSettings) -> Option<anyhow::Result<String>> {
    settings.aleph_one.aleph_one?;
    let url = settings.accounts.database(settings.state_dir());
    if sqlite_file(&url).is_some_and(|file| !file.exists()) {
        return Some(Ok(
            "database: an SQLite file, which is to be made\n".to_owned()
        ));
    }
    let look = async {
        let database = Administration::open(&url).await;
        let database = database.context("cannot open the database (--database)")?;
        let hubs = database.hubs().await?.len();
        database.close().await;
        Ok(match hubs {
            0 => "database: it can be used, but has no hub: new players of Aleph One cannot \
                  gather before they change a setting (hub add)\n"
                .to_owned(),
            _ => format!("database: {hubs} hubs\n"),
        })
    };
    Some(look.await)
}
