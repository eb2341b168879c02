//! `cert`: makes a self-signed certificate, or shows the content of one.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};
use metaserve::{
    Identity, files,
    program::{complain, print::print},
    time::wall_clock,
    tls::certificate::{Certificate, Validity},
};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Make a new self-signed certificate, or show one
///
/// Games that pin its fingerprint need no names; games that trust the certificate as a CA file
/// connect to one of its names. Only the owner of the key file can read it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct Cert {
    /// Make a certificate for this host name or IP address; may be repeated
    #[arg(long, value_name = "DNS-or-IP", group = "what")]
    name: Vec<String>,

    /// Show the fingerprint, names and dates of the certificate in this file (PEM or DER)
    #[arg(long, value_name = "FILE", group = "what", conflicts_with_all = ["name", "cert", "key", "days", "force"])]
    show: Option<PathBuf>,

    /// Write cert.pem and key.pem into this directory. The daemon uses the files with these names
    /// in its state directory when --cert is not given
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with_all = ["cert", "key", "show"])]
    out: PathBuf,

    /// Write the certificate to this file
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// Write the private key to this file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Make it valid for this many days from now, up to 36500 [default: as long as a certificate
    /// can be valid, since games that pin it ignore its dates]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,

    /// Overwrite existing files
    #[arg(long)]
    force: bool,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Cert {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if let Some(file) = self.show {
            return show(&file);
        }
        let (cert, key) = match (self.cert, self.key) {
            (Some(cert), Some(key)) => (cert, key),
            _ => (self.out.join("cert.pem"), self.out.join("key.pem")),
        };
        if cert == key {
            bail!("--cert and --key name the same file: choose two");
        }
        // A dangling symbolic link counts as existing.
        let existing = [&cert, &key].map(|path| path.symlink_metadata().is_ok().then_some(path));
        if let Some(path) = existing.into_iter().flatten().next()
            && !self.force
        {
            bail!(
                "{} exists and may be in use: choose another place, or overwrite it \
                 with --force",
                path.display()
            );
        }
        let validity = self.days.map_or(Validity::Always, |days| {
            Validity::from(wall_clock(), DAY * days)
        });
        Identity::create(&cert, &key, &self.name, validity).context("cannot make a certificate")?;
        print(format!(
            "certificate: {}\nprivate key: {}\n",
            cert.display(),
            key.display()
        ))?;
        if let Some(remark) = files::readable_by_root_only(&key) {
            complain(format!("{remark}\n"));
        }
        show(&cert)
    }
}

/// Prints the first certificate of a file, which is the one that peers are shown.
fn show(file: &Path) -> anyhow::Result<()> {
    let chain = Certificate::read(file).context("cannot show a certificate")?;
    let [certificate, rest @ ..] = &*chain else {
        bail!("{} holds no certificate", file.display());
    };
    let mut text = describe(certificate, wall_clock())?;
    if !rest.is_empty() {
        writeln!(text, "further certificates in the chain: {}", rest.len())?;
    }
    print(text)?;
    Ok(())
}

/// Describes a certificate in lines for people.
pub(super) fn describe(certificate: &Certificate, now: SystemTime) -> anyhow::Result<String> {
    let mut text = String::new();
    let names = match &*certificate.names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let fingerprint = certificate.fingerprint;
    writeln!(text, "fingerprint (SHA-256): {fingerprint}")?;
    writeln!(text, "names: {names}")?;
    let not_yet = certificate.valid_from.is_some_and(|begin| begin > now);
    let remark = if not_yet { " (not yet)" } else { "" };
    let begin = date(certificate.valid_from);
    writeln!(text, "valid from: {begin}{remark}")?;
    let remark = match certificate.valid_until.map(|end| end.duration_since(now)) {
        Some(Err(_)) => " (expired)".to_owned(),
        Some(Ok(left)) if left < DAY * 365 => {
            format!(" ({} days left)", left.as_secs() / DAY.as_secs())
        }
        _ => String::new(),
    };
    writeln!(
        text,
        "valid until: {}{remark}",
        date(certificate.valid_until)
    )?;
    Ok(text)
}

fn date(time: Option<SystemTime>) -> String {
    let unreadable = || "unreadable date".to_owned();
    time.map_or_else(unreadable, |time| {
        humantime::format_rfc3339_seconds(time).to_string()
    })
}
