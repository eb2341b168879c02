//! `check`: reads all that the daemon would read, and says what it would do.

use super::cert;
use crate::{
    accept::socket,
    cli::{Config, Http, ServeArgs},
    rules::certificates,
};
use anyhow::{Context, bail};
use clap::Args;
use metaserve::{
    Identity,
    bans::Bans,
    program::{self, listen, print::print},
    time::wall_clock,
    tls::{CertificateFiles, certificate::Certificate},
};
use std::{fmt::Write, io::ErrorKind, net::SocketAddr, path::Path};

/// Say what the daemon would do with these settings, without starting it
///
/// Reads the configuration, certificate and key, tries the addresses and prints what it finds.
/// Exit code 1 says that the daemon would not start. Run it as the user that the daemon runs as:
/// another one may be able to read more, or less.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    serve: ServeArgs,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let file = self.serve.file().map(|file| file.display().to_string());
        let config = self.serve.config()?;
        let file = file.as_deref().unwrap_or("none");
        print(format!("configuration file: {file}\n"))?;
        // All of them, so that all that is wrong is known after one run.
        let checks: [fn(&Config) -> anyhow::Result<String>; 7] =
            [log, listen, http, state, certificate, relays, bans];
        let mut problems = 0;
        // To the end, whether somebody reads or not: the exit code is the answer.
        for check in checks {
            match check(&config) {
                Ok(finding) => {
                    print(finding)?;
                }
                Err(problem) => {
                    program::complain(format!("problem: {problem:#}\n"));
                    problems += 1;
                }
            }
        }
        match problems {
            0 => print("the daemon would start\n")?,
            1 => bail!("the daemon would not start: 1 problem"),
            _ => bail!("the daemon would not start: {problems} problems"),
        };
        Ok(())
    }
}

fn log(config: &Config) -> anyhow::Result<String> {
    program::log::check(&config.log)?;
    Ok(format!("log: {}\n", config.log))
}

/// A port in use is no problem: the daemon that is to be replaced may have it.
const IN_USE: &str = ", which is in use now, perhaps by the daemon";

fn listen(config: &Config) -> anyhow::Result<String> {
    let listen = config.listen;
    let used = match socket::bind(listen) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => IN_USE,
        Err(error) => return Err(socket::explain(listen, error)),
        Ok(_) => "",
    };
    Ok(format!("listen: {listen} (UDP){used}\n"))
}

fn http(config: &Config) -> anyhow::Result<String> {
    let bind = |address: SocketAddr| listen::tcp(address);
    let (address, used) = match config.http {
        Http::Off => return Ok("http: off\n".to_owned()),
        Http::IfFree(address) => (address, bind(address).err().map(|_| IN_USE)),
        Http::At(address) => match bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => (address, Some(IN_USE)),
            bound => {
                bound.with_context(|| {
                    format!("HTTP cannot be served on {address}: choose another with --http")
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

fn state(config: &Config) -> anyhow::Result<String> {
    let directory = &config.state_dir;
    let shown = directory.display();
    match std::fs::read_dir(directory) {
        Ok(_) => Ok(format!("state directory: {shown}\n")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(format!("state directory: {shown}, which is to be made\n"))
        }
        Err(error) => Err(error).with_context(|| {
            format!("the state directory {shown} cannot be used: choose one with --state-dir")
        }),
    }
}

fn certificate(config: &Config) -> anyhow::Result<String> {
    if let Some((chain, key)) = &config.certificate {
        let identity =
            certificates::from_files(&CertificateFiles::new(chain.clone(), key.clone()))?;
        return described(chain, &identity);
    }
    let [chain, key] = ["cert.pem", "key.pem"].map(|name| config.state_dir.join(name));
    let missing = |path: &Path| {
        let found = path.symlink_metadata();
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    if missing(&chain) && missing(&key) {
        return Ok("certificate: its own, which is to be made\n".to_owned());
    }
    let identity = Identity::load(&chain, &key)
        .context("the daemon's own certificate cannot be used: bring one with --cert and --key")?;
    described(&chain, &identity)
}

fn described(chain: &Path, identity: &Identity) -> anyhow::Result<String> {
    let mut text = format!("certificate: {}\n", chain.display());
    let certificate = Certificate::of_identity(identity)
        .with_context(|| format!("{} cannot be read", chain.display()))?;
    for line in cert::describe(&certificate, wall_clock())?.lines() {
        writeln!(text, "  {line}")?;
    }
    for remark in certificate.remarks() {
        writeln!(text, "  note: {remark}")?;
    }
    Ok(text)
}

fn relays(config: &Config) -> anyhow::Result<String> {
    let mut text = String::new();
    for relay in &config.trust_relay {
        writeln!(text, "trusted relay: {relay}")?;
    }
    Ok(text)
}

fn bans(config: &Config) -> anyhow::Result<String> {
    let Some(file) = &config.ban_file else {
        return Ok(String::new());
    };
    let bans = Bans::read(file)?;
    Ok(format!(
        "bans: {}, {} prefixes\n",
        file.display(),
        bans.count(wall_clock())
    ))
}
