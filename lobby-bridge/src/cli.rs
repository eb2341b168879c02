//! Flags, environment, file and old words to a [`Config`].
//!
//! The command line wins over the environment, that over the file, and that over the defaults.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser};
use metaserve::{Trust, program::settings::Given, tls::FileError};

use crate::{
    bans::Guard,
    commands::{Command, Commands},
    myth_options::MythConfig,
    options::{Daemon, Options},
    vcmi,
    words::Words,
};

const NAME: &str = "metaserve-lobby-bridge";

const LONG_ABOUT: &str = "\
Keeps lobbies of old games alive, and shows their games in a metaserve list.

A protocol runs when its address is given:

    metaserve-lobby-bridge --vcmi [::]:5002

Players of VCMI 1.1 to 1.4 then enter this machine's name and port 5002 as their lobby.

    metaserve-lobby-bridge --myth [::]:6321

Players of Aleph One then find each other here, if the name of the server that their game has
built in leads to this machine (hosts file or DNS). Rooms are at port 6335 and on, see
--myth-room; with --daemon all games are also in its list.

Two commands manage the players' accounts and the hubs, also while the bridge runs; each has a
--help of its own:

    metaserve-lobby-bridge account add NAME
    metaserve-lobby-bridge hub add HOST PORT";

/// Keeps lobbies of old games alive, and shows their games in a metaserve list
#[derive(Debug, Parser)]
#[command(name = NAME, version, long_about = LONG_ABOUT)]
struct Cli {
    #[command(flatten)]
    options: Given<Options>,

    #[command(subcommand)]
    command: Option<Command>,

    /// Words of the old proxy server's command line, such as `port=5002`
    ///
    /// `port=N` means `--vcmi [::]:N`, `capacity=N` means `--vcmi-capacity N`,
    /// `healthcheck=N` means `--vcmi-healthcheck N`, `logging=LEVEL` means `--log LEVEL`.
    /// As soon as there is one, the VCMI lobby runs, on port 5002 unless told otherwise.
    #[arg(value_name = "KEY=VALUE")]
    words: Vec<String>,
}

/// The same without the old words: a word is then a command, or a mistake that is named.
#[derive(Debug, Parser)]
#[command(name = NAME)]
struct WithoutWords {
    #[command(flatten)]
    _options: Given<Options>,

    #[command(subcommand)]
    _command: Option<Command>,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To serve, with what to tell the operator about his old words before anything else.
    Service(Given<Options>, Vec<String>),
    /// Something beside that.
    Command(Box<Commands>),
}

/// What the bridge does, complete and possible.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to publish.
    pub daemon: Daemon,
    /// How to know the daemon.
    pub trust: Trust,
    /// Where the bridge keeps its identity.
    pub state_dir: PathBuf,
    /// The addresses that are banned; none for no bans.
    pub ban_file: Option<PathBuf>,
    /// The VCMI lobby, if it is to run.
    pub vcmi: Option<vcmi::Settings>,
    /// The metaserver of Aleph One, if it is to run.
    pub myth: Option<MythConfig>,
}

/// Why options do not make a configuration. Each says which option, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The command line cannot be understood, or asks for help. Prints itself.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// The file with authorities is of no use.
    #[error("`ca` cannot be used")]
    Authorities(#[from] FileError),
    /// Nobody could enter a metaserver.
    #[error("a metaserver must have room: players and connections must be at least 1")]
    NoPlayers,
    /// A certificate cannot be for this.
    #[error("`myth-host` is not a host name: {0:?}")]
    NoHostName(String),
}

/// The command line, for those who make manuals and completions of it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// What a command line asks for, with what it leaves to environment and file.
///
/// # Errors
/// See [`ConfigError`].
pub fn ask(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Asked, ConfigError> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let cli = Cli::try_parse_from(&arguments)?;
    // A mistyped command must not be taken for an old word, and open a lobby.
    if !cli.words.iter().all(|word| word.contains('=')) {
        WithoutWords::try_parse_from(&arguments)?;
    }
    let mut given = cli.options;
    if let Some(command) = cli.command {
        return Ok(Asked::Command(Box::new(Commands::new(command, given))));
    }
    let words = Words::parse(&cli.words);
    words.say(&mut given);
    Ok(Asked::Service(given, words.remarks))
}

