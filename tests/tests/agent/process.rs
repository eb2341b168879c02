//! The agent in a separate process.

use crate::AGENT;
use metaserve_tests::{Daemon, PATIENCE, patiently};
use std::{fs, path::PathBuf, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// A directory with the agent's configuration file and its state.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes the configuration file.
    pub(crate) fn write(&self, file: &str) {
        fs::write(self.file(), file).unwrap();
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("agent.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }
}

/// A running agent. Dropping it kills the process.
pub(crate) struct Agent {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// The lines of the log that were read.
    pub(crate) lines: Vec<String>,
}

impl Agent {
    /// Starts an agent that publishes the servers in the file at this daemon.
    pub(crate) fn start(daemon: &Daemon, home: &Home) -> Self {
        Self::with(&[daemon], home, &[])
    }

    /// Starts the same at several daemons, with further arguments.
    pub(crate) fn with(daemons: &[&Daemon], home: &Home, arguments: &[&str]) -> Self {
        let list = |values: Vec<String>| values.join(",");
        let addresses = daemons.iter().map(|it| it.address.to_string());
        let fingerprints = daemons.iter().map(|it| it.fingerprint.to_string());
        let trust = list(fingerprints.collect());
        Self::at(&list(addresses.collect()), &trust, home, arguments)
    }

    /// Starts the same at the daemons with these addresses and fingerprints.
    pub(crate) fn at(daemons: &str, trust: &str, home: &Home, arguments: &[&str]) -> Self {
        Self::under(&[], daemons, trust, home, arguments)
    }

    /// Starts the same with these variables in its environment, which is otherwise empty.
    pub(crate) fn under(
        environment: &[(&str, &str)],
        daemons: &str,
        trust: &str,
        home: &Home,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(AGENT);
        if home.file().exists() {
            command.arg("--config").arg(home.file());
        }
        let mut process = command
            .env_clear()
            .envs(environment.iter().copied())
            .args(["--daemon", daemons, "--fingerprint", trust])
            .args(["--interval", "1s", "--state-dir"])
            .arg(home.state())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self {
            process,
            log,
            lines: Vec::new(),
        }
    }

    /// Waits for a log line that contains `text`.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        self.logged_within(PATIENCE, text).await
    }

    /// Waits for such a line that comes late.
    pub(crate) async fn logged_within(&mut self, patience: Duration, text: &str) -> String {
        let search = async {
            loop {
                let line = self.log.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("the agent ended without {text:?}"));
                self.lines.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
        };
        let logged = tokio::time::timeout(patience, search).await;
        logged.unwrap_or_else(|_| panic!("waited in vain for {text:?}"))
    }

    /// How many of the lines that were read contain `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(kill.unwrap().success());
    }

    /// Stops the agent as a service manager does, and reads its log to the end.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        self.signal("TERM").await;
        let end = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                self.lines.push(line);
            }
            self.process.wait().await.unwrap()
        };
        let code = patiently("the agent's end", end).await.code();
        assert_eq!(code, Some(0), "{:#?}", self.lines);
        self.lines
    }
}
