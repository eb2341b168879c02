//! The command line documents itself: for people, shells and `man`.

use crate::DAEMON;
use metaserve_tests::run;

#[tokio::test]
async fn the_completions_of_every_shell_have_every_flag() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = run(DAEMON, &["completions", shell]).await;
        assert_eq!(completions.code, Some(0), "{shell}");
        for word in ["max-heartbeat", "state-dir", "completions"] {
            assert!(completions.output.contains(word), "{shell}: {word}");
        }
    }
}

#[tokio::test]
async fn the_manual_has_a_page_for_the_daemon_and_each_command() {
    let page = run(DAEMON, &["man"]).await;
    assert_eq!(page.code, Some(0));
    assert!(page.output.starts_with(".ie"), "{}", page.output);
    assert!(page.output.contains("max\\-heartbeat"));

    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    let written = run(DAEMON, &["man", "--out", out.to_str().unwrap()]).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let help = run(DAEMON, &["help"]).await.output;
    let commands = help.lines().skip_while(|line| *line != "Commands:");
    let commands: Vec<_> = commands
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A line that is indented further goes on with what the last command does.
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|command| !command.is_empty())
        .filter(|command| *command != "help")
        .collect();
    assert!(
        commands.contains(&"cert") && commands.contains(&"man"),
        "{help}"
    );
    assert!(out.join("metaserve-daemon.1").exists());
    for command in commands {
        assert!(
            out.join(format!("metaserve-daemon-{command}.1")).exists(),
            "{command}"
        );
    }
}

#[tokio::test]
async fn settings_are_refused_before_a_command() {
    let refused = run(DAEMON, &["--tick", "1s", "man"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.complaint.contains("'man'"), "{refused:?}");
}
