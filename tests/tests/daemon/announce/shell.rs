//! The commands of `docs/reference/http.md` list a server, keep it listed and take it off.

use super::*;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};
use tokio::process::Command;

const PAGE: &str = include_str!("../../../../docs/reference/http.md");

/// The commands of the page about announcements, in order.
fn commands() -> Vec<&'static str> {
    let (_, section) = PAGE.split_once("\n## Announcements\n").unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|it| it.split("```").next().unwrap()).collect()
}

/// Puts a program of this name first in the search path of the commands.
fn program(directory: &Path, name: &str, script: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn shell(directory: &Path, command: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", directory.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    shell
}

/// The commands run as they are on the page. Only the programs that they call lead to this daemon
/// instead of the example's, and wait for less than 20 s. It needs curl and openssl.
#[tokio::test]
async fn the_commands_of_the_page_list_a_server_keep_it_and_take_it_off() {
    let (daemon, http) = announcing(&[]).await;
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let wait = "echo slept >> sleeps; exec /bin/sleep 0.05";
    program(directory, "sleep", wait);
    let curl = format!(
        "for word; do shift; case $word in https://list.example.org/*) \
         word=http://{http}/${{word#https://list.example.org/}};; esac; set -- \"$@\" \"$word\"; \
         done\nPATH=${{PATH#*:}} exec curl \"$@\""
    );
    program(directory, "curl", &curl);
    let [secret, announce, leave] = commands()[..] else {
        panic!("{:?}", commands());
    };
    let made = shell(directory, secret).output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
    let mode = fs::metadata(directory.join("secret.txt"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o77, 0, "others can read it");

    let announcing = shell(directory, announce).spawn().unwrap();
    let mut client = Follower::new(&daemon, Some("my-game")).await;
    client.until("listed", |list| list.len() == 1).await;
    assert_eq!(listed(http).await[0]["info"]["name"], "The castle");
    // It announces again, and the server is kept.
    let again =
        async { while value(&scrape(http).await, "metaserve_announces_total", "kept") < 2.0 {} };
    patiently("more announcements", again).await;
    drop(announcing);
    let left = shell(directory, leave).output().await.unwrap();
    assert!(left.status.success(), "{left:?}");
    client.until("off the list", |list| list.is_empty()).await;
}
