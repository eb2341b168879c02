//! `realm dev` and its prompt, with commands from a pipe.

use crate::patiently;
use std::{path::Path, process::Stdio};
use tokio::{io::AsyncWriteExt, process::Command};

/// Runs `realm dev` with these commands. Returns its exit code, its output and its errors.
async fn dev(state: &Path, commands: &str) -> (Option<i32>, String, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_realm"))
        .args(["dev", "--listen", "127.0.0.1:0", "--state"])
        .arg(state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(commands.as_bytes()).await.unwrap();
    drop(stdin);
    let output = patiently("the end of realm dev", process.wait_with_output());
    let output = output.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn a_newcomer_plays_with_a_list_of_commands_and_comes_back() {
    let state = tempfile::tempdir().unwrap();
    let commands = "# The first time.\n\
                    register ann a long password\n\
                    login ann a long password\n\
                    create Ann\n\
                    map\n\
                    move 3 0\n\
                    detail hen\n\
                    activate hen\n\
                    take speckled egg\n\
                    me\n\
                    say hello\n\
                    zones\n\
                    who\n\
                    quit\n";
    let (code, output, errors) = dev(state.path(), commands).await;
    assert_eq!(code, Some(0), "{output}\n{errors}");
    for line in [
        "> register ann",
        "> login ann",
        "> move 3 0",
        "you are at 15.0 20.0",
        "Berta: Cluck, cluck!",
        "you carry: brown egg, speckled egg",
        "Ann: hello",
    ] {
        assert!(output.lines().any(|it| it == line), "{line}: {output}");
    }
    assert!(
        output.contains("the page is at http://127.0.0.1:"),
        "{output}"
    );
    assert!(output.contains("@ you"), "{output}");
    assert!(output.contains("shared/meadow  host-"), "{output}");
    assert!(!output.contains("long password"), "{output}");

    let me = output
        .lines()
        .find(|it| it.starts_with("Ann, in shared/meadow, at "));
    let me = me.unwrap().to_owned();

    let commands = "login ann a long password\ncharacters\nenter ann\nme\nlogout\n";
    let (code, output, errors) = dev(state.path(), commands).await;
    assert_eq!(code, Some(0), "{output}\n{errors}");
    assert!(output.lines().any(|it| it == me), "{me}: {output}");
    assert!(output.contains("you carry: brown egg, speckled egg"));
}

#[tokio::test]
async fn the_first_command_finds_a_world_that_can_be_entered() {
    let state = tempfile::tempdir().unwrap();
    let (code, output, errors) = dev(state.path(), "zones\n").await;
    assert_eq!(code, Some(0), "{output}\n{errors}");
    assert!(output.contains("shared/meadow  host-"), "{output}");
}

#[tokio::test]
async fn the_first_command_that_fails_ends_the_program_with_its_line() {
    let state = tempfile::tempdir().unwrap();
    for (commands, part) in [
        (
            "help\ndance\nhelp\n",
            "error: line 2: there is no command `dance`",
        ),
        ("\n\nmove 1 1\n", "error: line 3: log in first"),
        ("login ann wrong password\n", "error: line 1: "),
        ("login ann\n", "error: line 1: give the password"),
        ("kill host-9\n", "error: line 1: no host host-9 is running"),
    ] {
        let (code, output, errors) = dev(state.path(), commands).await;
        assert_eq!(code, Some(1), "{commands}: {output}");
        assert!(errors.contains(part), "{commands}: {errors}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_answered_with_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    // Nobody listens on port 1.
    for (arguments, part) in [
        (
            &["up", "--log", "redis://127.0.0.1:1"][..],
            "start one with `redis-server --appendonly yes`",
        ),
        (
            &["zones", "--gateway", "http://127.0.0.1:1"],
            "cannot reach the gateway at http://127.0.0.1:1",
        ),
        (&["zone"], "copy public.keys and service.ticket"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_realm"))
            .args(arguments)
            .current_dir(state.path())
            .stdin(Stdio::null())
            .output();
        let output = patiently("an answer", output).await.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn the_password_of_redis_is_shown_to_nobody() {
    let state = tempfile::tempdir().unwrap();
    for arguments in [&["up", "--help"][..], &["zone", "--help"], &["up"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_realm"))
            .args(arguments)
            // Nobody listens there.
            .env("REALM_LOG", "redis://:hush@127.0.0.1:1")
            .current_dir(state.path())
            .stdin(Stdio::null())
            .output();
        let output = patiently("an answer", output).await.unwrap();
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains("hush"), "{arguments:?}: {text}");
        }
    }
}
