//! `check`: reads everything that the agent would read, asks the game servers, and says what it
//! would do.

use super::query::advice;
use crate::{
    chain,
    publish::Publisher,
    settings::{AgentSettings, Server},
    watch::place,
};
use anyhow::Context;
use futures::future::join_all;
use metaserve::{
    printable_name,
    program::{check::Check, listen},
};
use std::io::ErrorKind;
use tokio::runtime::Runtime;

pub(super) fn run(check: Check<AgentSettings>, runtime: &Runtime) -> anyhow::Result<()> {
    check.run("the agent", |settings, findings| {
        findings.add(runtime.block_on(async { daemons(settings) }))?;
        findings.add(state(settings))?;
        if let Some(push) = push(settings) {
            findings.add(push)?;
        }
        let servers = settings.servers();
        for line in runtime.block_on(join_all(servers.iter().map(server))) {
            findings.add(Ok::<_, anyhow::Error>(line))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn daemons(settings: &AgentSettings) -> anyhow::Result<String> {
    Publisher::new(&settings.daemons(), &settings.state_dir).context("cannot publish")?;
    Ok(format!("daemon: {}\n", settings.daemon.join(", ")))
}

fn state(settings: &AgentSettings) -> anyhow::Result<String> {
    let directory = &settings.state_dir;
    let shown = directory.display();
    match std::fs::read_dir(directory) {
        Ok(_) => Ok(format!("state directory: {shown}\n")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(format!("state directory: {shown}, which will be created\n"))
        }
        Err(error) => Err(error).with_context(|| {
            format!("cannot use the state directory {shown}: choose another with --state-dir")
        }),
    }
}

fn push(settings: &AgentSettings) -> Option<anyhow::Result<String>> {
    let address = settings.push?;
    Some(match listen::tcp(address) {
        Ok(_) => Ok(format!("push: {address} (TCP)\n")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(format!(
            "push: {address} (TCP), which is in use now, perhaps by the agent\n"
        )),
        Err(error) => Err(error).with_context(|| {
            format!("cannot listen on {address}: choose another address with --push")
        }),
    })
}

/// What would become of a server. One that does not answer is no problem: it is waited for.
async fn server(server: &Server) -> String {
    let Server {
        name, game, port, ..
    } = server;
    let mut notes = Vec::new();
    if let Some(target) = &server.query
        && let Ok(Some(address)) = place::elsewhere(target).await
    {
        notes.push(place::warning(address, *port));
    }
    let said = match &server.query {
        None => "tells its state over HTTP".to_owned(),
        Some(target) => match metaserve_query::query(target).await {
            Ok(answer) => {
                let mut info = answer.info;
                if server.name_if_untold(&mut info) && !server.overrides.has("name") {
                    notes.push(server.nameless());
                }
                let elsewhere = answer.port.filter(|told| told != port);
                notes.extend(elsewhere.map(|told| place::misdirected(server, told)));
                let players = info.occupancy().map(|it| format!(", {it} players"));
                let players = players.unwrap_or_default();
                format!(
                    "{target} answers: {:?}{players}",
                    printable_name(&info.name)
                )
            }
            Err(error) => format!(
                "{target} does not answer now: {}; {}",
                chain(&error),
                advice(&error)
            ),
        },
    };
    let mut text = format!("server {name}: listed in {game} with port {port}; {said}\n");
    for note in notes {
        text.push_str(&format!("  warning: {note}\n"));
    }
    text
}
