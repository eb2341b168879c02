//! The settings of the accounts role.

use clap::Args;
use ipnet::IpNet;
use std::{
    convert::Infallible,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// How the accounts role serves and stores. [`Settings::new`] has all defaults.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// The address to serve HTTP on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7811")]
    pub listen: SocketAddr,

    /// The URL at which other roles reach this one [default: http:// and the address that it
    /// listens on]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// The database [default: an SQLite file in the state directory]
    ///
    /// `sqlite:FILE`, `postgres://USER:PASSWORD@HOST/NAME`, `mariadb://USER:PASSWORD@HOST/NAME` or
    /// `mysql://...`. Its tables are made at the first start.
    #[arg(
        long,
        value_name = "URL",
        env = "REALM_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<DatabaseUrl>,

    /// How often to save what has changed in the world
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub save_every: Duration,

    /// Believe X-Forwarded-For from proxies with these prefixes; those of this machine and gateways
    /// are always believed
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpNet>,

    /// The state directory, with the keys.
    #[arg(skip)]
    pub state: PathBuf,

    /// The name of this host, which the claim of the role says.
    #[arg(skip)]
    pub host: String,

    /// The timeout of connecting to the database, and of each statement. Default: 5 s.
    #[arg(skip = PATIENCE)]
    pub patience: Duration,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Settings {
    /// The defaults with this state directory, on a port of loopback that the system chooses.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            url: None,
            database: None,
            save_every: Duration::from_secs(10),
            trusted_proxy: Vec::new(),
            state: state.into(),
            host: "host-1".to_owned(),
            patience: PATIENCE,
        }
    }

    /// The database that is set, or the file in the state directory.
    pub(super) fn database(&self) -> DatabaseUrl {
        self.database
            .clone()
            .unwrap_or_else(|| DatabaseUrl::in_directory(&self.state))
    }
}

/// The URL of a database. It may hold a password, so `{:?}` shows its kind only.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The SQLite file `realm.sqlite` of a directory.
    #[must_use]
    pub fn in_directory(state: &Path) -> Self {
        Self(format!("sqlite:{}", state.join("realm.sqlite").display()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The file that it is, unless it is a server's.
    pub(super) fn file(&self) -> Option<&Path> {
        let path = self.0.strip_prefix("sqlite:")?;
        Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.split(':').next().unwrap_or_default();
        write!(formatter, "DatabaseUrl({kind}:…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_database_is_not_in_a_debug_output() {
        let mut settings = Settings::new("state");
        settings.database = "postgres://realm:hush@localhost/realm".parse().ok();
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
