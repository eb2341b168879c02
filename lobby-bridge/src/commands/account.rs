//! `account`: manages accounts.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use metaserve::program::{complain, print::print, table::Table};

use super::place::{Where, new_password};
use crate::accounts::{AdministrationError, check_name};

/// The commands for accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Add an account; asks for its password
    Add(WithPassword),
    /// Change an account's password; asks for it
    Passwd(WithPassword),
    /// List all accounts
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Remove an account
    ///
    /// A player who is logged in to it stays until they leave.
    Remove {
        /// Its name, in its exact case
        name: String,
    },
    /// Allow or forbid an account moderator commands
    ///
    /// This takes effect at the next login.
    Moderator(Switch),
    /// Hide or show an account's player in rooms
    ///
    /// This takes effect at the next login.
    Hide(Switch),
}

#[derive(Args, Debug)]
pub(crate) struct WithPassword {
    /// Its name: visible ASCII, at most 31 characters, of which players can type 15
    name: String,
    /// Take the password from the first line of the input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Switch {
    /// Its name, in its exact case
    name: String,
    /// Switch it on or off
    #[arg(value_enum, default_value = "on")]
    is: OnOff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

impl Account {
    pub(super) async fn run(self, place: &Where) -> anyhow::Result<()> {
        match self {
            Self::Add(it) => add(it, place).await,
            Self::Passwd(it) => passwd(it, place).await,
            Self::List { json } => list(json, place).await,
            Self::Remove { name } => {
                let accounts = place.open().await?;
                accounts.remove(&name).await?;
                accounts.close().await;
                print(format!("removed {name}\n"))?;
                Ok(())
            }
            Self::Moderator(it) => {
                let accounts = place.open().await?;
                let on = it.is == OnOff::On;
                accounts.set_moderator(&it.name, on).await?;
                accounts.close().await;
                let what = if on { "is" } else { "is not" };
                print(format!(
                    "{} {what} a moderator from the next login on\n",
                    it.name
                ))?;
                Ok(())
            }
            Self::Hide(it) => {
                let accounts = place.open().await?;
                let on = it.is == OnOff::On;
                accounts.set_hidden(&it.name, on).await?;
                accounts.close().await;
                let what = if on { "is hidden" } else { "is shown" };
                print(format!("{} {what} from the next login on\n", it.name))?;
                Ok(())
            }
        }
    }
}

async fn add(it: WithPassword, place: &Where) -> anyhow::Result<()> {
    // Checked first, so that no one types a password twice for an invalid name.
    check_name(&it.name)?;
    let accounts = place.open_or_make().await?;
    if accounts.exists(&it.name).await? {
        bail!(AdministrationError::NameTaken);
    }
    let password = new_password(it.password_stdin)?;
    accounts.add(&it.name, &password).await?;
    accounts.close().await;
    print(format!("added {}\n", it.name))?;
    if it.name.len() > 15 {
        complain("note: Aleph One lets players type only 15 characters of a name\n");
    }
    Ok(())
}

async fn passwd(it: WithPassword, place: &Where) -> anyhow::Result<()> {
    let accounts = place.open().await?;
    if !accounts.exists(&it.name).await? {
        bail!(AdministrationError::NoAccount(it.name));
    }
    let password = new_password(it.password_stdin)?;
    accounts.passwd(&it.name, &password).await?;
    accounts.close().await;
    print(format!("changed the password of {}\n", it.name))?;
    Ok(())
}

async fn list(json: bool, place: &Where) -> anyhow::Result<()> {
    let accounts = place.open().await?;
    let listed = accounts.accounts().await?;
    accounts.close().await;
    if json {
        print(serde_json::to_string_pretty(&listed)? + "\n")?;
        return Ok(());
    }
    let mut table = Table::new(["ACCOUNT", "MODERATOR", "HIDDEN", "ORDER"]);
    let yes = |is| if is { "yes" } else { "" }.to_owned();
    for it in listed {
        let order = it.sort_order.to_string();
        table.row([it.username, yes(it.moderator), yes(it.hidden), order]);
    }
    print(table.to_string())?;
    Ok(())
}
