//! What an operator does beside the service: `account`, `hub`, `ban` and `unban`.

mod account;
mod ban;
mod hub;
mod table;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use metaserve::{files, program::complain};

use crate::accounts::{Administration, check_new_password, default_database, sqlite_file};
use crate::options::STATE_DIR;

/// Manages the accounts, hubs and bans of the lobby bridge
#[derive(Debug, Parser)]
#[command(name = "metaserve-lobby-bridge", version)]
pub struct Commands {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add, change, list and remove the accounts of players
    #[command(subcommand)]
    Account(account::Account),
    /// Add, list and remove hubs, which host games for players who cannot
    #[command(subcommand)]
    Hub(hub::Hub),
    Ban(ban::Ban),
    Unban(ban::Unban),
}

/// Which database, for every command.
#[derive(Args, Debug)]
struct Where {
    /// The database [default: `accounts.sqlite` in the service's state directory]
    ///
    /// `sqlite:PATH`, or `mysql://USER:PASSWORD@HOST/NAME` for MariaDB and MySQL. Passwords are
    /// better kept in the environment or in the file than on the command line.
    #[arg(
        long,
        value_name = "URL",
        env = "METASERVE_BRIDGE_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,

    /// Where the service keeps its state [default: bridge-state]
    #[arg(long, value_name = "DIR", env = "METASERVE_BRIDGE_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// The service's TOML file, for its `database` and `state-dir`
    #[arg(long, value_name = "FILE", env = "METASERVE_BRIDGE_CONFIG")]
    config: Option<PathBuf>,
}

/// What of the service's file matters here.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    database: Option<String>,
    state_dir: Option<PathBuf>,
    ban_file: Option<PathBuf>,
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }
}

impl Commands {
    /// The command that a command line begins with; none if it is meant for the service.
    ///
    /// # Errors
    /// The rest of the command line cannot be understood, or asks for help. Prints itself.
    pub fn parse_if_any(arguments: &[OsString]) -> Result<Option<Self>, clap::Error> {
        let first = arguments.get(1).and_then(|it| it.to_str());
        match first {
            Some("account" | "ban" | "hub" | "unban") => Self::try_parse_from(arguments).map(Some),
            _ => Ok(None),
        }
    }

    /// Does it, and prints what there is to print.
    ///
    /// # Errors
    /// It cannot be done; nothing has changed then.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Account(account) => account.run().await,
            Command::Hub(hub) => hub.run().await,
            Command::Ban(ban) => ban.run(),
            Command::Unban(unban) => unban.run(),
        }
    }
}

impl Where {
    /// The database, which is made if it is a file that is not there.
    async fn open_or_make(&self) -> anyhow::Result<Administration> {
        let url = self.url()?;
        let made = sqlite_file(&url).filter(|it| !it.exists());
        let opened = Administration::open(&url).await;
        let opened = opened.context("cannot open the database (--database)")?;
        if let Some(file) = made {
            let whole = std::path::absolute(&file).unwrap_or(file);
            complain(format!("made the database {}\n", whole.display()));
            if let Some(remark) = files::readable_by_root_only(&whole) {
                complain(format!("{remark}\n"));
            }
        }
        Ok(opened)
    }

    /// The database, which has to be there: in an empty one there is nothing to do.
    async fn open(&self) -> anyhow::Result<Administration> {
        let url = self.url()?;
        if let Some(file) = sqlite_file(&url).filter(|it| !it.exists()) {
            bail!(
                "there is no database {}: name it with --database or --state-dir, or add the \
                 first account",
                file.display()
            );
        }
        self.open_or_make().await
    }

    /// As the service would find it.
    fn url(&self) -> anyhow::Result<String> {
        let file = match &self.config {
            None => File::default(),
            Some(path) => File::read(path)?,
        };
        let url = self.database.clone().or(file.database);
        let state_dir = self.state_dir.clone().or(file.state_dir);
        Ok(url.unwrap_or_else(|| default_database(&state_dir.unwrap_or_else(|| STATE_DIR.into()))))
    }
}

/// A new password: typed twice without being shown, or the first line of the input.
fn new_password(from_stdin: bool) -> anyhow::Result<String> {
    let password = match from_stdin {
        true => first_line(io::stdin().lock())?,
        false if !io::stdin().is_terminal() => {
            bail!("there is no terminal to ask for the password on: use --password-stdin")
        }
        false => {
            let ask =
                |question| rpassword::prompt_password(question).context("cannot read the password");
            let password = ask("New password: ")?;
            if password != ask("Again: ")? {
                bail!("the two passwords differ");
            }
            password
        }
    };
    check_new_password(&password)?;
    Ok(password)
}

fn first_line(input: impl io::Read) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = input.take(4_096).read_to_string(&mut text);
    read.context("cannot read the password")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.to_owned())
}
