//! `check`: reads everything that the daemon would read, and says what it would do.

use super::cert;
#[cfg(feature = "cluster")]
use crate::cluster::nats;
use crate::{
    names::{Store, Tickets},
    rules::certificates,
    settings::{Http, Settings, unprotected},
    shards::socket,
};
use anyhow::Context;
use metaserve::{
    Identity,
    bans::Bans,
    names::Proofs,
    program::{check::Check, listen},
    time::wall_clock,
    tls::{CertificateFiles, certificate::Certificate, secret::Secret},
};
use std::{fmt::Write, io::ErrorKind, net::SocketAddr, path::Path};

pub(super) fn run(check: Check<Settings>) -> anyhow::Result<()> {
    // All of them run, so that one run reports everything that is wrong.
    let checks: [fn(&Settings) -> anyhow::Result<String>; 6] =
        [listen, http, state, certificate, relays, bans];
    check.run("the daemon", |settings, findings| {
        let mut found = checks
            .iter()
            .map(|it| it(settings))
            .chain(cluster(settings))
            .chain(names(settings));
        found.try_for_each(|found| findings.add(found))
    })?;
    Ok(())
}

/// A port in use is not a problem: the daemon that will be replaced may hold it.
const IN_USE: &str = ", which is in use now, perhaps by the daemon";

fn listen(settings: &Settings) -> anyhow::Result<String> {
    let listen = settings.listen;
    let used = match socket::bind(listen) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => IN_USE,
        Err(error) => return Err(socket::explain(listen, error)),
        Ok(_) => "",
    };
    Ok(format!("listen: {listen} (UDP){used}\n"))
}

fn http(settings: &Settings) -> anyhow::Result<String> {
    let bind = |address: SocketAddr| listen::tcp(address);
    let (address, used) = match settings.http {
        Http::Off => return Ok("http: off\n".to_owned()),
        Http::IfFree(address) => (address, bind(address).err().map(|_| IN_USE)),
        Http::At(address) => match bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => (address, Some(IN_USE)),
            bound => {
                bound.with_context(|| {
                    format!("cannot serve HTTP on {address}: choose another address with --http")
                })?;
                (address, None)
            }
        },
    };
    Ok(format!(
        "http: {address} (TCP){}\n",
        used.unwrap_or_default()
    ))
}

fn state(settings: &Settings) -> anyhow::Result<String> {
    let directory = &settings.state_dir;
    let shown = directory.display();
    match std::fs::read_dir(directory) {
        Ok(_) => Ok(format!("state directory: {shown}\n")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(format!("state directory: {shown}, which will be created\n"))
        }
        Err(error) => Err(error).with_context(|| {
            format!("cannot use the state directory {shown}: choose another one with --state-dir")
        }),
    }
}

fn certificate(settings: &Settings) -> anyhow::Result<String> {
    if let Some((chain, key)) = settings.certificate() {
        let identity = certificates::from_files(&CertificateFiles::new(chain.into(), key.into()))?;
        return described(chain, &identity);
    }
    let [chain, key] = ["cert.pem", "key.pem"].map(|name| settings.state_dir.join(name));
    let missing = |path: &Path| {
        let found = path.symlink_metadata();
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    if missing(&chain) && missing(&key) {
        return Ok("certificate: self-signed, will be created\n".to_owned());
    }
    let identity = Identity::load(&chain, &key)
        .context("cannot use the daemon's own certificate: provide one with --cert and --key")?;
    described(&chain, &identity)
}

fn described(chain: &Path, identity: &Identity) -> anyhow::Result<String> {
    let mut text = format!("certificate: {}\n", chain.display());
    let certificate = Certificate::of_identity(identity)
        .with_context(|| format!("cannot read {}", chain.display()))?;
    for line in cert::describe(&certificate, wall_clock())?.lines() {
        writeln!(text, "  {line}")?;
    }
    for remark in certificate.remarks() {
        writeln!(text, "  note: {remark}")?;
    }
    Ok(text)
}

fn relays(settings: &Settings) -> anyhow::Result<String> {
    let mut text = String::new();
    for relay in &settings.live.trust_relay {
        writeln!(text, "trusted relay: {relay}")?;
    }
    Ok(text)
}

fn bans(settings: &Settings) -> anyhow::Result<String> {
    let Some(file) = &settings.ban_file else {
        return Ok(String::new());
    };
    let bans = Bans::read(file)?;
    Ok(format!(
        "bans: {}, {} prefixes\n",
        file.display(),
        bans.count(wall_clock())
    ))
}

/// The daemon's cluster, and what its NATS servers answer now.
fn cluster(settings: &Settings) -> Vec<anyhow::Result<String>> {
    let cluster = &settings.cluster;
    let Some(member) = cluster.member.as_ref().filter(|_| cluster.is_on()) else {
        return Vec::new();
    };
    let hold = cluster.hold(settings.live.limits.idle_timeout);
    let [hold, keep] = [hold, cluster.live.keep].map(humantime::format_duration);
    let text = format!(
        "cluster: {member} in {}, over NATS; servers of lost members stay for {hold}, or {keep} while \
         this daemon is cut off\n",
        cluster.name
    );
    let notes = cluster.unprotected().map(|url| Ok(unprotected(url)));
    #[cfg(feature = "cluster")]
    let found = nats::trial(cluster);
    #[cfg(not(feature = "cluster"))]
    let found = Vec::new();
    let details = notes
        .chain(found)
        .map(|it| it.map(|line| format!("  {line}\n")));
    std::iter::once(Ok(text)).chain(details).collect()
}

/// Who may claim names, and the mark of their epochs.
fn names(settings: &Settings) -> Vec<anyhow::Result<String>> {
    if !settings.names.is_on {
        return Vec::new();
    }
    let tickets = Tickets::load(&settings.names.live).context("--names-need-ticket");
    let tickets = tickets.map(|tickets| match tickets {
        None => "names: anybody can claim any name\n".to_owned(),
        Some(tickets) => format!(
            "names: with tickets for {:?}, of {} keys\n",
            tickets.audience(),
            tickets.count()
        ),
    });
    vec![tickets, mark(settings)]
}

fn mark(settings: &Settings) -> anyhow::Result<String> {
    let directory = &settings.state_dir;
    // Without a secret there are no earlier proofs: the daemon makes a new one.
    let secret = Secret::load(directory)?;
    let daemon = secret.map(|secret| Proofs::new(secret.names()).daemon());
    let store = Store::new(directory, daemon.unwrap_or_default());
    let found = store.check()?;
    let waits = match store.is_new() && daemon.is_some() {
        true => "; if names were on before, it is lost, so they wait for their former holders",
        false => "",
    };
    Ok(format!("  epochs: {found}{waits}\n"))
}
