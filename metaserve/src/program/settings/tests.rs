use super::*;
use crate::program::log::{self, LogFormat};
use clap::{ArgAction, Args, Parser};
use std::{ffi::OsString, path::PathBuf, time::Duration};

/// A setting of each kind.
#[derive(Args, Debug)]
struct Shop {
    /// Serve at most this many customers
    #[arg(long, value_name = "COUNT", default_value = "10", value_parser = within(1..=99_usize))]
    customers: usize,
    /// Close after this time
    ///
    /// Without a word.
    #[arg(
        long,
        alias = "closing-time",
        value_name = "TIME",
        default_value = "8h",
        value_parser = within(Duration::from_secs(1)..=Duration::from_secs(86_400))
    )]
    close_after: Duration,
    /// Whether there is music
    #[arg(long, value_name = "on|off", default_value = "on", action = ArgAction::Set, value_parser = switch)]
    music: bool,
    /// Sell these
    #[arg(long, value_name = "WARE", value_delimiter = ',', action = ArgAction::Append)]
    ware: Vec<String>,
    /// Say this at the door
    #[arg(long, value_name = "TEXT")]
    greeting: Option<String>,
    /// Feed these animals
    #[arg(long, value_name = "PET", value_parser = pet)]
    pet: Vec<String>,
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[arg(long, value_name = "FILE", hide_env_values = true)]
    key: Option<PathBuf>,
    #[arg(long, default_value = "auto")]
    log_format: LogFormat,
    #[command(flatten)]
    live: Live,
}

#[derive(Args, Debug)]
struct Live {
    #[arg(long, default_value = "info", value_parser = log::filter)]
    log: String,
}

/// A setting with an inner structure.
fn pet(text: &str) -> Result<String, String> {
    match text.contains("= 5") {
        true => Err("`legs`: 5 is odd".to_owned()),
        false => Ok(text.to_owned()),
    }
}

impl Settings for Shop {
    type Live = Live;
    const VARIABLES: &str = "SHOP_";
    const OTHERS: &[&str] = &["SHOP_BAKERY_"];
    const TOGETHER: &[&[&str]] = &[&["lock", "key"]];

    fn log(&self) -> (&str, LogFormat) {
        (&self.live.log, self.log_format)
    }

    fn complete(&mut self, values: &Values) -> Vec<Problem> {
        match (values.is_given("lock"), values.is_given("key")) {
            (true, false) => vec![Problem::new("lock", "--lock needs --key")],
            _ => Vec::new(),
        }
    }
}

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    shop: Given<Shop>,
}

/// What flags, variables and a file say together, and the mistakes in them.
fn look(flags: &[&str], variables: &[(&str, &str)], file: &str) -> (Settled<Shop>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.toml");
    std::fs::write(&path, file).unwrap();
    let line = CommandLine::try_parse_from([&["shop"], flags].concat()).unwrap();
    let given = line.shop.with_file(&path);
    let variable = |(name, text): &(&str, &str)| (OsString::from(name), OsString::from(text));
    let (settled, mistakes) = given.look_in(variables.iter().map(variable));
    let shown = format!("{}", path.display());
    let said = mistakes
        .iter()
        .map(|it| it.to_string().replace(&shown, "FILE"));
    (settled, said.collect())
}

/// The source of a setting's value.
fn origin(values: &Values, name: &str) -> String {
    values.origin(name).to_string()
}

/// For each setting, values that it accepts as a flag and in a file.
const EXAMPLES: [(&str, [&str; 3]); 10] = [
    ("customers", ["1", "2", "3"]),
    ("close-after", ["1s", "2s", "3s"]),
    ("music", ["off", "on", "off"]),
    ("ware", ["a", "b", "c"]),
    ("greeting", ["a", "b", "c"]),
    ("pet", ["a", "b", "c"]),
    ("lock", ["a", "b", "c"]),
    ("key", ["a", "b", "c"]),
    ("log-format", ["text", "json", "text"]),
    ("log", ["error", "warn", "debug"]),
];

