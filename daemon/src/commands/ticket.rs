//! `ticket`: makes keys and tickets, and shows what a ticket says.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand};
use humantime::{format_duration, format_rfc3339_seconds, parse_duration, parse_rfc3339};
use metaserve::{printable, program::print::print, time::wall_clock};
use metaserve_ticket::{
    Claims, Issuer, KeyId, MAX_BYTES, PublicKeys, Scope, SecretKey, Verifier, read_unverified,
};
use std::{
    fmt::Write,
    io::Read,
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// Make keys and tickets, or show a ticket
///
/// A ticket is a signed text that permits its bearer something. Whoever has the secret key can issue
/// tickets; whoever has the public key can check them.
#[derive(Debug, Args)]
pub(crate) struct Ticket {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Key(Key),
    New(New),
    Show(Show),
}

/// Make a secret key in a new file, and print its public key
///
/// Only the owner of the file can read it, and an existing file is never overwritten. The printed
/// line belongs in the file of public keys of whoever checks the tickets.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
struct Key {
    /// Write a new secret key to this file
    #[arg(long, value_name = "FILE", group = "what")]
    out: Option<PathBuf>,

    /// Print the public key of the secret key in this file again
    #[arg(long, value_name = "FILE", group = "what")]
    show: Option<PathBuf>,
}

/// Issue a ticket and print it
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLE)]
struct New {
    /// Sign with the secret key in this file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Whom the ticket is about, such as the name of an account
    #[arg(long, value_name = "TEXT")]
    subject: String,

    /// Whom the ticket is for, such as the name of a game; others refuse it
    #[arg(long, value_name = "TEXT")]
    audience: String,

    /// What the ticket permits, such as login or claim:zone/meadow; a * at the end stands for any
    /// text. May be repeated
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<Scope>,

    /// How long the ticket is valid, such as 10m or 1h
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    lifetime: Duration,

    /// When the ticket becomes valid, such as 2030-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "DATE", value_parser = parse_rfc3339)]
    from: Option<SystemTime>,
}

const NEW_EXAMPLE: &str = "\
Example:
  metaserve-daemon ticket new --key issuer.key --subject alice --audience my-game \\
    --scope 'claim:zone/*' --scope login --for 1h";

/// Print what a ticket says, and check it if public keys are given
///
/// The exit code is 1 if the text is not a ticket, or the check fails.
#[derive(Debug, Args)]
struct Show {
    /// The ticket [default: read it from standard input]
    ticket: Option<String>,

    /// Check the signature and the time with the public keys in this file
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Check that the ticket is for this audience
    #[arg(long, value_name = "TEXT", requires = "keys")]
    audience: Option<String>,

    /// Check that the ticket permits this, such as login or claim:zone/meadow
    #[arg(long, value_name = "RIGHT", requires = "keys")]
    right: Option<String>,
}

impl Ticket {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Key(key) => key.run(),
            Command::New(new) => new.run(),
            Command::Show(show) => show.run(),
        }
    }
}

impl Key {
    fn run(self) -> anyhow::Result<()> {
        let key = match (&self.out, &self.show) {
            (Some(file), _) => SecretKey::create(file).context("cannot make a key")?,
            (None, Some(file)) => SecretKey::read(file).context("cannot show a key")?,
            (None, None) => bail!("no file given: name one with --out or --show"),
        };
        let public = key.public();
        print(format!("{public} # {}\n", public.id()))?;
        Ok(())
    }
}

impl New {
    fn run(self) -> anyhow::Result<()> {
        let key = SecretKey::read(&self.key).context(
            "cannot issue a ticket: make a key with metaserve-daemon ticket key --out FILE",
        )?;
        let from = self.from.unwrap_or_else(wall_clock);
        let claims = Claims::new(self.subject, self.audience, self.scope, from, self.lifetime);
        let ticket = Issuer::new(key).issue(&claims);
        print(ticket.context("cannot issue a ticket")? + "\n")?;
        Ok(())
    }
}

impl Show {
    fn run(self) -> anyhow::Result<()> {
        let ticket = match self.ticket {
            Some(ticket) => ticket.into_bytes(),
            None => given()?,
        };
        let ticket = ticket.trim_ascii();
        let now = wall_clock();
        let (claims, key) = read_unverified(ticket).context("cannot show the ticket")?;
        let mut text = describe(&claims, &key, now)?;
        let Some(keys) = &self.keys else {
            text += "signature: not checked; to check it, name the public keys with --keys\n";
            print(text)?;
            return Ok(());
        };
        print(text)?;
        let keys = PublicKeys::read(keys).context("cannot check the ticket")?;
        let audience = self.audience.unwrap_or(claims.audience);
        let verified = Verifier::new(audience, keys).verify(ticket, now)?;
        if let Some(right) = self.right {
            verified.permit(&right)?;
        }
        print("signature: valid\n")?;
        Ok(())
    }
}

/// What standard input holds, but no more than shows that it is too long for a ticket.
fn given() -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut bounded = std::io::stdin().lock().take(2 * MAX_BYTES as u64);
    let read = bounded.read_to_end(&mut text);
    read.context("cannot read the ticket from standard input")?;
    Ok(text)
}

/// Describes a ticket in lines for people. Whoever wrote it may be a stranger.
fn describe(claims: &Claims, key: &KeyId, now: SystemTime) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "subject: {}", printable(&claims.subject))?;
    writeln!(text, "audience: {}", printable(&claims.audience))?;
    let scopes: Vec<_> = claims.scopes.iter().map(Scope::as_str).collect();
    writeln!(text, "scopes: {}", printable(&scopes.join(", ")))?;
    if let Some(from) = claims.not_before {
        let remark = if from > now { " (not yet)" } else { "" };
        writeln!(text, "valid from: {}{remark}", format_rfc3339_seconds(from))?;
    }
    let remark = match claims.expires.duration_since(now) {
        Ok(left) => format!(
            "{} left",
            format_duration(Duration::from_secs(left.as_secs()))
        ),
        Err(_) => "expired".to_owned(),
    };
    let until = format_rfc3339_seconds(claims.expires);
    writeln!(text, "valid until: {until} ({remark})")?;
    writeln!(text, "key: {key}")?;
    Ok(text)
}
