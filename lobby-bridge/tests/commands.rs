//! Tests of the subcommands, as an operator types them.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use metaserve_lobby_bridge::accounts::{Accounts, Settings, default_database};

struct Operator(tempfile::TempDir);

impl Operator {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn state(&self) -> &Path {
        self.0.path()
    }

    fn types(&self, line: &str, input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_metaserve-lobby-bridge"))
            .args(line.split(' '))
            .arg("--state-dir")
            .arg(self.state())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        // The program may end without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    /// Runs a command that succeeds, and returns its output.
    fn reads(&self, line: &str, input: &str) -> String {
        let output = self.types(line, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command that fails, and returns its error message.
    fn is_told(&self, line: &str, input: &str) -> String {
        let output = self.types(line, input);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        String::from_utf8(output.stderr).expect("text")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_added_changed_listed_and_removed() {
    let operator = Operator::new();
    assert_eq!(
        operator.reads("account add bob --password-stdin", "secret\n"),
        "added bob\n"
    );
    operator.reads("account add ann --password-stdin", "déjà vu\r\nsecond line");
    operator.reads("account moderator ann", "");
    operator.reads("account hide bob on", "");
    let list = "ACCOUNT  MODERATOR  HIDDEN  ORDER\n\
                bob                 yes     1\n\
                ann      yes                2\n";
    assert_eq!(operator.reads("account list", ""), list);

    let url = default_database(operator.state());
    let accounts = Accounts::open(&url, Settings::default()).await.unwrap();
    let from = "192.0.2.1".parse().unwrap();
    assert!(
        accounts
            .check_password("bob", "secret", from)
            .await
            .unwrap()
            .hidden
    );
    assert!(
        accounts
            .check_password("ann", "déjà vu", from)
            .await
            .unwrap()
            .moderator
    );

    operator.reads("account passwd bob --password-stdin", "changed");
    operator.reads("account hide bob off", "");
    operator.reads("account moderator ann off", "");
    operator.reads("account remove ann", "");
    assert!(
        accounts
            .check_password("bob", "changed", from)
            .await
            .is_ok()
    );
    assert!(
        accounts
            .check_password("ann", "déjà vu", from)
            .await
            .is_err()
    );
    let json: serde_json::Value =
        serde_json::from_str(&operator.reads("account list --json", "")).unwrap();
    let bob = serde_json::json!([
        { "username": "bob", "moderator": false, "hidden": false, "sort_order": 1 }
    ]);
    assert_eq!(json, bob);
}

#[test]
fn hubs_are_added_listed_and_removed() {
    let operator = Operator::new();
    operator.reads("hub add hub.example 4226", "");
    operator.reads("hub add 192.0.2.7 4227 --network-version V3", "");
    let list = "HUB  HOST         PORT  NETWORK VERSION\n\
                1    hub.example  4226  Aleph One WonderNAT V2\n\
                2    192.0.2.7    4227  V3\n";
    assert_eq!(operator.reads("hub list", ""), list);
    operator.reads("hub remove 1", "");
    let json: serde_json::Value =
        serde_json::from_str(&operator.reads("hub list --json", "")).unwrap();
    assert_eq!(json[0]["id"], 2);
    let told = operator.is_told("hub remove 1", "");
    assert_eq!(
        told,
        "metaserve-lobby-bridge: there is no hub 1: `hub list` shows all hubs\n"
    );
}

#[test]
fn errors_of_commands_are_printed_in_one_line() {
    let operator = Operator::new();
    let told = operator.is_told("account list", "");
    assert!(told.contains("there is no database"), "{told}");
    operator.reads("account add bob --password-stdin", "secret");
    for (line, input, expected) in [
        (
            "account add bob --password-stdin",
            "x",
            "there is already an account of that name: choose another name",
        ),
        (
            "account add guest --password-stdin",
            "x",
            "players without an account",
        ),
        (
            "account add b\u{f6}b --password-stdin",
            "x",
            "visible ASCII",
        ),
        ("account add new --password-stdin", "", "1 to 15 characters"),
        (
            "account add new --password-stdin",
            "sixteen letters!",
            "1 to 15 characters",
        ),
        ("account add new", "x", "--password-stdin"),
        ("account remove Bob", "", "there is no account `Bob`"),
        (
            "account passwd ann --password-stdin",
            "x",
            "there is no account `ann`",
        ),
        (
            "account list --database postgres://x",
            "",
            "because: not a database",
        ),
        ("hub add  4226", "", "a host is a name"),
    ] {
        let told = operator.is_told(line, input);
        assert!(told.contains(expected), "{line}: {told}");
        assert!(!told.contains("sixteen"), "no password is repeated: {told}");
    }
}

#[test]
fn the_database_may_be_set_in_the_configuration_file() {
    let operator = Operator::new();
    let elsewhere = operator.state().join("elsewhere.sqlite");
    let file = operator.state().join("bridge.toml");
    let text = format!(
        "vcmi = \"[::]:5002\"\ndatabase = \"sqlite:{}\"",
        elsewhere.display()
    );
    std::fs::write(&file, text).unwrap();
    let line = format!(
        "account add bob --password-stdin --config {}",
        file.display()
    );
    operator.reads(&line, "secret");
    assert!(elsewhere.exists());
}

/// A user saw `account list | head` end in a panic.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_pipe_is_no_error_but_a_full_disk_is() {
    let operator = Operator::new();
    operator.reads("account add bob --password-stdin", "secret");
    operator.reads("hub add hub.example 4226", "");
    for line in [
        "account list",
        "account list --json",
        "hub list",
        "hub list --json",
        "account hide bob on",
        "account --help",
        "--help",
    ] {
        let run = |output: Stdio| {
            let output = Command::new(env!("CARGO_BIN_EXE_metaserve-lobby-bridge"))
                .args(line.split(' '))
                .env("METASERVE_BRIDGE_STATE_DIR", operator.state())
                .stdout(output)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.code(), said)
        };
        let gone = std::io::pipe().unwrap().1;
        assert_eq!(run(gone.into()), (Some(0), String::new()), "{line}");
        let full = std::fs::File::create("/dev/full").unwrap();
        let (code, said) = run(full.into());
        assert_eq!(code, Some(1), "{line}: {said}");
        assert!(said.contains("cannot write to standard output"), "{said}");
    }
}

#[test]
fn help_names_all_commands() {
    let operator = Operator::new();
    assert!(operator.reads("--help", "").contains("account add NAME"));
    let help = operator.reads("account --help", "");
    for command in ["add", "passwd", "list", "remove", "moderator", "hide"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn bans_are_added_listed_and_removed() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bans.txt");
    let config = directory.path().join("bridge.toml");
    std::fs::write(&config, format!("ban-file = '{}'", file.display())).expect("a file");
    let types = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_metaserve-lobby-bridge"))
            .args(words)
            .arg("--config")
            .arg(&config)
            .output()
            .expect("it runs");
        let said = String::from_utf8(output.stdout).expect("text");
        (output.status.code(), said)
    };
    let banned = types(&[
        "ban",
        "192.0.2.7",
        "--for",
        "2h",
        "--guests",
        "--reason",
        "x",
    ]);
    assert_eq!(banned.0, Some(0));
    let (_, until) = banned
        .1
        .trim()
        .split_once(" is banned for guests until ")
        .expect("a time");
    types(&["ban", "198.51.100.0/24"]);
    let text = std::fs::read_to_string(&file).expect("it was made");
    assert!(
        text.starts_with(&format!("192.0.2.7 guests until {until} # ")),
        "{text}"
    );
    let (_, list) = types(&["ban", "list"]);
    let lines: Vec<_> = list.lines().collect();
    assert!(lines[1].starts_with("192.0.2.7 guests  "), "{list}");
    // Or "1h 59m", if that was a second ago.
    assert!(
        lines[1].contains("  2h  ") || lines[1].contains("  1h 59m  "),
        "{list}"
    );
    assert!(lines[2].starts_with("198.51.100.0/24 "), "{list}");
    let unbanned = types(&["unban", "192.0.2.7", "198.51.100.1"]);
    assert_eq!(unbanned.0, Some(1), "the second is still banned");
    assert!(
        !std::fs::read_to_string(&file)
            .expect("text")
            .contains("192.0.2.7")
    );
}

#[test]
fn an_address_that_lists_share_is_named_once() {
    let operator = Operator::new();
    let line = "--ddnet-http 127.0.0.1:0 --luanti-http 127.0.0.1:0 --quake2 127.0.0.1:0 check";
    let said = operator.reads(line, "");
    let count = |line: &str| said.lines().filter(|it| *it == line).count();
    assert_eq!(count("listen: 127.0.0.1:0 (TCP)"), 1, "{said}");
    assert_eq!(count("listen: 127.0.0.1:0 (UDP)"), 1, "{said}");
}