#[test]
fn every_layer_beats_the_one_below_for_every_setting() {
    let names: Vec<_> = Shop::declared().iter().map(|it| it.name.clone()).collect();
    assert_eq!(names, EXAMPLES.map(|(name, _)| name));
    for (name, [low, middle, high]) in EXAMPLES {
        let file = match name {
            "customers" => format!("{name} = {low}"),
            _ => format!("{name} = '{low}'"),
        };
        let variable = environment::variable(Shop::VARIABLES, name);
        let variables = &[(&*variable, middle)][..];
        let flag = format!("--{name}={high}");
        let flags = &[&*flag][..];
        for (flags, variables, file, from, text) in [
            (&[][..], &[][..], &*file, "FILE, line 1".to_owned(), low),
            (&[], variables, &file, variable.clone(), middle),
            (flags, variables, &file, format!("--{name}"), high),
            (flags, &[], &file, format!("--{name}"), high),
            (flags, variables, "", format!("--{name}"), high),
        ] {
            let (Settled { values, .. }, _) = look(flags, variables, file);
            let value = values.iter().find(|it| &*it.arg == name).unwrap();
            assert_eq!(value.entry.texts, [text], "{name}");
            let origin = origin(&values, name);
            assert!(
                origin.ends_with(from.trim_start_matches("FILE")),
                "{origin}"
            );
        }
    }
    let (Settled { settings, values }, mistakes) = look(&[], &[], "");
    assert_eq!(mistakes, [""; 0]);
    assert_eq!((settings.customers, settings.music), (10, true));
    assert_eq!(settings.close_after, Duration::from_secs(8 * 3600));
    assert_eq!(origin(&values, "customers"), "default");
}

#[test]
fn all_mistakes_are_named_at_once_with_their_places() {
    let file = "customers = 100000\ncustomres = 3\nmusic = 1\nclose-after = 'soon'\nlock = 5\n\
                customers = 5\nware = 'one'\n[shelf]\nlog = 'inof'";
    let variables = [
        ("SHOP_CUSTOMRES", "3"),
        ("SHOP_LOG", "inof"),
        ("SHOP_BAKERY_OVEN", "hot"),
        ("SHOP_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("SHOP_SERVICE_HOST", "10.0.0.1"),
        ("SHOP_CONFIG", "-"),
        ("OTHER", "x"),
    ];
    let (settled, mistakes) = look(&["--music=loud", "--greeting=hello"], &variables, file);
    let expected = [
        "FILE, line 1: `customers`: 100000 is out of range: choose 99 or less, down to 1",
        "FILE, line 2: `customres` is not a setting: did you mean `customers`?",
        "FILE, line 3: `music`: write \"on\" or \"off\", not a value of type integer",
        "FILE, line 4: `close-after`: \"soon\" is not a duration",
        "FILE, line 5: `lock`: write text in quotes, not a value of type integer",
        "FILE, line 6: `customers` is given twice: choose one",
        "FILE, line 8: `shelf` is not a setting",
        "SHOP_CUSTOMRES: no such setting: did you mean SHOP_CUSTOMERS?",
        "--music: \"loud\": write on or off",
        "SHOP_LOG: \"inof\": `inof` is not a level",
        "FILE, line 5: --lock needs --key",
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "{mistake}\n{expected}");
    }
    // The other settings are available.
    assert_eq!(settled.settings.greeting.as_deref(), Some("hello"));
    assert_eq!(settled.settings.ware, ["one"]);
}

#[test]
fn invalid_toml_and_look_alike_characters_are_reported_by_line() {
    for (file, expected) in [
        (
            "customers = 1\nmusic = \u{201c}on\u{201d}",
            "FILE: line 2, character 9 (U+201C) is a",
        ),
        ("customers = 1\nmusic == 'on'", "FILE, line 2: "),
        ("customers = 1\n\nmusic", "FILE, line 3: "),
    ] {
        let (settled, mistakes) = look(&[], &[], file);
        assert!(mistakes[0].starts_with(expected), "{mistakes:?}");
        assert_eq!(settled.settings.customers, 1);
    }
    let line = CommandLine::try_parse_from(["shop", "--config", "/nowhere/shop.toml"]).unwrap();
    let mistakes = line.shop.settle().unwrap_err().to_string();
    assert!(
        mistakes.starts_with("/nowhere/shop.toml: cannot use the configuration file"),
        "{mistakes}"
    );
}

/// A table with a mistake was named by the line of its heading, and shown whole.
#[test]
fn a_table_is_the_same_under_a_heading_and_in_braces_and_a_mistake_in_it_has_its_line() {
    let braces = r#"greeting = { word = "hi \"you\"\n", times = [1, 2], to = { all = true } }"#;
    let heading = r#"
        [greeting]
        word = "hi \"you\"\n"
        times = [
            1,
            2,
        ]
        [greeting.to]
        all = true
    "#;
    let tables = [braces, heading].map(|file| look(&[], &[], file).0.settings.greeting);
    let expected =
        r#"{ "times" = [ 1, 2 ], "to" = { "all" = true }, "word" = "hi \"you\"\u000A" }"#;
    assert_eq!(tables, [(); 2].map(|()| Some(expected.to_owned())));
    let file = "customers = 1\n[[pet]]\nname = 'a'\nlegs = 4\n[[pet]]\nlegs = 5\nname = 'b'";
    let (_, mistakes) = look(&[], &[], file);
    assert_eq!(mistakes, ["FILE, line 6: `pet`: `legs`: 5 is odd"]);
}

