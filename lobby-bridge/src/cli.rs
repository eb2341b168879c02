//! Flags, environment, file and old words to a [`Config`].
//!
//! The command line wins over the environment, that over the file, and that over the defaults.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, parser::ValueSource};
use metaserve::{
    Trust,
    program::log::{self, InvalidFilter, LogFormat},
    text::{self, TextError},
    tls::FileError,
};

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
    options: CliOptions,

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
    _options: CliOptions,

    #[command(subcommand)]
    _command: Option<Command>,
}

#[derive(Args, Debug)]
struct CliOptions {
    /// Read further options from this TOML file, one `option = value` per line
    ///
    /// The names are those of the options here, without the dashes in front. Options given on
    /// the command line or in the environment win over the file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "METASERVE_BRIDGE_CONFIG"
    )]
    config: Option<PathBuf>,

    #[command(flatten)]
    options: Options,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To serve.
    Service(Box<Config>),
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
    /// The log filter.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What to tell the operator about his old words, before anything else.
    pub remarks: Vec<String>,
}

/// Why options do not make a configuration. Each says which option, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The command line cannot be understood, or asks for help. Prints itself.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: TextError,
    },
    /// A character in the file only looks like the one that was meant.
    #[error("in the configuration file {path}: {problem}")]
    LookAlike {
        /// Which file.
        path: PathBuf,
        /// Which line and character, and what to write.
        problem: String,
        /// Where in it, and which key.
        source: Box<toml::de::Error>,
    },
    /// The file is not TOML with our options.
    #[error("in the configuration file {path}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where in it, and which key.
        source: toml::de::Error,
    },
    /// Nothing was asked for.
    #[error(
        "no lobby to run: give an address for one, such as `--vcmi [::]:5002` or `--myth [::]:6321`"
    )]
    NothingToRun,
    /// The daemon would be known in two ways.
    #[error("`fingerprint` and `ca` are two ways to know the daemon: give one of them")]
    TwoTrusts,
    /// The file with authorities is of no use.
    #[error("`ca` cannot be used")]
    Authorities(#[from] FileError),
    /// Nobody could enter.
    #[error("`vcmi-capacity` must be at least 1")]
    NoCapacity,
    /// Nobody could enter a metaserver.
    #[error("a metaserver must have room: players and connections must be at least 1")]
    NoPlayers,
    /// What is to be logged cannot be understood.
    #[error(transparent)]
    Log(#[from] InvalidFilter),
    /// A certificate cannot be for this.
    #[error("`myth-host` is not a host name: {0:?}")]
    NoHostName(String),
    /// A certificate without its key, or the other way round.
    #[error("`myth-cert` and `myth-key` belong together: give both")]
    HalfACertificate,
    /// Players would be asked more often than they answer.
    #[error("`myth-keep-alive` must be at least 1s, not {}", humantime::format_duration(*.0))]
    FrequentKeepAlive(Duration),
    /// Clients would be asked more often than they answer.
    #[error("`vcmi-healthcheck` must be at least 10s, not {}", humantime::format_duration(*.0))]
    FrequentHealthCheck(Duration),
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
    let matches = Cli::command().try_get_matches_from(&arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    // A mistyped command must not be taken for an old word, and open a lobby.
    if !cli.words.iter().all(|word| word.contains('=')) {
        WithoutWords::try_parse_from(&arguments)?;
    }
    let CliOptions { config, options } = cli.options;
    if let Some(command) = cli.command {
        let commands = Commands::new(command, options, config);
        return Ok(Asked::Command(Box::new(commands)));
    }
    let words = Words::parse(&cli.words);
    let mut options = words.apply(options, |option| is_flag(&matches, option));
    if let Some(path) = config {
        options = options.or(read(&path)?);
    }
    let config = Config::from_options(options, words.remarks)?;
    Ok(Asked::Service(Box::new(config)))
}

/// Whether an option was given as a flag, and not by the environment.
fn is_flag(matches: &ArgMatches, option: &str) -> bool {
    matches.value_source(option) == Some(ValueSource::CommandLine)
}

fn read(path: &Path) -> Result<Options, ConfigError> {
    let text = text::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source: toml::de::Error| {
        let path = path.to_owned();
        let at = source.span().map_or(0, |span| span.start);
        match text::look_alike(&text, at) {
            Some(problem) => ConfigError::LookAlike {
                path,
                problem,
                source: Box::new(source),
            },
            None => ConfigError::Parse { path, source },
        }
    })
}

impl Config {
    fn from_options(options: Options, remarks: Vec<String>) -> Result<Self, ConfigError> {
        let myth = MythConfig::of(&options)?;
        let defaults = vcmi::Settings::default();
        let health_check = options
            .vcmi_healthcheck
            .map_or(defaults.health_check, |time| time.0);
        if health_check < Duration::from_secs(10) {
            return Err(ConfigError::FrequentHealthCheck(health_check));
        }
        let capacity = options.vcmi_capacity.unwrap_or(defaults.limits.capacity);
        let places = [
            options.vcmi_per_address,
            options.vcmi_half_open,
            options.vcmi_pipes,
        ];
        if capacity == 0 || places.contains(&Some(0)) {
            return Err(ConfigError::NoCapacity);
        }
        let pipes = options.vcmi_pipes.unwrap_or(defaults.limits.pipes);
        let state_dir = options.state_dir();
        let trust = match (options.fingerprint, options.ca) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoTrusts),
            (Some(fingerprint), None) => Trust::Fingerprint(fingerprint),
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
        if vcmi.is_none() && myth.is_none() {
            return Err(ConfigError::NothingToRun);
        }
        let log = options.log.unwrap_or_else(|| "info".to_owned());
        // A module's former name still selects its lines.
        let log = log.replace("bridge::myth", "bridge::aleph_one");
        log::filter(&log)?;
        Ok(Self {
            daemon: options.daemon.unwrap_or_default(),
            trust,
            state_dir,
            ban_file: options.ban_file,
            vcmi,
            myth,
            log,
            log_format: options.log_format.unwrap_or_default(),
            remarks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{error::Error, fs};

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        match ask([NAME].iter().chain(arguments))? {
            Asked::Service(config) => Ok(*config),
            Asked::Command(command) => panic!("{command:?}"),
        }
    }

    fn with_file(text: &str, arguments: &[&str]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        fs::write(&path, text).unwrap();
        config(&[&["--config", path.to_str().unwrap()], arguments].concat())
    }

    /// An error with its causes, as an operator reads it.
    fn chain(error: &ConfigError) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        text
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
        assert_eq!((config.daemon, config.log.as_str()), (Daemon::None, "info"));
    }

    #[test]
    fn a_former_module_name_still_selects_its_log_lines() {
        let vcmi = ["--vcmi", "[::]:5002", "--log"];
        let filter = "info,metaserve_lobby_bridge::myth=debug";
        let config = config(&[&vcmi[..], &[filter]].concat()).unwrap();
        assert_eq!(config.log, "info,metaserve_lobby_bridge::aleph_one=debug");
    }

    #[test]
    fn without_a_protocol_there_is_nothing_to_do() {
        assert!(matches!(config(&[]), Err(ConfigError::NothingToRun)));
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
            (&["--vcmi-healthcheck", "9"], "at least 10s"),
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
        assert_eq!((config.log.as_str(), config.remarks.len()), ("warn", 0));
    }

    #[test]
    fn one_old_word_runs_the_lobby_where_it_was() {
        let config = config(&["capacity=60"]).unwrap();
        assert_eq!(config.vcmi.unwrap().listen, "[::]:5002".parse().unwrap());
        let least = self::config(&["capacity=1", "healthcheck=10"]).unwrap();
        let vcmi = least.vcmi.unwrap();
        let read = (vcmi.limits.capacity, vcmi.health_check);
        assert_eq!(read, (1, Duration::from_secs(10)));
        assert_eq!(least.remarks.len(), 0);
        for (word, level) in [
            ("debug", "debug"),
            ("info", "info"),
            ("warning", "warn"),
            ("error", "error"),
            ("critical", "error"),
        ] {
            let config = self::config(&[&format!("logging={word}")]).unwrap();
            assert_eq!((&*config.log, config.remarks.len()), (level, 0));
        }
        assert_eq!(Options::default().state_dir().as_os_str(), "bridge-state");
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
            config.remarks,
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
            (&["man"], "'man'"),
            (&["account"], "list"),
            (&["--state-dir", "x", "hub", "lst"], "'list'"),
        ] {
            let Err(ConfigError::CommandLine(error)) = config(arguments) else {
                panic!("{arguments:?}");
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
            assert!(format!("{command:?}").contains("Some(\"x\")"), "{line}");
        }
    }
}
