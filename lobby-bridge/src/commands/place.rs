//! Finds the database and the ban file through the service's settings, and asks for passwords.

use std::{
    io::{self, IsTerminal, Read as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use metaserve::{
    files,
    program::{complain, settings::Given},
    text,
};

use crate::{
    accounts::{Administration, check_new_password, sqlite_file},
    settings::BridgeSettings,
};

/// The places that the service's settings name.
#[derive(Debug)]
pub(super) struct Where(pub(super) Given<BridgeSettings>);

impl Where {
    /// Opens the database. A missing SQLite file is created.
    pub(super) async fn open_or_make(&self) -> anyhow::Result<Administration> {
        let url = self.url()?;
        let made = sqlite_file(&url).filter(|it| !it.exists());
        let opened = Administration::open(&url).await;
        let opened = opened.context("cannot open the database (--database)")?;
        if let Some(file) = made {
            let whole = std::path::absolute(&file).unwrap_or(file);
            complain(format!("created the database {}\n", whole.display()));
            if let Some(remark) = files::readable_by_root_only(&whole) {
                complain(format!("{remark}\n"));
            }
        }
        Ok(opened)
    }

    /// Opens the database, which must exist: there is nothing to do in an empty one.
    pub(super) async fn open(&self) -> anyhow::Result<Administration> {
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

    /// Returns the URL that the service would use.
    fn url(&self) -> anyhow::Result<String> {
        let settings = self.0.apart()?.settings;
        Ok(settings.accounts.database(&settings.state_dir))
    }

    pub(super) fn ban_file(&self) -> anyhow::Result<PathBuf> {
        self.0.apart()?.settings.ban_file.context(
            "no ban file is given: name it with --ban-file, or name the configuration file that does \
            with --config",
        )
    }
}

/// Reads a new password: typed twice without being shown, or the first line of the input.
pub(super) fn new_password(from_stdin: bool) -> anyhow::Result<String> {
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
                bail!("the two passwords differ: try again");
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
    // Some shells begin piped text with a byte order mark, or use UTF-16.
    let text = text::decode(bytes).context("cannot read the password")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.to_owned())
}
