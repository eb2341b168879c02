//! What an operator does beside the service: `account`, `hub`, `ban` and `unban`.

mod account;
mod ban;
mod hub;

use std::{
    io::{self, IsTerminal, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use metaserve::{files, program::complain, text};

use crate::accounts::{Administration, check_new_password, default_database, sqlite_file};
use crate::options::{Options, STATE_DIR};

/// What an operator asks for beside the service.
#[derive(Debug)]
pub struct Commands {
    command: Command,
    place: Where,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add, change, list and remove the accounts of players
    #[command(subcommand)]
    Account(account::Account),
    /// Add, list and remove hubs, which host games for players who cannot
    #[command(subcommand)]
    Hub(hub::Hub),
    Ban(ban::Ban),
    Unban(ban::Unban),
}

/// What the options of the service say that matters here: which database and which files.
#[derive(Debug)]
struct Where {
    database: Option<String>,
    state_dir: Option<PathBuf>,
    ban_file: Option<PathBuf>,
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
        let text = text::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }
}

impl Commands {
    /// The command, with the options that were given before or after its name.
    pub(crate) fn new(command: Command, options: Options, config: Option<PathBuf>) -> Self {
        let place = Where {
            database: options.database,
            state_dir: options.state_dir,
            ban_file: options.ban_file,
            config,
        };
        Self { command, place }
    }

    /// Does it, and prints what there is to print.
    ///
    /// # Errors
    /// It cannot be done; nothing has changed then.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Account(account) => account.run(&self.place).await,
            Command::Hub(hub) => hub.run(&self.place).await,
            Command::Ban(ban) => ban.run(&self.place),
            Command::Unban(unban) => unban.run(&self.place),
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

    fn ban_file(&self) -> anyhow::Result<PathBuf> {
        let file = match (&self.ban_file, &self.config) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(config)) => File::read(config)?.ban_file,
            (None, None) => None,
        };
        file.context(
            "which file? Name the ban file with --ban-file, or with --config the configuration \
             file that names it",
        )
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
    let mut bytes = Vec::new();
    let read = input.take(4_096).read_to_end(&mut bytes);
    read.context("cannot read the password")?;
    // Shells of some systems begin what they pipe with a mark, or pipe UTF-16.
    let text = text::decode(bytes).context("cannot read the password")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.to_owned())
}