#[test]
fn values_are_written_in_the_same_way_everywhere() {
    for (text, seconds) in [("30", 30), ("30s", 30), ("1m 30s", 90)] {
        let flag = format!("--close-after={text}");
        let (settled, mistakes) = look(&[&flag], &[], "");
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(settled.settings.close_after, Duration::from_secs(seconds));
    }
    for (text, on) in [
        ("'on'", true),
        ("'off'", false),
        ("true", true),
        ("false", false),
    ] {
        let (settled, mistakes) = look(&[], &[], &format!("music = {text}"));
        assert_eq!((settled.settings.music, mistakes.len()), (on, 0), "{text}");
    }
    let (settled, _) = look(
        &[],
        &[("SHOP_WARE", "a,b")],
        "close-after = 0x10\nware = ['c']",
    );
    assert_eq!(settled.settings.ware, ["a", "b"]);
    assert_eq!(settled.settings.close_after, Duration::from_secs(16));
}

#[test]
fn settings_that_belong_together_come_from_one_source() {
    let (settled, mistakes) = look(&["--lock=mine"], &[], "lock = 'theirs'\nkey = 'theirs'");
    assert_eq!(settled.settings.key, None);
    assert_eq!(mistakes, ["--lock needs --key"]);
}

#[test]
fn an_old_name_is_the_same_setting() {
    for (flags, variables, file) in [
        (&["--closing-time=5s"][..], &[][..], ""),
        (&[], &[("SHOP_CLOSING_TIME", "5s")], ""),
        (&[], &[], "closing-time = '5s'"),
    ] {
        let (settled, mistakes) = look(flags, variables, file);
        assert_eq!(settled.settings.close_after, Duration::from_secs(5));
        assert_eq!(mistakes, [""; 0]);
    }
    let (_, mistakes) = look(&[], &[], "closing-time = '5s'\nclose-after = '5s'");
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(
        mistakes[0].contains("is the same setting as in"),
        "{mistakes:?}"
    );
}

#[test]
fn the_table_shows_values_and_sources_but_no_secrets() {
    let variables = [("SHOP_KEY", "my secret"), ("SHOP_LOCK", "door")];
    let (settled, _) = look(&["--customers=5"], &variables, "music = false");
    let table = settled.values.to_string();
    for [name, value, from] in [
        ["customers", "5", "--customers"],
        ["close-after", "8h", "default"],
        ["music", "off", "shop.toml, line 1"],
        ["key", "(not shown)", "SHOP_KEY"],
        ["greeting", "-", "default"],
    ] {
        let mut lines = table
            .lines()
            .map(|line| (line, line.split_whitespace().next()));
        let (line, _) = lines.find(|(_, first)| *first == Some(name)).unwrap();
        assert!(
            line.contains(&format!(" {value} ")) && line.ends_with(from),
            "{line}"
        );
    }
    assert!(!table.contains("secret"), "{table}");
}

#[test]
fn the_help_shows_bounds_and_variables_but_no_secrets() {
    use clap::CommandFactory;
    CommandLine::command().debug_assert();
    let help = CommandLine::command()
        .term_width(200)
        .render_help()
        .to_string();
    assert!(
        help.contains("[1 to 99] [env: SHOP_CUSTOMERS=] [default: 10]"),
        "{help}"
    );
    let rows = reference::<Shop>();
    let row = "| `--close-after TIME` (also `--closing-time`) | `8h` | 1s to 1day |  | Close after \
               this time. Without a word. |";
    assert!(rows.contains(row), "{rows}");
    assert!(rows.contains("| `--log LOG` | `info` |  | yes |"), "{rows}");
}

#[test]
fn an_argument_of_another_form_wins_over_the_environment_but_not_a_flag() {
    let mut given = CommandLine::try_parse_from(["shop", "--music=off"])
        .unwrap()
        .shop;
    given.say("customers", "7", "customers=7");
    given.say("music", "on", "music=on");
    let variables = [("SHOP_CUSTOMERS".into(), "8".into())];
    let (settled, _) = given.look_in(variables);
    assert_eq!(
        (settled.settings.customers, settled.settings.music),
        (7, false)
    );
    assert_eq!(origin(&settled.values, "customers"), "customers=7");
}
