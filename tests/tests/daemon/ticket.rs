//! `metaserve-daemon ticket`: keys and tickets on the command line.

use crate::{DAEMON, cert::text};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use metaserve_tests::{Ended, patiently, run};
use std::{fs, process::Stdio};
use tempfile::tempdir;
use tokio::{io::AsyncWriteExt, process::Command};

const PAGE: &str = include_str!("../../../docs/reference/tickets.md");

async fn ticket(arguments: &[&str]) -> Ended {
    run(DAEMON, &[&["ticket"], arguments].concat()).await
}

/// The line of the page that begins with this and contains no space.
fn line(begin: &str) -> &'static str {
    let mut lines = PAGE.lines().map(str::trim);
    let found = lines.find(|it| it.starts_with(begin) && !it.contains(' '));
    found.unwrap_or_else(|| panic!("no {begin}"))
}

#[tokio::test]
async fn a_new_key_signs_tickets_that_its_public_key_accepts() {
    let directory = tempdir().unwrap();
    let [secret, keys] = ["issuer.key", "names.keys"].map(|name| directory.path().join(name));
    let made = ticket(&["key", "--out", text(&secret)]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    fs::write(&keys, &made.output).unwrap();
    let again = ticket(&["key", "--show", text(&secret)]).await;
    assert_eq!(again.output, made.output);

    let new = ["new", "--key", text(&secret), "--subject", "alice"];
    let further = [
        "--audience",
        "my-game",
        "--scope",
        "claim:zone/*",
        "--for",
        "1h",
    ];
    let issued = ticket(&[&new[..], &further].concat()).await;
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let show = ["show", issued.output.trim(), "--keys", text(&keys)];
    let right = ["--audience", "my-game", "--right", "claim:zone/a"];
    let shown = ticket(&[&show[..], &right].concat()).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let begin = "subject: alice\naudience: my-game\nscopes: claim:zone/*\nvalid from: ";
    assert!(shown.output.starts_with(begin), "{shown:?}");
    assert!(shown.output.ends_with("\nsignature: valid\n"), "{shown:?}");

    let unchecked = ticket(&show[..2]).await;
    assert_eq!(unchecked.code, Some(0), "{unchecked:?}");
    assert!(
        unchecked.output.contains("signature: not checked"),
        "{unchecked:?}"
    );

    let table: [(&[&str], &str); 2] = [
        (
            &["--audience", "other"],
            "is for the audience \"my-game\", not for \"other\"",
        ),
        (
            &["--right", "claim:zone"],
            "does not permit \"claim:zone\", only claim:zone/*",
        ),
    ];
    for (arguments, expected) in table {
        let refused = ticket(&[&show[..], arguments].concat()).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.complaint.contains(expected), "{refused:?}");
        assert!(!refused.output.contains("signature"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_that_exists_is_not_overwritten() {
    let directory = tempdir().unwrap();
    let secret = directory.path().join("issuer.key");
    let make = ["key", "--out", text(&secret)];
    assert_eq!(ticket(&make).await.code, Some(0));
    let first = fs::read_to_string(&secret).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let refused = ticket(&make).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.complaint.contains("choose another file"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&secret).unwrap(), first);
}

/// Ed25519 signatures are the same each time, so the page's ticket can be made again.
#[tokio::test]
async fn the_ticket_of_the_page_is_what_its_command_prints() {
    let directory = tempdir().unwrap();
    let [secret, keys] = ["known.key", "names.keys"].map(|name| directory.path().join(name));
    fs::write(&secret, line("k4.secret.")).unwrap();
    fs::write(&keys, line("k4.public.")).unwrap();
    let command = PAGE
        .lines()
        .find(|line| line.contains("--key known.key"))
        .unwrap();
    let words = command
        .split(' ')
        .skip(2)
        .map(|word| word.trim_matches('\''));
    let words: Vec<_> = words
        .map(|word| {
            if word == "known.key" {
                text(&secret)
            } else {
                word
            }
        })
        .collect();
    let issued = ticket(&words).await;
    assert_eq!(issued.code, Some(0), "{issued:?}");
    assert_eq!(issued.output.trim(), line("v4.public."));

    let early = ticket(&["show", line("v4.public."), "--keys", text(&keys)]).await;
    assert!(
        early.output.contains("valid until: 2030-01-01T01:00:00Z"),
        "{early:?}"
    );
}

/// Strangers can write what looks like a ticket.
#[tokio::test]
async fn a_ticket_from_standard_input_is_bounded_and_shown_safely() {
    let name =
        r#"{"sub":"\u001b[2Ja\u202eb","aud":"x","scopes":["login"],"exp":"2030-01-01T00:00:00Z"}"#;
    let refused = show(&forged(name)).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.complaint.contains("the subject is not text"),
        "{refused:?}"
    );

    let turned = name.replace("\\u001b", "");
    let shown = show(&format!(" {}\n", forged(&turned))).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.output.starts_with("subject: [2Jab\n"), "{shown:?}");

    let long = show(&"v".repeat(1_000_000)).await;
    assert_eq!(long.code, Some(1), "{long:?}");
    assert!(
        long.complaint.contains("the longest ones have 4096"),
        "{long:?}"
    );
}

#[tokio::test]
async fn arguments_that_make_no_ticket_are_reported() {
    let directory = tempdir().unwrap();
    let [secret, missing, keys] =
        ["known.key", "missing", "empty.keys"].map(|name| directory.path().join(name));
    fs::write(&secret, line("k4.secret.")).unwrap();
    fs::write(&keys, "# none").unwrap();
    let [secret, missing, keys] = [&secret, &missing, &keys].map(|path| text(path));
    let table: [(&[&str], &str); 8] = [
        (&["key"], "<--out <FILE>|--show <FILE>>"),
        (&["key", "--show", missing], "missing: cannot read the file"),
        (
            &["show", "hello"],
            "not a ticket: its text does not begin with v4.public.",
        ),
        (
            &["show", &line("v4.public.")[..80]],
            "the ticket is incomplete",
        ),
        (
            &["show", line("v4.public."), "--keys", keys],
            "empty.keys: 0 keys: there must be",
        ),
        (
            &["show", line("v4.public."), "--keys", secret],
            "line 1: a secret key among public",
        ),
        (
            &["show", line("v4.public."), "--right", "login"],
            "--keys <FILE>",
        ),
        (&["new", "--key", secret], "--subject <TEXT>"),
    ];
    for (arguments, expected) in table {
        let refused = ticket(arguments).await;
        assert!(
            matches!(refused.code, Some(1 | 2)),
            "{arguments:?}: {refused:?}"
        );
        assert!(
            refused.complaint.contains(expected),
            "{arguments:?}: {refused:?}"
        );
    }
    let new =
        |key: &'static str, subject: &'static str, scope: &'static str, time: &'static str| {
            let words = [
                "new",
                "--audience",
                "a",
                "--subject",
                subject,
                "--scope",
                scope,
                "--for",
                time,
            ];
            [
                &words[..],
                &["--key"],
                &[if key == "missing" { missing } else { secret }],
            ]
            .concat()
        };
    let table = [
        (
            new("missing", "a", "login", "1h"),
            "make a key with metaserve-daemon ticket key",
        ),
        (
            new("", "", "login", "1h"),
            "the subject is not text of 1 to 255 bytes",
        ),
        (
            new("", "a", "Login", "1h"),
            "the action of a scope is 1 to 32 small letters",
        ),
        (
            new("", "a", "claim:*/a", "1h"),
            "a * can only be the last character",
        ),
        (new("", "a", "login", "0s"), "not after it becomes valid"),
        (new("", "a", "login", "soon"), "--for <TIME>"),
    ];
    for (arguments, expected) in table {
        let refused = ticket(&arguments).await;
        assert!(
            matches!(refused.code, Some(1 | 2)),
            "{arguments:?}: {refused:?}"
        );
        assert!(
            refused.complaint.contains(expected),
            "{arguments:?}: {refused:?}"
        );
    }
}

/// A ticket that says this, with the footer of the page's ticket and a signature of zeros.
fn forged(claims: &str) -> String {
    let (_, footer) = line("v4.public.").rsplit_once('.').unwrap();
    let signed = [claims.as_bytes(), &[0; 64]].concat();
    format!("v4.public.{}.{footer}", URL_SAFE_NO_PAD.encode(signed))
}

/// Shows a ticket that comes from standard input.
async fn show(ticket: &str) -> Ended {
    let mut program = Command::new(DAEMON)
        .env_clear()
        .args(["ticket", "show"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    // It does not read what is too long to its end.
    let _ = input.write_all(ticket.as_bytes()).await;
    drop(input);
    let output = patiently("the program's end", program.wait_with_output())
        .await
        .unwrap();
    Ended {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        complaint: String::from_utf8(output.stderr).unwrap(),
    }
}