impl Config {
    /// What these options ask for.
    ///
    /// # Errors
    /// When a file that they name cannot be used.
    pub fn of(options: Options) -> Result<Self, ConfigError> {
        let myth = MythConfig::of(&options)?;
        let defaults = vcmi::Settings::default();
        let health_check = options.vcmi_healthcheck.unwrap_or(defaults.health_check);
        let capacity = options.vcmi_capacity.unwrap_or(defaults.limits.capacity);
        let pipes = options.vcmi_pipes.unwrap_or(defaults.limits.pipes);
        let state_dir = options.state_dir();
        let trust = match (options.fingerprint, options.ca) {
            (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (None, Some(file)) => Trust::file(&file)?,
            (None, None) => Trust::SystemRoots,
        };
        let vcmi = options.vcmi.map(|listen| vcmi::Settings {
            listen,
            bans: Guard::none(),
            public_addresses: options.public_address,
            health_check,
            statistics: options.vcmi_statistics.unwrap_or(defaults.statistics),
            limits: vcmi::Limits {
                capacity,
                clients_per_host: options.vcmi_per_address.unwrap_or(capacity),
                // Everybody may come at once, also from one network.
                undecided: options
                    .vcmi_half_open
                    .unwrap_or(defaults.limits.undecided.max(2 * capacity)),
                undecided_per_host: defaults.limits.undecided_per_host.max(capacity),
                pipes,
                // Four addresses fill it at least, and one has enough for a game.
                pipes_per_host: (pipes / 4).max(defaults.limits.pipes_per_session),
                sessions: defaults.limits.sessions.max(4 * pipes),
                ..defaults.limits
            },
        });
        Ok(Self {
            daemon: options.daemon.unwrap_or_default(),
            trust,
            state_dir,
            ban_file: options.ban_file,
            vcmi,
            myth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::program::settings::Settings as _;
    use std::{fs, time::Duration};

    fn asked(arguments: &[&str]) -> anyhow::Result<(Options, Vec<String>)> {
        match ask([NAME].iter().chain(arguments))? {
            Asked::Service(given, remarks) => Ok((given.settle()?.settings, remarks)),
            Asked::Command(command) => panic!("{command:?}"),
        }
    }

    fn config(arguments: &[&str]) -> anyhow::Result<Config> {
        Ok(Config::of(asked(arguments)?.0)?)
    }

    fn with_file(text: &str, arguments: &[&str]) -> anyhow::Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        fs::write(&path, text).unwrap();
        config(&[&["--config", path.to_str().unwrap()], arguments].concat())
    }

    /// An error with its causes, as an operator reads it.
    fn chain(error: &anyhow::Error) -> String {
        format!("{error:#}")
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_protocol_runs_when_its_address_is_given() {
        let config = config(&["--vcmi", "[::]:5002"]).unwrap();
        let vcmi = config.vcmi.unwrap();
        assert_eq!(vcmi.listen, "[::]:5002".parse().unwrap());
        assert_eq!(
            (vcmi.limits.capacity, vcmi.health_check),
            (50, Duration::from_secs(30))
        );
        assert_eq!(config.daemon, Daemon::None);
    }

    #[test]
    fn a_former_module_name_still_selects_its_log_lines() {
        let vcmi = ["--vcmi", "[::]:5002", "--log"];
        let filter = "info,metaserve_lobby_bridge::myth=debug";
        let (options, _) = asked(&[&vcmi[..], &[filter]].concat()).unwrap();
        assert_eq!(
            options.live.log,
            "info,metaserve_lobby_bridge::aleph_one=debug"
        );
    }

    #[test]
    fn without_a_protocol_there_is_nothing_to_do() {
        let error = chain(&config(&[]).unwrap_err());
        assert!(error.starts_with("no lobby to run"), "{error}");
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file = "vcmi = \"127.0.0.1:1\"\nvcmi-capacity = 7\nvcmi-healthcheck = \"1m\"\n\
                    public-address = [\"192.0.2.1\", \"2001:db8::1\"]\ndaemon = \"list.example:7500\"";
        let config = with_file(file, &["--vcmi-capacity", "9"]).unwrap();
        let vcmi = config.vcmi.unwrap();
        assert_eq!(
            (vcmi.limits.capacity, vcmi.health_check),
            (9, Duration::from_secs(60))
        );
        assert_eq!(vcmi.public_addresses.len(), 2);
        assert_eq!(config.daemon, Daemon::At("list.example:7500".to_owned()));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let error = chain(&with_file("vcmi = \"[::]:1\"\nvcmi-capacty = 3", &[]).unwrap_err());
        assert!(
            error.contains("bridge.toml") && error.contains("vcmi-capacty"),
            "{error}"
        );
    }

    #[test]
    fn times_are_seconds_or_have_units() {
        for (text, seconds) in [("10", 10), ("30s", 30), ("1m 30s", 90)] {
            let config = config(&["--vcmi", "[::]:1", "--vcmi-healthcheck", text]).unwrap();
            assert_eq!(
                config.vcmi.unwrap().health_check,
                Duration::from_secs(seconds)
            );
        }
        let config = with_file("vcmi = \"[::]:1\"\nvcmi-healthcheck = 12", &[]).unwrap();
        assert_eq!(config.vcmi.unwrap().health_check, Duration::from_secs(12));
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        let vcmi = ["--vcmi", "[::]:1"];
        // (arguments, what the error names)
        let table: [(&[&str], &str); 7] = [
            (&["--vcmi-healthcheck", "9"], "choose 10s or more"),
            (&["--vcmi-healthcheck", "soon"], "--vcmi-healthcheck"),
            (&["--vcmi-capacity", "0"], "vcmi-capacity"),
            (&["--daemon", "list.example"], "--daemon"),
            (&["--daemon", "list.example:0"], "--daemon"),
            (&["--fingerprint", "12ab"], "--fingerprint"),
            (
                &["--config", "/does/not/exist.toml"],
                "/does/not/exist.toml",
            ),
        ];
        for (arguments, named) in table {
            let error = chain(&config(&[&vcmi[..], arguments].concat()).unwrap_err());
            assert!(error.contains(named), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn fingerprints_are_read_with_or_without_colons() {
        let fingerprint = "ab:".repeat(31) + "AB";
        let config = config(&["--vcmi", "[::]:1", "--fingerprint", &fingerprint]).unwrap();
        let pinned = metaserve::Fingerprint::from_bytes([0xab; 32]);
        assert!(matches!(config.trust, Trust::Fingerprint(it) if it == pinned));
    }

    #[test]
    fn old_words_mean_the_new_options() {
        let words = [
            "logging=warning",
            "port=5003",
            "capacity=60",
            "healthcheck=20",
        ];
        let config = config(&words).unwrap();
        let vcmi = config.vcmi.unwrap();
        assert_eq!(vcmi.listen, "[::]:5003".parse().unwrap());
        assert_eq!(
            (vcmi.limits.capacity, vcmi.health_check),
            (60, Duration::from_secs(20))
        );
        let (options, remarks) = asked(&words).unwrap();
        assert_eq!((&*options.live.log, remarks.len()), ("warn", 0));
    }

    #[test]
    fn one_old_word_runs_the_lobby_where_it_was() {
        let config = config(&["capacity=60"]).unwrap();
        assert_eq!(config.vcmi.unwrap().listen, "[::]:5002".parse().unwrap());
        let least = self::config(&["capacity=1", "healthcheck=10"]).unwrap();
        let vcmi = least.vcmi.unwrap();
        let read = (vcmi.limits.capacity, vcmi.health_check);
        assert_eq!(read, (1, Duration::from_secs(10)));
        let remarks = asked(&["capacity=1", "healthcheck=10"]).unwrap().1;
        assert_eq!(remarks.len(), 0);
        for (word, level) in [
            ("debug", "debug"),
            ("info", "info"),
            ("warning", "warn"),
            ("error", "error"),
            ("critical", "error"),
        ] {
            let (options, remarks) = asked(&[&format!("logging={word}")]).unwrap();
            assert_eq!((&*options.live.log, remarks.len()), (level, 0));
        }
        assert_eq!(Options::defaults().state_dir().as_os_str(), "bridge-state");
    }

    #[test]
    fn as_many_as_the_lobby_holds_may_come_at_once_and_from_one_network() {
        let limits = |arguments: &[&str]| {
            let arguments = [&["--vcmi", "[::]:1"], arguments].concat();
            let limits = config(&arguments).unwrap().vcmi.unwrap().limits;
            let (each, all) = (limits.undecided_per_host, limits.undecided);
            (limits.capacity, limits.clients_per_host, each, all)
        };
        assert_eq!(limits(&[]), (50, 50, 64, 512));
        let many = ["--vcmi-capacity", "1000"];
        assert_eq!(limits(&many), (1_000, 1_000, 1_000, 2_000));
        let few = ["--vcmi-per-address", "3", "--vcmi-half-open", "9"];
        assert_eq!(limits(&few), (50, 3, 64, 9));
    }

    #[test]
    fn flags_win_over_old_words_and_those_over_the_file() {
        let file = "vcmi-capacity = 1\nvcmi-healthcheck = 11";
        let arguments = ["--vcmi-capacity", "3", "capacity=2", "healthcheck=22"];
        let vcmi = with_file(file, &arguments).unwrap().vcmi.unwrap();
        assert_eq!(
            (vcmi.limits.capacity, vcmi.health_check),
            (3, Duration::from_secs(22))
        );
    }

    #[test]
    fn what_the_old_program_said_is_said() {
        let words = ["port=0", "capacity=0", "healthcheck=9", "colour=red"];
        let config = config(&words).unwrap();
        let vcmi = config.vcmi.unwrap();
        assert_eq!(vcmi.listen.port(), 5002);
        assert_eq!(
            (vcmi.limits.capacity, vcmi.health_check),
            (50, Duration::from_secs(30))
        );
        assert_eq!(
            asked(&words).unwrap().1,
            [
                "Cannot listen port 0, continue with default 5002",
                "Cannot limit connections capacity with 0, continue with default 50",
                "Too frequent timer for healthcheck, continue with default 30",
            ]
        );
    }

    /// A mistyped command opened a lobby to everybody.
    #[test]
    fn a_word_that_is_neither_a_command_nor_an_old_word_is_an_error() {
        for (arguments, named) in [
            (&["acount", "list"][..], "'account'"),
            (&["acount", "list", "--vcmi", "[::]:1"], "'account'"),
            (&["verbose", "port=5002"], "'verbose'"),
            (&["port=5002", "verbose"], "'port=5002'"),
            (&["port=5002", "account", "list"], "'port=5002'"),
            (&["account"], "list"),
            (&["--state-dir", "x", "hub", "lst"], "'list'"),
        ] {
            let error = config(arguments).unwrap_err();
            let Some(ConfigError::CommandLine(error)) = error.downcast_ref() else {
                panic!("{arguments:?}: {error}");
            };
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            let error = error.to_string();
            assert!(error.contains(named), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn options_stand_before_or_after_a_command() {
        for line in [
            "--state-dir x account list",
            "account --state-dir x list",
            "account list --state-dir x",
            "--myth 127.0.0.1:6321 hub add hub.example 4226 --state-dir x",
            "--ban-file x ban 192.0.2.1",
            "ban list --ban-file x",
        ] {
            let asked = ask([NAME].into_iter().chain(line.split(' '))).unwrap();
            let Asked::Command(command) = asked else {
                panic!("{line}: {asked:?}");
            };
            let values = command.given().apart().unwrap().values.to_string();
            assert!(values.contains(" x "), "{line}: {values}");
        }
    }
}
