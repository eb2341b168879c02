//! The README's two programs compile in a project that has only what is shown there, publish
//! something, and say when they are live.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use metaserve_tests::{Daemon, patiently};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const README: &str = include_str!("../../../README.md");
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// The first block of this language in the section with this title.
fn block(title: &str, language: &str) -> String {
    let (_, section) = README.split_once(&format!("## {title}\n")).unwrap();
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let (_, block) = section.split_once(&format!("```{language}\n")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block.to_owned()
}

/// Makes a project of what a section shows, with what its author fills in, and builds it. Packages
/// that are not published yet come from here, all others in the versions that are tested here.
async fn build(name: &str, title: &str, daemon: &Daemon, directory: &Path) -> PathBuf {
    let project = directory.join(name);
    fs::create_dir_all(project.join("src")).unwrap();
    let program = block(title, "rust,no_run")
        .replace("localhost:4433", &daemon.address.to_string())
        .replace(
            "the 64 digits that the daemon prints",
            &daemon.fingerprint.to_string(),
        );
    fs::write(project.join("src/main.rs"), program).unwrap();
    let mut manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n\n");
    manifest += &block(title, "toml");
    manifest += "\n[workspace]\n\n[patch.crates-io]\n";
    for ours in ["metaserve", "metaserve-heartbeat", "metaserve-client"] {
        let path = root().join(ours);
        manifest += &format!("{ours} = {{ path = {path:?} }}\n");
    }
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    // Both projects, and the next run, share what they have compiled.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("RUSTFLAGS")
        .status()
        .await
        .unwrap();
    assert!(built.success(), "{name} does not compile");
    target.join("debug").join(name)
}

struct Program {
    _process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(binary: &Path) -> Self {
        let mut process = Command::new(binary)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self {
            _process: process,
            output,
        }
    }

    async fn prints(&mut self, text: &str) {
        let printed = async {
            while let Some(line) = self.output.next_line().await.unwrap() {
                if line.contains(text) {
                    return;
                }
            }
            panic!("it ended without {text}");
        };
        patiently(text, printed).await;
    }
}

#[tokio::test]
async fn both_programs_compile_with_what_is_shown_and_go_live() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let directory = tempfile::tempdir().unwrap();
    let server = build(
        "my-server",
        "In your game server",
        &daemon,
        directory.path(),
    )
    .await;
    let client = build(
        "my-client",
        "In your game client",
        &daemon,
        directory.path(),
    )
    .await;
    let [mut server, mut client] = [&server, &client].map(|it| Program::start(it));
    for program in [&mut server, &mut client] {
        program.prints("live: connected to the daemon").await;
    }
    client.prints("127.0.0.1:7777: Some(ServerInfo").await;
    client.prints("players: Some(2)").await;
}
